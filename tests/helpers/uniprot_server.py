"""A stand-in for the UniProt REST search, on loopback, with faults on demand.

It answers ``/uniprotkb/search`` as rest.uniprot.org does: pages by a cursor in the Link header,
``X-Total-Results``, ``X-UniProt-Release``, ``compressed=true`` as gzip bytes without
Content-Encoding, refusals as JSON ``{"messages": [...]}``.
"""

import gzip
import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

BUSY = "Too Many Requests: please try again in a few minutes."


@dataclass
class Fault:
    """What to do instead of answering, for the next ``times`` requests of a page.

    ``kind`` is a status, or one of: ``lost`` (connection closed without an answer), ``cut``
    (closed in the middle of the body), ``gzip`` (half of the gzip data, sent whole), ``json``
    (no JSON), ``layout`` (JSON of another kind), ``html`` (a page without UniProt's headers),
    ``slow`` (the body byte by byte, without its length), ``slow headers`` (the same, before the
    body), ``answer`` (as usual but for ``headers`` and ``body``, which is sent as it is).

    Attributes
    ----------
    headers : dict
        Of the answer or refusal, in addition or in place of the usual ones; None leaves one out.
    message : str
        Of a refusal.
    """

    page: int
    kind: int | str
    times: int = 1
    retry_after: int | str | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    body: bytes | None = None
    message: str = BUSY


@dataclass
class UniProtServer:
    """Serves ``entries``; use as a context manager, its address is ``url``.

    ``asked`` lists the pages asked for, in order; page 0 is a request for headers alone.
    """

    entries: Sequence[dict[str, Any]]
    faults: list[Fault] = field(default_factory=list)
    release: str = "2026_03"
    release_from_page: dict[int, str] = field(default_factory=dict)
    total: int | None = None
    compressed: bool = True
    asked: list[int] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def fault(self, page: int) -> Fault | None:
        """Fault due for ``page``, used up by this."""
        for fault in self.faults:
            if fault.page == page and fault.times > 0:
                fault.times -= 1
                return fault
        return None


def _handler(server: UniProtServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or a small answer waits 40 ms for its second half

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            size = int(query.get("size", 25))
            offset = int(query.get("cursor", "0"))
            page = offset // size + 1 if size else 0
            server.asked.append(page)
            server.requests.append((self.path, dict(self.headers)))
            fault = server.fault(page)
            if address.path != "/uniprotkb/search":
                self.refuse(404, "Resource not found")
            elif size > 500:
                self.refuse(400, "'size' must be less than or equal to 500")
            elif query["query"].startswith("wrong"):
                self.refuse(400, "'wrong' is not a valid search field")
            elif fault is not None:
                self.fail(fault, query, page, offset, size)
            else:
                self.answer(query, page, offset, size)

        def answer(
            self,
            query: dict[str, str],
            page: int,
            offset: int,
            size: int,
            document: str | None = None,
            keep: float = 1,
            cut: bool = False,
            fault: Fault | None = None,
        ) -> None:
            results = list(server.entries[offset : offset + size])
            text = document or json.dumps({"results": results}, separators=(",", ":"))
            body = text.encode()
            if server.compressed and query.get("compressed") == "true":
                body = gzip.compress(body)
            body = body[: round(keep * len(body))]
            total = len(server.entries) if server.total is None else server.total
            headers: dict[str, str | None] = {
                "X-Total-Results": str(total),
                "X-UniProt-Release": server.release_from_page.get(page, server.release),
            }
            if size and offset + size < len(server.entries):
                following = urlencode({**query, "cursor": offset + size})
                host = self.headers["Host"]
                headers["Link"] = f'<http://{host}/uniprotkb/search?{following}>; rel="next"'
            if fault is not None:
                headers |= fault.headers
                body = body if fault.body is None else fault.body
            self.send(200, body, headers, cut)

        def fail(
            self, fault: Fault, query: dict[str, str], page: int, offset: int, size: int
        ) -> None:
            if isinstance(fault.kind, int):
                wait = None if fault.retry_after is None else str(fault.retry_after)
                self.refuse(fault.kind, fault.message, {"Retry-After": wait} | fault.headers)
            elif fault.kind == "lost":
                self.close_connection = True
            elif fault.kind == "answer":
                self.answer(query, page, offset, size, fault=fault)
            elif fault.kind == "slow":
                self.drip(b"HTTP/1.1 200 OK\r\nX-Total-Results: 1\r\n\r\n", b" " * 1000)
            elif fault.kind == "slow headers":
                self.drip(b"HTTP/1.1 200 OK\r\nX-Total-Results: 1", b"1" * 1000)
            elif fault.kind == "html":
                self.send(200, b"<html>Log in first</html>", {})
            elif fault.kind == "json":
                self.answer(query, page, offset, size, document='{"results": [{"primaryAcc')
            elif fault.kind == "layout":
                self.answer(query, page, offset, size, document='{"results": [{"id": 1}]}')
            else:
                cut = fault.kind == "cut"
                self.answer(query, page, offset, size, keep=1 if cut else 0.5, cut=cut)

        def drip(self, head: bytes, rest: bytes) -> None:
            self.close_connection = True
            with suppress(OSError):  # the client has had enough
                self.wfile.write(head)
                for byte in rest:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.01)

        def refuse(
            self, status: int, message: str, headers: dict[str, str | None] | None = None
        ) -> None:
            body = json.dumps({"url": self.path, "messages": [message]}).encode()
            self.send(status, body, headers or {})

        def send(
            self, status: int, body: bytes, headers: dict[str, str | None], cut: bool = False
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if value is not None:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # the client has seen enough
                self.wfile.write(body[: len(body) // 2] if cut else body)
            if cut:
                self.close_connection = True

    return Handler
