"""A Redis behind Sentinel, as one URL: `sentinel://[user:password@]host[:port],host[:port]/service/database`.

The sentinels say which server is the service's primary now; user and password are for the servers themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote

SCHEME = "sentinel://"
PORT = 26379


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """A `sentinel://` URL, taken apart."""

    sentinels: tuple[tuple[str, int], ...]
    service: str
    database: int
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> Self | None:
        """Take a URL apart; None for one of another scheme.

        Raises:
            ValueError: it lacks a sentinel, the service or the database. The text doesn't repeat it, for it may hold a
                password.
        """
        if not url.startswith(SCHEME):
            return None
        signs, _, rest = url.removeprefix(SCHEME).rpartition("@")
        hosts, _, path = rest.partition("/")
        service, _, database = path.partition("/")
        if not hosts or not service or not database.isdigit():
            raise ValueError("write sentinel://host:26379,host:26379/service/0")
        user, _, password = signs.partition(":")
        return cls(
            sentinels=tuple(_host_and_port(host) for host in hosts.split(",")),
            service=unquote(service),
            database=int(database),
            user=unquote(user) or None,
            password=unquote(password) or None,
        )

    @property
    def kombu_url(self) -> str:
        """The same for Celery, which takes the service from its transport options."""
        signs = f"{quote(self.user or '', safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        return ";".join(f"{SCHEME}{signs}{host}:{port}/{self.database}" for host, port in self.sentinels)


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    if not host or (port and not port.isdigit()):
        raise ValueError("write sentinel://host:26379,host:26379/service/0")
    return host, int(port or PORT)
