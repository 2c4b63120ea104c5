"""Sends a request as exactly these bytes and reads one answer; an HTTP library would put right what is meant to be wrong."""

from __future__ import annotations

import gzip
import http.client
import socket
from dataclasses import dataclass

PATIENCE = 30.0
"""Seconds for one answer: more than the product's longest wait."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request: `target` is what stands in its first line, `headers` come after Host and Connection."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    def header(self, name: bytes) -> bytes:
        """Return the first header called `name`, b"" where there is none."""
        return next((value for own, value in self.headers if own.lower() == name.lower()), b"")

    def raw(self, host: str, cookies: bytes = b"") -> bytes:
        """Return its bytes. A Host among its headers stands in place of `host`; of two cookies alike `cookies` count."""
        own = [value for name, value in self.headers if name == b"Cookie"]
        headers = [(name, value) for name, value in self.headers if name != b"Cookie"]
        headers += [(b"Cookie", b"; ".join([*own, cookies])), (b"Connection", b"close")]
        if not self.header(b"host"):
            headers.insert(0, (b"Host", host.encode()))
        if self.body:
            headers.append((b"Content-Length", str(len(self.body)).encode()))
        lines = [self.method.encode() + b" " + self.target + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in headers]
        return b"\r\n".join([*lines, b"", b""]) + self.body


@dataclass(frozen=True, slots=True)
class Received:
    """An answer. Header names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the first header called `name`, "" where there is none."""
        return next((value for own, value in self.headers if own == name), "")

    @property
    def kind(self) -> str:
        """Its media type."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def head(self) -> str:
        """All headers as text."""
        return "\n".join(f"{name}: {value}" for name, value in self.headers)


def unpacked(received: Received) -> Received:
    """Return an answer as a browser has it. How long a compressed one was is left to chance, so that nobody can guess from it."""
    if received.header("content-encoding") != "gzip" or not received.body:
        return received
    body = gzip.decompress(received.body)
    plain = (pair for pair in received.headers if pair[0] != "content-length")
    return Received(received.status, (*plain, ("content-length", str(len(body)))), body)


def exchange(host: str, request: Request, cookies: bytes = b"") -> Received:
    """Send `request` to `host` ("127.0.0.1:8000") over a connection of its own and return the answer."""
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(request.raw(host, cookies))
        answer = http.client.HTTPResponse(connection, method=request.method)
        try:
            answer.begin()
            body = answer.read()
            headers = tuple((name.lower(), value) for name, value in answer.getheaders())
            return unpacked(Received(answer.status, headers, body))
        finally:
            answer.close()
