"""The faults: each is a context in which it is in force. What it does on leaving mends it."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from jobs.queues import QUEUES
from tests.faults.names import ASTRAY, NAMES_HANG, NAMES_LEAD_ASTRAY, UPSTREAM_NAME
from tests.faults.readers import Browser, cold_path
from tests.faults.site import LATENCY, OTHER_PAIR, PAIR, SICK, WELL, WORKERS, Site, wait_for
from tests.ports import black_hole
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager

    from tests.emulators import Call, Emulator
    from tests.faults.evidence import Evidence, Named

    Strike = Callable[[Site, Evidence], Iterator[Sequence[str] | None]]

DATA = ROOT / "tests" / "data"
PROMISED = 10.0
"""Seconds after which all is well again."""
KEPT = 60.0
"""Seconds for which it is remembered that a bucket, or with a credential nothing, may be read."""
LOOKING = 2.0
"""Seconds beyond it for a file that is back: a fetch that was under way at the mend begins to count then, and the readers' next
look asks."""
DEAF_FOR = 8.0
"""Seconds after which a worker that takes no tasks has ended, at the latest."""

NO_WORKER: Named = ("ours", "no_worker")
BUSY: Named = ("ours", "busy")
REDIS_DOWN: Named = ("ours", "redis_down")
DATABASE_DOWN: Named = ("ours", "database_down")
UNREACHABLE: Named = ("upstream_failing", "unreachable")
TIMEOUT: Named = ("timeout", "timeout")


@dataclass(frozen=True)
class Fault:
    """One fault: how it comes and goes, how it may be told, and what is promised of it.

    `bound` is the seconds from the beginning of its mend until all is well; a fault `at_once` is no longer in force once it
    has struck; one that is not `everywhere` leaves the bucket WELL alone; one that is `told` must be told to somebody by its
    name. `of_pause` may be told only while the harness holds its workers up to strike or to mend, and a moment after.
    """

    name: str
    strike: Callable[[Site, Evidence], AbstractContextManager[Sequence[str] | None]]
    expected: frozenset[Named]
    everywhere: bool = True
    at_once: bool = False
    bound: float = PROMISED
    told: bool = False
    of_pause: frozenset[Named] = frozenset()


FAULTS: dict[str, Fault] = {}


def fault(name: str, *expected: Named, of_pause: Collection[Named] = (), **promises: Any) -> Callable[[Strike], None]:
    """Register a fault; the function strikes, yields while the fault is in force, and mends.

    What it yields are pages that must come afterwards besides those of the readers. The other arguments are those of Fault.
    """

    def register(function: Strike) -> None:
        strike = contextmanager(function)
        FAULTS[name] = Fault(name, strike, frozenset(expected), of_pause=frozenset(of_pause), **promises)

    return register


# Workers ---------------------------------------------------------------------------------------------------------------


class _Asker(threading.Thread):
    """Asks once for a page that nobody knows yet."""

    def __init__(self, site: Site, evidence: Evidence) -> None:
        super().__init__(daemon=True)
        self.path = cold_path(WELL)
        self._browser = Browser(site.port, evidence)

    def run(self) -> None:
        self._browser.look(self.path)
        self._browser.close()


@contextmanager
def _alone(site: Site, name: str) -> Iterator[None]:
    """Let one worker take all tasks, so that the phase in which it is killed is its own."""
    others = [other for other in WORKERS if other != name]
    for other in others:
        site.signal_worker(other, signal.SIGSTOP)
    time.sleep(BLOCKED_FOR)
    try:
        yield
    finally:
        site.continue_workers()


BLOCKED_FOR = 1.2
"""Seconds after which the broker gives no task any more to a worker that is stopped: its last look lasts a second."""


@fault("worker killed with tasks in its queue", NO_WORKER, BUSY, at_once=True)
def _(site: Site, evidence: Evidence) -> Iterator[list[str]]:
    for name in WORKERS:
        site.signal_worker(name, signal.SIGSTOP)
    time.sleep(BLOCKED_FOR)
    asker = _Asker(site, evidence)
    asker.start()
    assert wait_for(lambda: site.broker.tell("KEYS", "*:page"), 5), "no task came into the queue"
    site.signal_worker(WORKERS[0], signal.SIGKILL)
    site.continue_workers()
    yield [asker.path]


def _killed(
    name: str, victim: str, *, prepare: Callable[[Emulator], None], reached: Callable[[Call], bool], holds: str = ""
) -> None:
    """Register a worker's death in one phase of a fetch.

    Args:
        name: the fault's.
        victim: the worker that is killed.
        prepare: makes upstream slow enough to be met in the phase.
        reached: whether a call of upstream's journal is in the phase.
        holds: the server that hangs for a moment, so that the worker is met while it waits for it.
    """

    @fault(name, NO_WORKER, BUSY, *([REDIS_DOWN] if holds else []), at_once=True)
    def _(site: Site, evidence: Evidence) -> Iterator[list[str]]:
        emulator = site.upstream.emulator
        with _alone(site, victim):
            prepare(emulator)
            before = emulator.calls(WELL)[-1].number
            asker = _Asker(site, evidence)
            asker.start()
            assert wait_for(lambda: any(reached(call) for call in emulator.calls(WELL, since=before)), 5), (
                "no call came"
            )
            if holds:
                server = site.broker if holds == "broker" else site.cache
                server.signal(signal.SIGSTOP)
                time.sleep(HOLDING)
                site.signal_worker(victim, signal.SIGKILL)
                server.signal(signal.SIGCONT)
            else:
                site.signal_worker(victim, signal.SIGKILL)
            emulator.set_faults(WELL)
            emulator.set_latency(LATENCY, WELL)
        yield [asker.path]


HOLDING = 0.7
"""Seconds in which upstream's answer comes, and the worker goes on to the server that hangs."""


