"""HTTP requests to one server, in bounded time and memory; repeats what may pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.utils import parse_header_links

from protsae import __version__
from protsae.errors import UserError
from protsae.io.http.connections import Line, Session
from protsae.io.http.origins import Origin
from protsae.io.http.responses import (
    BROKEN,
    DAMAGED,
    TooLarge,
    UnknownCoding,
    check_document,
    read_body,
    server_message,
)
from protsae.io.http.retries import Passing, RetryPolicy, Waiting, asked_seconds, in_seconds
from protsae.io.http.service import UNIPROT, Service
from protsae.one_line import one_line, shown

__all__ = ["Answer", "Client", "Refused", "RetryPolicy"]

_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 5


@dataclass(frozen=True)
class Answer:
    """A complete answer.

    Attributes
    ----------
    body : bytes
        As sent, so gzip if the server packed the document itself; whole and of bounded size.
    headers : mapping
        Case-insensitive.
    next_url : str or None
        Target of the ``Link`` header with ``rel="next"``, on the server that was asked.
    """

    body: bytes
    headers: Mapping[str, str]
    next_url: str | None


class Refused(UserError):
    """The server will not answer this request, however often it is repeated.

    Attributes
    ----------
    status : int
        Of the HTTP answer; 200 if the answer itself is of no use.
    """

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Asks one server, sends protsae's name and keeps to a `RetryPolicy`.

    Parameters
    ----------
    server : str
        Address with the scheme, host and port that all requests, links and redirects must have.
    say : callable
        Receives a line before each pause.
    service : Service
        What it is called in messages, and which of its refusals may pass.

    Raises
    ------
    UserError
        If ``server`` is no such address.
    """

    def __init__(
        self,
        server: str,
        policy: RetryPolicy,
        say: Callable[[str], None],
        service: Service = UNIPROT,
    ) -> None:
        try:
            self.origin = Origin.of(server)
        except ValueError:
            raise UserError(
                f"{service.setting} is {shown(server)}; expected http(s)://host without user and "
                f"password, such as {service.example}"
            ) from None
        self._policy, self._say, self._service = policy, say, service
        self._line = Line()
        self._session = Session(self._line)
        # The pages are packed already, so a second time would only cost.
        self._session.headers.update(
            {"User-Agent": f"protsae/{__version__}", "Accept-Encoding": "identity"}
        )

    def get(self, url: str) -> Answer:
        """Fetch ``url``.

        Raises
        ------
        Refused
            If the server refuses for good, with its own message, if the answer is too large, or if
            it leads to another server.
        UserError
            If the server cannot be reached or does not answer in full, after all repetitions or
            when the time is up, or asks to wait for longer than the policy allows.
        """
        return self._ask(lambda: self._follow(url))

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send ``body`` to ``url``; redirects are not followed.

        What the headers carry goes to no other server, nor do a ``.netrc`` and its passwords go
        to this one.

        Raises
        ------
        Refused, UserError
            As `get`.
        """
        return self._ask(lambda: self._posted(url, body, headers))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._line.close()

    def _ask(self, request: Callable[[], Answer]) -> Answer:
        """Make a request, again and again if need be."""
        waiting = Waiting(self._policy, str(self.origin), self._say, self._service)
        while True:
            try:
                return self._try(request, waiting.left())
            except Passing as fault:
                waiting.pause(fault)

    def _try(self, request: Callable[[], Answer], seconds: float) -> Answer:
        try:
            with self._line.within(seconds):
                answer = request()
        except Passing:
            if self._line.late:
                raise _late(seconds) from None
            raise
        if self._line.late:  # without Content-Length a body that was cut looks whole
            raise _late(seconds)
        try:
            check_document(answer.body, self._policy.largest_document)
        except DAMAGED as error:
            raise _cut_short(error) from None
        except TooLarge as error:
            raise self._too_large(error) from None
        return answer

    def _follow(self, url: str) -> Answer:
        """Answer of ``url`` or of what it redirects to."""
        for _ in range(_MOST_REDIRECTS + 1):
            with self._open(url) as response:
                target = response.headers.get("Location")
                if target is None or response.status_code not in _REDIRECTS:
                    return self._answer(url, response)
            url = self._address(url, target, "a redirect")
        raise Refused(f"{self.origin}: more than {_MOST_REDIRECTS} redirects one after another")

    def _posted(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        # An auth of its own, as requests would put that of a .netrc over an Authorization header.
        with self._open(
            url, "POST", data=body, headers=dict(headers), auth=lambda request: request
        ) as response:
            return self._answer(url, response)

    def _open(self, url: str, method: str = "GET", **sent: Any) -> requests.Response:
        """Response whose body is still to be read."""
        timeout = (self._policy.connect, self._policy.silence)
        try:
            return self._session.request(
                method, url, timeout=timeout, stream=True, allow_redirects=False, **sent
            )
        except BROKEN as error:
            advice = f"check the network and {self._service.setting}, then run again"
            raise Passing("cannot be reached", type(error).__name__, advice) from None

    def _answer(self, url: str, response: requests.Response) -> Answer:
        if response.status_code != 200:
            raise self._refusal(response)
        try:
            body = read_body(response, self._policy.largest_body)
        except (*DAMAGED, *BROKEN) as error:
            raise _cut_short(error) from None
        except TooLarge as error:
            raise self._too_large(error) from None
        except UnknownCoding as error:
            raise Refused(
                f"{self.origin}: an answer with Content-Encoding {shown(str(error))}, which was "
                "not asked for; expected none or gzip"
            ) from None
        target = _next_link(response.headers.get("Link", ""))
        return Answer(
            body=body,
            headers=response.headers,
            next_url=None if target is None else self._address(url, target, "the Link of a page"),
        )

    def _address(self, base: str, target: str, what: str) -> str:
        try:
            return self.origin.address(base, target)
        except ValueError as error:
            raise Refused(
                f"{self.origin}: {what} leads to {one_line(str(error))}; protsae follows only to "
                f"the scheme, host and port of {self._service.setting}"
            ) from None

    def _refusal(self, response: requests.Response) -> Passing | Refused:
        said = f"HTTP {response.status_code}: {server_message(response)}"
        if response.status_code in self._service.passing:
            return Passing(said, "", "run again later", asked_seconds(response.headers))
        return Refused(f"{self.origin}: {said}", response.status_code)

    def _too_large(self, error: TooLarge) -> Refused:
        return Refused(f"{self.origin}: an answer of {error}; expected {self._service.expected}")


def _next_link(header: str) -> str | None:
    links = parse_header_links(header)
    return next((link["url"] for link in links if link.get("rel", "").lower() == "next"), None)


def _cut_short(error: Exception) -> Passing:
    return Passing("the answer was cut short", type(error).__name__)


def _late(seconds: float) -> Passing:
    return Passing("no whole answer", f"within {in_seconds(seconds)}")
