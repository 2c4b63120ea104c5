"""Servers that answer with any bytes, at any pace, and the client that asks them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.cloudinfinite import Client, CloudInfiniteError, Credential

DATA = Path(__file__).parent / "data"
BUCKET, REGION = "media-prod-1250000000", "ap-guangzhou"
HOST = f"{BUCKET}.ci.{REGION}.myqcloud.com"
CREDENTIAL = Credential("AKIDexampleexample", "SECRETKEYexample", "TOKEN+example/==")
NOW = 1_700_000_060.0
JOBS = "/inventorytriggerjob"
EMPTY = b"<Response/>"
OK = b"HTTP/1.1 200 OK\r\n"
DEADLINE = 0.5
IN_TIME = 5 * DEADLINE
"""Seconds within which a call that ends at its deadline has ended, on a busy machine, too: what trickles goes on four times as long."""

Answerer = Callable[[socket.socket, bytes], None]


def response(body: bytes = EMPTY, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


class Server:
    """A raw HTTP server: `answer` gets the connection and a request's head, as often as requests come."""

    def __init__(self, answer: Answerer, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._answer = answer
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.add(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with contextlib.closing(connection):
                while head := self._head(connection):
                    self.requests.append(head)
                    self._answer(connection, head)

    @staticmethod
    def _head(connection: socket.socket) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = connection.recv(65536)
            if not piece:
                return b""
            head += piece
        return head

    def stop(self) -> None:
        self.stopping.set()
        for opened in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


@contextlib.contextmanager
def serving(answer: Answerer | bytes, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    def send(connection: socket.socket, _head: bytes) -> None:
        assert isinstance(answer, bytes)
        connection.sendall(answer)

    server = Server(send if isinstance(answer, bytes) else answer, context)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def asking(endpoint: str | None, **options: Any) -> Iterator[Client]:
    client = Client(**{"clock": lambda: NOW, "endpoint": endpoint, "deadline": DEADLINE, **options})
    try:
        yield client
    finally:
        client.close()


def ask(client: Client, **parameters: Any) -> Any:
    return client.list_jobs(BUCKET, REGION, CREDENTIAL, **parameters)


def failure_of(client: Client, **parameters: Any) -> CloudInfiniteError:
    with pytest.raises(CloudInfiniteError) as caught:
        ask(client, **parameters)
    return caught.value


def failure_with(answer: Answerer | bytes, **options: Any) -> CloudInfiniteError:
    with serving(answer) as server, asking(server.url, **options) as client:
        return failure_of(client)


def header(head: bytes, name: str) -> str:
    found = [line for line in head.decode("latin-1").split("\r\n") if line.lower().startswith(f"{name}:")]
    assert len(found) == 1
    return found[0].partition(": ")[2]


def target(head: bytes) -> str:
    return head.split(b" ", 2)[1].decode()


def wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.005)


def trickling(head: bytes, piece: bytes) -> Answerer:
    """Send `head` and then `piece` for ever, slowly enough to outlast any deadline and fast enough to outwit a time-out."""

    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(head)
        ends = time.monotonic() + 20 * DEADLINE
        while time.monotonic() < ends:
            connection.sendall(piece)
            time.sleep(DEADLINE / 25)

    return answer


def silent(connection: socket.socket, _head: bytes) -> None:
    connection.recv(1)