def _be_slow(seconds: float) -> Callable[[Emulator], None]:
    return lambda emulator: emulator.set_latency(seconds, WELL)


def _trickle(emulator: Emulator) -> None:
    emulator.fault(WELL, "trickle", part="body", chunk=200, interval=0.1)


def _under_way(call: Call) -> bool:
    return call.seconds is None


_killed("worker killed while it waits for upstream", "w1", prepare=_be_slow(3.0), reached=_under_way)
_killed(
    "worker killed in mid-body", "w2", prepare=_trickle, reached=lambda call: bool(call.status) and _under_way(call)
)
_killed("worker killed while it stores", "w1", prepare=_be_slow(0.4), reached=_under_way, holds="cache")
_killed("worker killed between storing and waking", "w2", prepare=_be_slow(0.4), reached=_under_way, holds="broker")


@fault("all workers gone", NO_WORKER)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    site.hands.kill()
    yield
    site.restart_hands()


@fault("all workers hang", NO_WORKER, BUSY)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    for name in WORKERS:
        site.signal_worker(name, signal.SIGSTOP)
    yield
    site.continue_workers()


@fault("all workers deaf", NO_WORKER, BUSY, at_once=True, bound=PROMISED + DEAF_FOR)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    # They live and beat, but consume nothing: each must notice that by itself, and end, and be started anew.
    for queue in sorted(set(QUEUES.values())):
        subprocess.run(
            [sys.executable, "-m", "celery", "--quiet", "-A", "dashboard", "control", "cancel_consumer", queue], cwd=ROOT,
            env={**os.environ, **site.environment}, check=True, capture_output=True,
        )  # fmt: skip
    yield


# Broker and cache ---------------------------------------------------------------------------------------------------------


def _server_faults(role: str) -> None:
    @fault(f"{role} killed", REDIS_DOWN, NO_WORKER)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server = getattr(site, role)
        server.kill()
        yield
        server.start()

    @fault(f"{role} restarted empty", REDIS_DOWN, NO_WORKER, at_once=True)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server = getattr(site, role)
        server.kill()
        server.start()
        yield

    @fault(f"{role} hangs", REDIS_DOWN, NO_WORKER)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server = getattr(site, role)
        server.signal(signal.SIGSTOP)
        yield
        server.signal(signal.SIGCONT)

    @fault(f"{role} out of memory", REDIS_DOWN, NO_WORKER)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server = getattr(site, role)
        before = server.memory_rules()
        server.set_memory_rules({"maxmemory": "1", "maxmemory-policy": "noeviction"})
        yield
        server.set_memory_rules(before)

    @fault(f"{role} read-only", REDIS_DOWN, NO_WORKER)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server = getattr(site, role)
        server.tell("REPLICAOF", "127.0.0.1", "1")
        yield
        server.tell("REPLICAOF", "NO", "ONE")


_server_faults("broker")
_server_faults("cache")


# Database -----------------------------------------------------------------------------------------------------------------


@fault("database gone", DATABASE_DOWN, told=True)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    site.database.crash()
    yield
    site.database.start()


