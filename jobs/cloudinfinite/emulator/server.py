"""The HTTP server.

Alone responsible for connections: one thread each, kept alive, CI calls by Host, the admin API for the loopback hosts.
"""

from __future__ import annotations

import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .admin import Admin
from .api import Answer, CloudInfinite, Request
from .delivery import Delivery
from .world import World

_MOST_BODY = 32 * 1024 * 1024
_ADMIN_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_ADMIN_PATH = "/_emulator/"


class Server(ThreadingHTTPServer):
    """Serves a world; `server_port` is the port it got."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, world: World, bind: str, port: int) -> None:
        self.world, self.cloud, self.admin = world, CloudInfinite(world), Admin(world)
        super().__init__((bind, port), Handler)

    def server_bind(self) -> None:
        """As in TCPServer: HTTPServer would look up a host name, which can take seconds and is not needed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_port = self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are everyday here."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 75  # seconds an idle connection is kept

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Nothing: the journal has it."""

    def _serve(self) -> None:
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = headers.get("host", "").lower()
        bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        keep = not self.close_connection
        delivery = Delivery(self.connection, self.command, self.server.world.clock.now, keep=keep)
        if self.path.startswith(_ADMIN_PATH) and bare in _ADMIN_HOSTS:
            status, content = self.server.admin.answer(self.command, self.path.removeprefix(_ADMIN_PATH), body)
            done = delivery.send(Answer(status, content, {"Content-Type": "application/json"}))
        else:
            done = self._call(delivery, Request.read(self.command, self.path, headers))
        self.close_connection = not done

    def _call(self, delivery: Delivery, request: Request) -> bool:
        world = self.server.world
        call = self.server.cloud.begin(request)

        def end() -> None:
            world.journal.end(call, world.clock.now())

        try:
            bucket = world.buckets.get(call.bucket)
            latency = world.latency if bucket is None or bucket.latency is None else bucket.latency
            if latency:
                time.sleep(latency)
            return delivery.send(self.server.cloud.answer(request, call), written=end)
        finally:
            end()

    def _body(self) -> bytes:
        """Read the request's body, so that the next request on the connection starts where it should."""
        text = self.headers.get("Content-Length", "0")
        length = int(text) if text.isascii() and text.isdigit() else -1
        if not 0 <= length <= _MOST_BODY or "chunked" in self.headers.get("Transfer-Encoding", ""):
            self.close_connection = True
            return b""
        return self.rfile.read(length)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815  # the base class looks them up
