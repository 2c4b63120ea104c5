"""Sending an answer, well or badly.

Alone responsible for bytes on the socket: headers, and the faults that are about how an answer travels.
"""

from __future__ import annotations

import base64
import math
import select
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from .api import Answer
from .clock import http_date

_LINGER_NONE = struct.pack("ii", 1, 0)
_BLOCK = 64 * 1024


class Delivery:
    """Sends one answer. `now` is the emulator's clock; `keep` says whether the connection may stay open after it."""

    def __init__(self, connection: socket.socket, method: str, now: Callable[[], float], *, keep: bool) -> None:
        self._connection, self._method, self._now, self._keep = connection, method, now, keep

    def send(self, answer: Answer, written: Callable[[], None] = lambda: None) -> bool:
        """Send it; True when the connection can take another request.

        `written` is called before a sound answer's bytes leave, so that a client that has it finds it written down.
        """
        end, changes = answer.effects.end, answer.effects.changes
        if "delay" in changes:
            time.sleep(changes["delay"]["seconds"])  # the fault that was asked for
        if end and end[0] == "hang":
            self._hang(end[1]["seconds"])
            return False
        if end and end[0] == "garbage":
            self._connection.sendall(base64.b64decode(end[1]["data_base64"]) or end[1]["data"].encode())
            return False
        if end and end[0] == "huge":
            return self._huge(answer, end[1])
        body, length = answer.body, len(answer.body)
        if "truncate" in changes:
            body = body[: int(length * changes["truncate"]["keep"])]
            # With `close` the header promises the whole and the connection ends early, else broken XML comes properly.
            self._keep &= not changes["truncate"]["close"]
            length = length if changes["truncate"]["close"] else len(body)
        head = self._head(answer, f"Content-Length: {length}")
        if self._method == "HEAD":
            body = b""
        if "reset" in changes:
            self._connection.sendall(head + body[: changes["reset"]["after"]])
            self._reset()
            return False
        if "trickle" in changes:
            self._trickle(head, body, changes["trickle"])
        else:
            written()
            self._connection.sendall(head + body)
        return self._keep

    def _head(self, answer: Answer, framing: str) -> bytes:
        shift = answer.effects.changes.get("date", {}).get("offset", 0)
        try:
            phrase = HTTPStatus(answer.status).phrase
        except ValueError:
            phrase = ""
        lines = [
            f"HTTP/1.1 {answer.status} {phrase}",
            f"Date: {http_date(self._now() + shift)}",
            f"Connection: {'keep-alive' if self._keep else 'close'}",
            framing,
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    def _hang(self, seconds: float) -> None:
        """Send nothing until the client goes or the time is over."""
        select.select([self._connection], [], [], seconds)

    def _reset(self) -> None:
        """Close with RST: what was sent arrives, then the connection breaks."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        time.sleep(0.05)  # an RST overtakes bytes that the client has not read yet
        socket.close(self._connection.detach())

    def _trickle(self, head: bytes, body: bytes, parameters: Mapping[str, Any]) -> None:
        slow, quick = (head + body, b"") if parameters["part"] == "headers" else (body, head)
        self._connection.sendall(quick)
        chunk = parameters["chunk"]
        begun = time.monotonic()
        for place in range(0, len(slow), chunk):
            if time.monotonic() - begun > parameters["seconds"]:
                self._keep = False
                return
            self._connection.sendall(slow[place : place + chunk])
            time.sleep(parameters["interval"])  # the fault that was asked for: bytes that trickle

    def _huge(self, answer: Answer, parameters: Mapping[str, Any]) -> bool:
        """A well-formed list of very many equal jobs, made while it is sent."""
        start, row, end = b"<Response>", b"<JobsDetail><Name>" + b"x" * 200 + b"</Name></JobsDetail>", b"</Response>"
        rows = max(0, math.ceil((parameters["bytes"] - len(start) - len(end)) / len(row)))
        per_block = _BLOCK // len(row)

        def pieces() -> Iterator[bytes]:
            yield start
            for sent in range(0, rows, per_block):
                yield row * min(per_block, rows - sent)
            yield end

        if parameters["gzip"] or parameters["chunked"]:
            squeezed = parameters["gzip"]
            framing = "Transfer-Encoding: chunked" + ("\r\nContent-Encoding: gzip" if squeezed else "")
            self._connection.sendall(self._head(answer, framing))
            for piece in _gzipped(pieces()) if squeezed else pieces():
                self._connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            self._connection.sendall(b"0\r\n\r\n")
        else:
            length = len(start) + rows * len(row) + len(end)
            self._connection.sendall(self._head(answer, f"Content-Length: {length}"))
            for piece in pieces():
                self._connection.sendall(piece)
        return self._keep


def _gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=1, wbits=31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
