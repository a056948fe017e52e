"""HTTP GET that gives up late: retries refusals, lost connections and answers cut short."""

import gzip
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from protsae import __version__
from protsae.errors import UserError
from protsae.io.text_files import GZIP_MAGIC

_RETRIED = (429, 500, 502, 503, 504)
_TIMEOUT = (10, 120)  # seconds to connect, and between two pieces of an answer


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a request is repeated.

    Attributes
    ----------
    attempts : int
        Repetitions after the first request.
    backoff : float
        Seconds; the waiting time doubles from one repetition to the next, unless the server says
        how long to wait (Retry-After).
    longest : float
        Seconds; the waiting time grows no further.
    """

    attempts: int = 8
    backoff: float = 1.0
    longest: float = 120.0


@dataclass(frozen=True)
class Answer:
    """A complete answer.

    Attributes
    ----------
    body : bytes
        As sent, so gzip if the server packed the document itself.
    text : str
        The document, unpacked.
    headers : mapping
        Case-insensitive.
    next_url : str or None
        Target of the ``Link`` header with ``rel="next"``, verbatim.
    """

    body: bytes
    text: str
    headers: Mapping[str, str]
    next_url: str | None


class Refused(UserError):
    """The server will not answer this request, however often it is repeated."""


class Client:
    """A session that sends protsae's name and keeps to a `RetryPolicy`."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"protsae/{__version__}"
        retry = Retry(
            total=policy.attempts,
            status_forcelist=_RETRIED,
            backoff_factor=policy.backoff,
            backoff_max=policy.longest,
            raise_on_status=False,
        )
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def get(self, url: str) -> Answer:
        """Fetch ``url``.

        Raises
        ------
        Refused
            If the server refuses for good (status 4xx but 429), with its own message.
        UserError
            If it cannot be reached, or does not answer in full after all repetitions.
        """
        for attempt in range(self._policy.attempts + 1):
            response = self._start(url)
            try:
                return _answer(response)
            # urllib3 repeats nothing once the headers have come, so bodies are on us.
            except (requests.RequestException, EOFError, gzip.BadGzipFile, zlib.error) as error:
                reason = type(error).__name__
            finally:
                response.close()
            time.sleep(min(self._policy.longest, self._policy.backoff * 2**attempt))
        raise UserError(
            f"{_host(url)}: the answer was cut short {self._policy.attempts + 1} times ({reason}); "
            "run again to go on from here"
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _start(self, url: str) -> requests.Response:
        """Response whose status is 200 and whose body is still to be read."""
        try:
            response = self._session.get(url, timeout=_TIMEOUT, stream=True)
        except requests.RequestException as error:
            raise UserError(
                f"{_host(url)}: cannot be reached ({type(error).__name__}); "
                "check the network and fetch.api, then run again to go on from here"
            ) from None
        if response.status_code != 200:
            with response:
                raise _refusal(url, response)
        return response


def _answer(response: requests.Response) -> Answer:
    body = response.content
    # UniProt's compressed=true has no Content-Encoding, so requests leaves the body packed.
    plain = gzip.decompress(body) if body.startswith(GZIP_MAGIC) else body
    return Answer(
        body=body,
        text=plain.decode("utf-8", errors="replace"),
        headers=response.headers,
        next_url=response.links.get("next", {}).get("url"),
    )


def _refusal(url: str, response: requests.Response) -> UserError:
    try:
        message = " ".join(response.json()["messages"])
    except (requests.RequestException, ValueError, KeyError, TypeError):
        message = response.reason or ""
    said = f"HTTP {response.status_code}: {' '.join(message.split())}"
    if response.status_code in _RETRIED:
        return UserError(f"{_host(url)}: still {said}; run again later to go on from here")
    return Refused(f"{_host(url)}: {said}")


def _host(url: str) -> str:
    return "/".join(url.split("/")[:3])
