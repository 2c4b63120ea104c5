"""Fixtures that many tests share."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from jobs import claims, queues, servers, throttle
from tests.emulators import REGION, Emulator, cloud, emulator, module_emulator, pristine_emulator
from tests.fetching import ci, own_client
from tests.ports import free_port
from tests.processes import THREADS
from tests.processes import worker as new_worker
from tests.services import Valkeys, start_valkey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.processes import Process

__all__ = ["ci", "cloud", "emulator", "module_emulator", "own_client", "pristine_emulator"]

# An assert of theirs that fails shows its values, as one in a test does.
pytest.register_assert_rewrite(
    "tests.claiming",
    "tests.detailing",
    "tests.e2e",
    "tests.paging",
    "tests.postgres",
    "tests.queries",
    "tests.raw_servers",
    "tests.reading",
    "tests.signed_calls",
)

# How long one example takes is the machine's affair: a busy one fails no test for that.
hypothesis_settings.register_profile(
    "patient", hypothesis_settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("patient")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Put the test database into a file, so that the worker and the web server of a test see it, too."""
    settings.DATABASES["default"]["TEST"]["NAME"] = str(settings.VAR_DIR / "test.sqlite3")


@pytest.fixture(scope="session")
def static_files() -> None:
    """The static files under the names that pages give them; without them no page can be rendered."""
    from jobs.management.commands.prepare import collect_static_if_needed

    collect_static_if_needed()


@pytest.fixture(scope="session", autouse=True)
def translations() -> None:
    """The catalogues as Django reads them: whatever a test runs, it may be asked for Chinese."""
    from jobs.management.catalogues import compile_if_needed

    compile_if_needed()


@pytest.fixture
def client(static_files: None) -> Client:
    """Django's test client."""
    return Client()


@pytest.fixture
def everybody(settings: Settings) -> None:
    """Everybody may look without signing in."""
    settings.ANONYMOUS_ACCESS = True


@pytest.fixture
def empty_redis() -> Iterator[None]:
    """Both Redis servers empty, before and after: these are the test process's own.

    A credential's problem that a test leaves would be told to every test of the next minute.
    """
    _flush()
    yield
    _flush()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker lives but those that a test lets beat: the session's own beats elsewhere, once a second."""
    monkeypatch.setattr(claims, "HEARTBEATS", "heartbeats:test")


def _flush() -> None:
    for server in (servers.broker(), servers.cache_server()):
        with server.connection() as client:
            client.flushall()


@pytest.fixture
def valkeys(settings: Settings) -> Iterator[Valkeys]:
    """Two servers that the test may hurt, in place of the process's own."""
    ports = free_port(), free_port()
    own = Valkeys(start_valkey(ports[0]), start_valkey(ports[1]), ports[1])
    settings.REDIS_URL, settings.REDIS_CACHE_URL = (f"redis://127.0.0.1:{port}/0" for port in ports)
    servers.broker.cache_clear()
    servers.cache_server.cache_clear()
    yield own
    for server in (own.broker, own.cache):
        server.kill()
        server.wait()
    servers.broker.cache_clear()
    servers.cache_server.cache_clear()


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait until a condition holds, at most ten seconds if nothing else is said."""

    def wait_until(condition: Callable[[], Any], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"the condition did not come true within {seconds:g} seconds"
            time.sleep(0.005)

    return wait_until


@pytest.fixture(scope="session")
def process_environment(emulator: Emulator, django_db_setup: None) -> dict[str, str]:
    """What a process of the product needs to work with the test's database and emulator."""
    database = settings.DATABASES["default"]["NAME"]
    return {"CI_ENDPOINT": emulator.endpoint, "DATABASE_URL": f"sqlite:///{database}"}


@pytest.fixture(scope="session")
def session_worker(process_environment: dict[str, str]) -> Iterator[Process]:
    """One real Celery worker for all tests of a process."""
    process = new_worker(Path(settings.VAR_DIR) / f"worker-{os.getpid()}.log", process_environment)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def worker(session_worker: Process, until: Callable[[Callable[[], Any]], None]) -> Process:
    """The session's worker, alive and free: a test before may have killed it or emptied its Redis, and its heartbeat with it.

    What silent buckets of a test before still wait for would take its threads from this one: nobody waits for it any more.
    """
    if session_worker.popen is None or session_worker.popen.poll() is not None:
        session_worker.start()
    until(claims.heartbeats)
    with servers.broker().connection() as client:
        client.delete(*map(queues.key_of, set(queues.QUEUES.values())))
    until(lambda: calls_in_flight() <= THREADS // 2)
    return session_worker


def calls_in_flight() -> int:
    """Return how many calls the worker makes at the moment, in all buckets."""
    with servers.broker().connection() as client:
        seconds, _micros = cast("Any", client).time()
        leases = [key for key in client.scan_iter("leases:*", count=1000) if not key.startswith(b"leases:lane:")]
        return sum(cast("Any", client).zcount(key, seconds * 1000, "+inf") for key in leases)


@pytest.fixture
def patient_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """/readyz and /metrics wait for every part that answers at all: after their half second a busy machine's are left out."""
    from dashboard import health

    monkeypatch.setattr(health, "PATIENCE", 10.0)


@pytest.fixture
def waits_long(settings: Settings) -> None:
    """A first wait within which every bucket has answered that answers at all: in one of a second a busy machine leaves some out."""
    settings.FIRST_WAIT = 10.0


@pytest.fixture
def waits_a_second(waits_long: None, settings: Settings) -> None:
    """The first wait as it is without a setting, for tests of what comes too late for it."""
    settings.FIRST_WAIT = 1.0


@pytest.fixture
def rested_credential(transactional_db: None) -> None:
    """No cool-down of the credential that all tests of a process share: two buckets throttled before leave one."""
    from jobs.models import Bucket

    credential = Bucket._meta.get_field("credential").get_default()
    with servers.broker().connection() as client:
        client.delete(throttle.gate("", credential).cool_credential, f"throttled:{credential}")


@pytest.fixture
def unspent_budgets() -> None:
    """Let nobody have asked anything new yet: strangers of all tests have one address."""
    with servers.broker().connection() as client:
        if spent := [*client.scan_iter("budget:*"), *client.scan_iter("paid:*")]:
            client.delete(*spent)


@pytest.fixture
def new_bucket(rested_credential: None, unspent_budgets: None, emulator: Emulator) -> Callable[..., Bucket]:
    """Make a bucket that both the emulator and the database know; arguments as `Emulator.create_bucket`."""
    from jobs.models import Bucket

    def make(**spec: Any) -> Bucket:
        name = emulator.create_bucket(f"test-{os.getpid()}-{next(_numbers)}-1250000000", **spec)
        return Bucket.objects.create(name=name, region=spec.get("region", REGION))

    return make