@fault("database locked", DATABASE_DOWN, told=True)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    # As somebody's ALTER TABLE that waits for somebody else: who may see a bucket can't be read, by readers or workers.
    with psycopg.connect(site.database.url()) as other:
        other.execute("LOCK TABLE jobs_bucket IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


# Upstream ------------------------------------------------------------------------------------------------------------------


@contextmanager
def _workers_pause(site: Site, evidence: Evidence) -> Iterator[None]:
    """Let no call be under way while the emulator ends, so that its journal is known whole.

    A worker that paused in mid-command takes its Redis for down.
    """
    for name in WORKERS:
        site.signal_worker(name, signal.SIGSTOP)
    wait_for(lambda: all(call.seconds is not None for call in site.upstream.emulator.calls()), 5)
    evidence.read()
    yield
    site.continue_workers()


@fault("upstream refuses connections", UNREACHABLE, told=True, of_pause=[REDIS_DOWN])
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    with _workers_pause(site, evidence):
        site.upstream.kill()
    yield
    # Until it has its buckets again nobody asks: Cloud Infinite would not deny them.
    for name in WORKERS:
        site.signal_worker(name, signal.SIGSTOP)
    site.upstream.start()
    site.continue_workers()


@fault("looking up upstream's name hangs", TIMEOUT, UNREACHABLE, of_pause=[REDIS_DOWN])
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    hangs = site.folder / NAMES_HANG
    with _workers_pause(site, evidence):
        site.upstream.kill()  # Open connections would need no look-up.
        site.upstream.start()
        hangs.touch()
    yield
    hangs.unlink()


@fault("connecting to upstream never ends", TIMEOUT, UNREACHABLE, of_pause=[REDIS_DOWN])
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    astray = site.folder / NAMES_LEAD_ASTRAY
    with black_hole(ASTRAY, site.upstream.port):
        with _workers_pause(site, evidence):
            site.upstream.kill()  # Open connections would need no new one.
            site.upstream.start()
            astray.touch()
        yield
        astray.unlink()


def _answers(name: str, *expected: Named, bound: float = PROMISED, told: bool = False, **parameters: Any) -> None:
    """Register a fault of upstream's answers, which strikes some buckets only."""

    @fault(name, *expected, everywhere=False, bound=bound, told=told)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        for bucket in SICK:
            site.upstream.emulator.fault(bucket, **parameters)
        yield
        for bucket in SICK:
            site.upstream.emulator.set_faults(bucket)


def _sample(name: str) -> bytes:
    return (DATA / f"hostile_{name}.xml").read_bytes()


_answers("connection reset in mid-body", UNREACHABLE, kind="reset", after=300)
_answers("upstream is silent", TIMEOUT, kind="hang", seconds=60.0)
_answers("headers trickle", TIMEOUT, kind="trickle", part="headers", interval=0.05)
_answers("body trickles", TIMEOUT, kind="trickle", part="body", interval=0.05)
_answers("429 storm", ("throttled", "*"), kind="error", status=429, code="SlowDown", message="slow down")
_answers("503", ("throttled", "*"), ("upstream_failing", "ServiceUnavailable"), kind="error", status=503, code="ServiceUnavailable")  # fmt: skip
_answers("500", ("upstream_failing", "InternalError"), kind="error", status=500, code="InternalError")
_answers("redirect", ("upstream_failing", "http_307"), kind="redirect")
_answers("permission taken away", ("permission", "AccessDenied"), bound=KEPT, told=True, kind="error", status=403, code="AccessDenied", message="Access Denied.")  # fmt: skip
_answers("binding taken away", ("not_enabled", "MediaBucketUnBinded"), bound=KEPT, told=True, kind="error", status=400, code="MediaBucketUnBinded")  # fmt: skip
_answers("XML cut short", ("unreadable", "bad_xml"), kind="truncate", keep=0.5)
_answers("connection closed early", UNREACHABLE, kind="truncate", keep=0.5, close=True)
_answers("malicious XML, billion laughs", ("unreadable", "bad_xml"), kind="raw", body=_sample("billion_laughs"))
_answers("malicious XML, external entity", ("unreadable", "bad_xml"), kind="raw", body=_sample("external_entity"))
_answers("60 MB", ("unreadable", "too_large"), TIMEOUT, kind="huge", bytes=60_000_000)
_answers("60 MB from 60 kB", ("unreadable", "too_large"), TIMEOUT, kind="huge", bytes=60_000_000, gzip=True)
_answers("token loop", kind="token_repeat")
_answers("empty page with a token", kind="empty_page")


@fault("wrong TLS", UNREACHABLE, told=True, of_pause=[NO_WORKER])
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(DATA / "tls_test_only.pem")
    with _Impostor(context) as port:
        site.restart_hands(CI_ENDPOINT=f"https://{UPSTREAM_NAME}:{port}")
        wait_for(site.is_ready)
        yield
        site.restart_hands()  # a part of the mend: whoever corrects the endpoint starts the workers anew
        wait_for(site.is_ready)


class _Impostor:
    """Listens with a certificate that nobody trusts."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *trouble: object) -> None:
        self._listener.shutdown(2)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(2)
            try:
                self._context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()


@fault("credential revoked, then rotated", ("credentials", "*"), everywhere=False)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    fresh = ("FAULTS-SECRET-ID-3", "FAULTS-SECRET-KEY-3")
    emulator = site.upstream.emulator
    emulator.revoke_credential(PAIR[0])
    yield
    emulator.set_credentials(fresh, OTHER_PAIR)
    site.write_credential(*fresh)
    site.upstream.credentials = (fresh, OTHER_PAIR)


@fault(
    "credential's file gone", ("credentials", "missing_credential"), everywhere=False, bound=KEPT + LOOKING, told=True
)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    file = site.folder / "secret-key"
    away = file.with_suffix(".away")
    file.rename(away)
    yield
    away.rename(file)
