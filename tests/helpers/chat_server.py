"""A stand-in for an endpoint of chat completions, on loopback, with the layout of real answers."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


def completion(text: str | None, finish: str = "stop", model: str = "stand-in-2026") -> Reply:
    """An answer as OpenAI, vLLM and llama.cpp lay it out."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    usage = {"prompt_tokens": 1009, "completion_tokens": 53, "total_tokens": 1062}
    document = {
        "id": "chatcmpl-7",
        "object": "chat.completion",
        "created": 1741569952,
        "model": model,
        "choices": [choice],
        "usage": usage,
        "system_fingerprint": None,
    }
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()


def refusal(status: int, message: str, **headers: str) -> Reply:
    """An error as OpenAI lays it out."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return status, headers, json.dumps({"error": error}).encode()


@dataclass
class ChatServer:
    """What was asked, and what is answered: the replies in order, then `usual`.

    Attributes
    ----------
    url : str
        The endpoint.
    asked : list
        Body of each request, from JSON.
    headers : list
        Headers of each request.
    """

    usual: Callable[[dict[str, Any]], Reply]
    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def chat_server(usual: Callable[[dict[str, Any]], Reply]) -> Iterator[ChatServer]:
    served = ChatServer(usual)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            served.asked.append(json.loads(body))
            served.headers.append(dict(self.headers))
            if self.path != "/v1/chat/completions":
                self.reply(refusal(404, f"Invalid URL (POST {self.path})"))
            else:
                self.reply(served.replies.pop(0) if served.replies else usual(served.asked[-1]))

        def reply(self, reply: Reply) -> None:
            status, headers, content = reply
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
