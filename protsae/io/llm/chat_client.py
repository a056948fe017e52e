"""One chat completion at a time, from any endpoint that speaks OpenAI's protocol."""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from protsae.errors import UserError
from protsae.io.http.client import Client, Refused, RetryPolicy
from protsae.io.http.responses import error_message
from protsae.io.http.service import PASSING, Service
from protsae.one_line import cut, reason, shown

Messages = Sequence[dict[str, str]]
"""Of a prompt: each with a ``role`` and ``content``."""

KEY_VARIABLE = "PROTSAE_LLM_KEY"
"""Environment variable with the key of the endpoint; there is no other way to give one."""

RETRIES = RetryPolicy(
    silence=600.0, answer=600.0, page=3600.0, largest_body=1 << 24, largest_document=1 << 24
)
"""An LLM may think for minutes before it sends the first byte."""

SERVICE = Service(
    "the endpoint",
    "--endpoint",
    "http://localhost:8000/v1",
    "answer",
    "a chat completion",
    PASSING - {403},  # of a key that may not use the model
)

_KEY_REFUSED = (401, 403)
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|\[::1\]")
_KEY = re.compile(r"[!-~]+")
_HIDDEN = 6  # characters; a shorter key is a word that any text may have


@dataclass(frozen=True)
class Completion:
    """What an LLM has answered.

    Attributes
    ----------
    text : str
        Empty if it refused.
    finish : str or None
        Why it stopped: ``stop``, or ``length`` if the answer was cut.
    answered_by : str or None
        The LLM by the endpoint's own name.
    input_tokens, output_tokens : int or None
        As the endpoint counts them, if it does.
    """

    text: str
    finish: str | None
    answered_by: str | None
    input_tokens: int | None
    output_tokens: int | None


class ChatClient:
    """Asks an endpoint for chat completions of one LLM.

    Parameters
    ----------
    endpoint : str
        Address to which ``/chat/completions`` is added: ``http://localhost:8000/v1``.
    llm : str
        Name of the LLM, as the endpoint knows it.
    key : str
        Sent as ``Authorization: Bearer``; empty: none is sent.
    say : callable
        Receives a line before each pause.
    retries : RetryPolicy

    Raises
    ------
    UserError
        If the address or the key is none, or the key would be sent in plain text.
    """

    def __init__(
        self,
        endpoint: str,
        llm: str,
        key: str,
        say: Callable[[str], None],
        retries: RetryPolicy = RETRIES,
    ) -> None:
        self.llm, self._key = llm, key
        self._client = Client(endpoint, retries, lambda line: say(self._hidden(line)), SERVICE)
        parts = urlsplit(endpoint)
        if parts.query or parts.fragment:
            raise UserError(
                f"--endpoint is {shown(endpoint)}; expected no '?' and no '#', as addresses are "
                f"shown and stored; a key goes into {KEY_VARIABLE}"
            )
        if key:
            _validate_key(key, self._client.origin.scheme, self._client.origin.host)
        self._url = str(self._client.origin) + parts.path.rstrip("/") + "/chat/completions"
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def ask(self, messages: Messages) -> Completion:
        """The answer to a prompt.

        Nothing but the LLM's name and the prompt is sent: parameters such as a temperature are
        refused by some LLMs.

        Raises
        ------
        UserError
            If the endpoint refuses or cannot be reached, as `Client`, or its answer is no chat
            completion.
        """
        body = json.dumps({"model": self.llm, "messages": list(messages)}).encode()
        try:
            answer = self._client.post(self._url, body, self._headers)
        except Refused as error:
            raise UserError(self._refusal(error)) from None
        except UserError as error:
            raise UserError(self._hidden(str(error))) from None
        # A key that an endpoint sends back would be stored with the answer.
        return _completion(self._hidden(answer.body.decode("utf-8", "replace")), self._url)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _refusal(self, error: Refused) -> str:
        if error.status in _KEY_REFUSED:
            # What it says may show parts of the key.
            told = "the key in" if self._key else "a request without a key; give one in"
            return f"{self._url}: HTTP {error.status}: the endpoint refuses {told} {KEY_VARIABLE}"
        return f"{self._hidden(str(error))}; check --endpoint and --llm"

    def _hidden(self, text: str) -> str:
        return text.replace(self._key, "***") if len(self._key) >= _HIDDEN else text


def key_of_environment() -> str:
    """The key of the endpoint; empty if the variable is not set."""
    return os.environ.get(KEY_VARIABLE, "").strip()


def _validate_key(key: str, scheme: str, host: str) -> None:
    if not _KEY.fullmatch(key):
        raise UserError(
            f"{KEY_VARIABLE}: expected printable ASCII characters without blanks; set it again"
        )
    if scheme != "https" and not _LOOPBACK.fullmatch(host):
        raise UserError(
            f"{KEY_VARIABLE} is set, and --endpoint is http:// on another machine, which would "
            "send the key in plain text; use https://, or unset the variable"
        )


def _completion(body: str, url: str) -> Completion:
    """The parts of a chat completion that are used.

    Examples
    --------
    >>> _completion('{"choices": [{"message": {"content": "C"}}], "usage": null}', "http://x")
    Completion(text='C', finish=None, answered_by=None, input_tokens=None, output_tokens=None)
    """
    try:
        document = json.loads(body)
        if "choices" not in document and "error" in document:
            said = cut(error_message(document["error"]))
            raise UserError(f"{url}: {said}; check --endpoint and --llm")
        choice = document["choices"][0]
        text = choice["message"].get("content") or ""
        if not isinstance(text, str):
            raise TypeError(f"content is {shown(text)}, not text")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{url}: the answer is no chat completion ({_missing(error)}); check --endpoint"
        ) from None
    usage = document.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    finish, answered_by = choice.get("finish_reason"), document.get("model")
    return Completion(
        text,
        finish if isinstance(finish, str) else None,
        answered_by if isinstance(answered_by, str) else None,
        _tokens(usage.get("prompt_tokens")),
        _tokens(usage.get("completion_tokens")),
    )


def _missing(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else reason(error, 100)


def _tokens(count: Any) -> int | None:
    is_count = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    return count if is_count else None
