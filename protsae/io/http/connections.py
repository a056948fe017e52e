"""Connections that end at a deadline, wherever they are waiting.

A timeout of `requests` starts over with every piece, so that a server which sends a byte a second,
of a header or of a handshake, is never late. Here a timer shuts the connection down.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Timer
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection


class Line:
    """The one connection of a session, held so that a timer can shut it down.

    Attributes
    ----------
    late : bool
        The latest deadline has passed.
    """

    def __init__(self) -> None:
        self.late = False
        self._socket: socket.socket | None = None
        self._lock = Lock()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Shut the connection down if the block takes longer; what reads from it fails then."""
        self.late = False
        timer = Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # or it might cut the next answer

    def hold(self, connection: socket.socket) -> None:
        """Take a new connection in place of the one before."""
        # A second handle: TLS takes the first one over, and a response may be its last owner.
        handle = connection.dup()
        with self._lock:
            self._drop()
            self._socket = handle
            if self.late:
                _shut(handle)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._drop()

    def _cut(self) -> None:
        with self._lock:
            self.late = True
            if self._socket is not None:
                _shut(self._socket)

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


class Session(requests.Session):
    """A session on one `Line` that follows no redirects, keeps no cookies and repeats nothing."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(line))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: even unfollowed, `requests` would read the whole body of a redirect."""
        return None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send without cookies of earlier answers, which a server could make any number of."""
        self.cookies.clear()
        return super().send(request, **kwargs)


class _Adapter(HTTPAdapter):
    def __init__(self, line: Line) -> None:
        self._pools = _pools(line)
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        if type(manager) is ProxyManager:  # SOCKS connects in its own way
            self._watch(manager)
        return manager

    def _watch(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = self._pools


def _pools(line: Line) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            line.hold(connection)
            return connection

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            line.hold(connection)
            return connection

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the server was first
        connection.shutdown(socket.SHUT_RDWR)
