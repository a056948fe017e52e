"""Statuses and redirects of a server on loopback."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from protsae.errors import UserError
from protsae.io.http.client import Client, Refused
from protsae.io.http.retries import RetryPolicy

PASSING = [403, 408, 409, 425, 429, 500, 502, 503, 504, 520, 530, 599]
REDIRECTS = [301, 302, 303, 307, 308]
FINAL = [400, 401, 404, 410, 418, 426, 501, 505, 511, 600]


class Handler(BaseHTTPRequestHandler):
    """``/S/0`` answers with status S; ``/S/N`` leads to an answer in N steps, each of status S;
    ``/S/-1`` leads nowhere. ``/pages`` has a page before it and one after it."""

    def do_GET(self) -> None:
        if self.path == "/pages":
            self.send_response(200)
            self.send_header("Link", '</pages?p=0>; rel="prev", </pages?p=2>; rel="Next"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        status, steps = map(int, self.path.strip("/").split("/"))
        self.send_response(200 if status in REDIRECTS and not steps else status)
        if steps > 0:
            self.send_header("Location", f"/{status}/{steps - 1}")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = Client(url, RetryPolicy(attempts=0), lambda _: None)
    yield client
    client.close()


@pytest.mark.parametrize("status", PASSING)
def test_what_may_pass_is_asked_again(client: Client, url: str, status: int) -> None:
    with pytest.raises(UserError, match="run again later") as refusal:
        client.get(f"{url}/{status}/0")
    assert not isinstance(refusal.value, Refused)


@pytest.mark.parametrize("status", FINAL)
def test_what_stays_is_not(client: Client, url: str, status: int) -> None:
    with pytest.raises(Refused, match=f"HTTP {status}") as refusal:
        client.get(f"{url}/{status}/0")
    assert refusal.value.status == status


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_redirects_are_followed(client: Client, url: str, status: int, steps: int) -> None:
    assert client.get(f"{url}/{status}/{steps}").body == b"{}"


@pytest.mark.parametrize("status", [300, 304, 306])
def test_what_is_no_redirect_is_refused(client: Client, url: str, status: int) -> None:
    with pytest.raises(Refused, match=f"HTTP {status}"):
        client.get(f"{url}/{status}/1")


def test_the_next_page_of_several_links(client: Client, url: str) -> None:
    assert client.get(f"{url}/pages").next_url == f"{url}/pages?p=2"
    assert client.get(f"{url}/200/0").next_url is None


def test_a_location_alone_is_no_redirect(client: Client, url: str) -> None:
    assert client.get(f"{url}/200/9").body == b"{}"


def test_a_redirect_that_leads_nowhere_is_refused(client: Client, url: str) -> None:
    with pytest.raises(Refused, match="HTTP 302: Found"):
        client.get(f"{url}/302/-1")


def test_a_sixth_redirect_is_not(client: Client, url: str) -> None:
    with pytest.raises(Refused, match="more than 5 redirects one after another") as refusal:
        client.get(f"{url}/302/6")
    assert refusal.value.status == 200


def test_a_broken_connection_is_told_at_once() -> None:
    """Nobody else repeats what the policy does not: a server that hangs up is asked once."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with contextlib.suppress(OSError):  # closed at the end
                while True:
                    connection, _ = server.accept()
                    asked.append(connection.recv(1))
                    connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        client = Client(url, RetryPolicy(attempts=0), lambda _: None)
        with pytest.raises(UserError, match="cannot be reached 1 times"):
            client.get(f"{url}/x")
        client.close()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert asked == [b"G"]
