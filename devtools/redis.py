"""Asks a Redis whether it can be used, with nothing but a socket: it is asked before any package is installed."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from devtools.messages import Failed

TIMEOUT = 3.0
"""Seconds for connecting, and for each answer."""


class Refused(Exception):
    """The server answered with an error; the text is its own."""


@dataclass(frozen=True)
class Address:
    """A Redis URL, taken apart."""

    scheme: str
    host: str
    port: int
    path: str
    """The socket's path; only for unix."""
    user: str
    password: str
    database: str

    @classmethod
    def from_url(cls, url: str) -> Address:
        """Take a URL apart as redis-py does.

        Raises:
            ValueError: it isn't a Redis URL. The text doesn't repeat it, for it may hold a password.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("the scheme is none of redis, rediss, unix")
        unix = parts.scheme == "unix"
        in_path = "" if unix else parts.path.strip("/")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname or "localhost",
            port=parts.port or 6379,
            path=unquote(parts.path) if unix else "",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=parse_qs(parts.query).get("db", [in_path])[0] or "0",
        )

    @property
    def where(self) -> str:
        """Host and port, or the path: what may be shown."""
        return self.path or f"{self.host}:{self.port}"

    def connect(self, timeout: float) -> socket.socket:
        """Open a connection; `timeout` in seconds.

        Raises:
            OSError: nobody answers there.
        """
        if not self.path:
            return socket.create_connection((self.host, self.port), timeout)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(self.path)
        return connection


def ask(address: Address, *command: str, timeout: float = TIMEOUT) -> str:
    """Return the answer to one command, after signing in and choosing the database.

    Raises:
        OSError: it can't be reached, speaks something else, or doesn't answer within `timeout` seconds.
        Refused: it doesn't take the password, the database or the command.
    """
    with address.connect(timeout) as connection, connection.makefile("rb") as answers:

        def call(*words: str) -> str:
            encoded = [word.encode() for word in words]
            message = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
            connection.sendall(b"*%d\r\n" % len(encoded) + message)
            kind, rest = answers.read(1), answers.readline().strip()
            if kind == b"-":
                raise Refused(rest.decode("utf-8", "replace"))
            if kind == b"$" and rest.isdigit():
                return answers.read(int(rest) + 2).decode("utf-8", "replace")
            if kind not in {b"+", b":"}:
                raise OSError("it doesn't speak Redis's protocol")
            return rest.decode("utf-8", "replace")

        if address.password:
            call("AUTH", *([address.user] if address.user else []), address.password)
        if address.database != "0":
            call("SELECT", address.database)
        return call(*command)


def identify(name: str, url: str) -> str:
    """Return a text that is equal for two URLs exactly where they mean the same server and database.

    Args:
        name: the variable, for the message.
        url: its value; the server must answer.

    Raises:
        Failed: it isn't a Redis URL, or the server can't be used.
    """
    try:
        address = Address.from_url(url)
    except ValueError:
        raise Failed(
            f"{name} is not a Redis address. Write redis://host:6379/0, or unset it: ./dev run brings a Redis."
        ) from None
    server = address.where
    try:
        if address.scheme == "rediss":
            # Which certificates count is for the client to say; here it matters that somebody listens.
            address.connect(TIMEOUT).close()
        else:
            ask(address, "PING")
            # A server may go by several names; its run id has one.
            with contextlib.suppress(Refused):
                if found := re.search(r"^run_id:(\w+)", ask(address, "INFO", "server"), re.MULTILINE):
                    server = found[1]
    except (OSError, Refused, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise Failed(
            f"{name}: no Redis that can be used at {address.where} ({reason})."
            " Start it, or unset the variable: ./dev run then brings one."
        ) from None
    return f"{server} {address.database}"
