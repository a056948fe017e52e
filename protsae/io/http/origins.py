"""The server that was asked, and addresses that must not lead away from it."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit, urlunsplit

from protsae.one_line import shown

_PORTS = {"http": 80, "https": 443}
_NETLOC = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port of a server; written as the beginning of its addresses.

    Examples
    --------
    >>> str(Origin.of("https://rest.uniprot.org:443/x")), str(Origin.of("http://[::1]:80"))
    ('https://rest.uniprot.org', 'http://[::1]')
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """Origin of an address.

        Raises
        ------
        ValueError
            If it is not ``http://host`` or ``https://host`` with or without a port; user names
            and passwords are refused, as programs differ in where they see the host then.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not _NETLOC.fullmatch(parts.netloc):
            raise ValueError(f"{shown(url)} is no http(s)://host")
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
        host = parts.netloc.rsplit(":", 1)[0] if parts.port is not None else parts.netloc
        return cls(parts.scheme, host.lower(), port)

    def __str__(self) -> str:
        """``https://rest.uniprot.org``: the port is written if it is not the usual one."""
        return f"{self.scheme}://{self._netloc()}"

    def address(self, base: str, target: str) -> str:
        """What ``target``, a link or a redirect of the page ``base``, leads to on this server.

        It is built anew from this origin, so that no way of reading it leads elsewhere.

        Raises
        ------
        ValueError
            If it leads to another scheme, host or port, which the message is.
        """
        try:
            joined = urljoin(base, target)
            found = self.of(joined)
        except ValueError:
            raise ValueError(shown(target)) from None
        if found != self:
            raise ValueError(str(found))
        parts = urlsplit(joined)
        return urlunsplit((self.scheme, self._netloc(), parts.path or "/", parts.query, ""))

    def _netloc(self) -> str:
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"
