"""The faults: each is a context in which it is in force. What it does on leaving mends it.

Each proves that it bit, else it raises DidNotBiteError: by what the system says of processes, Redis of what it refused, upstream's
journal of what was struck.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import psycopg

from jobs.queues import QUEUES
from tests.faults import bites
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
    from tests.faults.site import Valkey

    Strike = Callable[[Site, Evidence], Iterator[Sequence[str] | None]]

DATA = ROOT / "tests" / "data"
PROMISED = 10.0
"""Seconds after which all is well again."""
KEPT = 60.0
"""Seconds for which it is remembered that a bucket, or with a credential nothing, may be read."""
LONG = 75.0
"""Seconds of an outage that is longer than any time-out, keep-alive or pause of a connection."""
PATIENT = 40.0
"""Seconds of an outage in which whoever asks is told: a question without any try goes on for thirty, one with tries for fifteen of its own."""
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

    `bound` is the seconds from the beginning of its mend until all is well; `least` those for which it is in force however short
    the others are; a fault `at_once` is no longer in force once it has struck; one that is not `everywhere` leaves the bucket
    WELL alone; one that is `told` must be told to somebody by its name. `of_pause` may be told only while the harness holds its workers up to strike or to mend, and a moment after.
    """

    name: str
    strike: Callable[[Site, Evidence], AbstractContextManager[Sequence[str] | None]]
    expected: frozenset[Named]
    everywhere: bool = True
    at_once: bool = False
    least: float = 0.0
    bound: float = PROMISED
    told: bool = False
    of_pause: frozenset[Named] = frozenset()


FAULTS: dict[str, Fault] = {}


def fault(name: str, *expected: Named, of_pause: Collection[Named] = (), **promises: Any) -> Callable[[Strike], None]:
    """Register a fault; the function strikes, yields while the fault is in force, proves that it bit, and mends.

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
    try:
        bites.stop_workers(site, [other for other in WORKERS if other != name])
        time.sleep(BLOCKED_FOR)
        yield
    finally:
        site.continue_workers()


BLOCKED_FOR = 1.2
"""Seconds after which the broker gives no task any more to a worker that is stopped: its last look lasts a second."""


@fault("worker killed with tasks in its queue", NO_WORKER, BUSY, at_once=True)
def _(site: Site, evidence: Evidence) -> Iterator[list[str]]:
    with ExitStack() as mend:
        mend.callback(site.continue_workers)
        bites.stop_workers(site)
        time.sleep(BLOCKED_FOR)
        asker = _Asker(site, evidence)
        asker.start()
        bites.must(wait_for(lambda: site.broker.tell("KEYS", "*:page"), 5), "no task came into the queue")
        bites.kill_worker(site, WORKERS[0])
    yield [asker.path]


@contextmanager
def _slow(site: Site, worker: str, prepare: Callable[[Emulator], None]) -> Iterator[None]:
    """Let one worker alone ask an upstream that `prepare` has made slow enough to be met in the phase."""
    emulator = site.upstream.emulator
    with _alone(site, worker), ExitStack() as mend:
        mend.callback(emulator.set_latency, LATENCY, WELL)
        mend.callback(emulator.set_faults, WELL)
        prepare(emulator)
        yield


@dataclass(frozen=True)
class _Met:
    """A worker met in a phase of its fetch: who asked for it, and the calls by which it was met."""

    asker: _Asker
    struck: bites.Struck
    calls: list[Call]

    @classmethod
    def of(cls, site: Site, evidence: Evidence, reached: Callable[[Call], bool]) -> _Met:
        """Ask, and wait until a call of upstream's journal is in the phase."""
        asker, struck = _Asker(site, evidence), bites.Struck(site)
        asker.start()
        return cls(asker, struck, struck.first(WELL, reached))

    def now(self) -> list[Call]:
        """Return what the journal says of the calls by now."""
        return self.struck.same(self.calls)


def _killed(name: str, victim: str, *, prepare: Callable[[Emulator], None], reached: Callable[[Call], bool]) -> None:
    """Register a worker's death while it asks upstream.

    Args:
        name: the fault's.
        victim: the worker that is killed.
        prepare: makes upstream slow enough to be met in the phase.
        reached: whether a call of upstream's journal is in the phase.
    """

    @fault(name, NO_WORKER, BUSY, at_once=True)
    def _(site: Site, evidence: Evidence) -> Iterator[list[str]]:
        with _slow(site, victim, prepare):
            met = _Met.of(site, evidence, reached)
            bites.must(any(map(reached, met.now())), "the call was over before the worker was killed")
            bites.kill_worker(site, victim)
        yield [met.asker.path]


def _killed_waiting(name: str, victim: str, holds: Literal["broker", "cache"]) -> None:
    """Register a worker's death after upstream has answered it, while it waits for a Redis server that hangs.

    Args:
        name: the fault's.
        victim: the worker that is killed.
        holds: the server; the worker has stored already when it waits for the broker.
    """

    @fault(name, NO_WORKER, BUSY, REDIS_DOWN, at_once=True)
    def _(site: Site, evidence: Evidence) -> Iterator[list[str]]:
        server = site.broker if holds == "broker" else site.cache
        with _slow(site, victim, _be_slow(0.4)), ExitStack() as mend:
            mend.callback(server.signal, signal.SIGCONT)
            for _ in range(CHANCES):
                met = _Met.of(site, evidence, _under_way)
                bites.hang(server)
                time.sleep(HOLDING)
                answered = [call for call in met.now() if call.status == 200 and call.seconds is not None]
                if holds == "cache" or any(bites.is_stored(site.cache, call.request_id) for call in answered):
                    break
                # Once a second a worker asks the broker for the time, so it may wait for that: it is met anew.
                server.signal(signal.SIGCONT)
                met.asker.join()
            else:
                raise bites.DidNotBiteError("nothing was stored")
            bites.kill_worker(site, victim)
            bites.must(answered, "upstream had not answered when the worker was killed")
        yield [met.asker.path]


HOLDING = 0.7
"""Seconds in which upstream's answer comes, and the worker goes on to the server that hangs."""
CHANCES = 5
"""How often a worker may be met where it waits for something else."""


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
_killed_waiting("worker killed while it stores", "w1", "cache")
_killed_waiting("worker killed between storing and waking", "w2", "broker")


def _gone(name: str, **promises: Any) -> None:
    """Register the death of all workers. That there is none is told of who waited half a minute for one."""

    @fault(name, NO_WORKER, **promises)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        site.hands.kill()
        yield
        with ExitStack() as mend:
            mend.callback(site.restart_hands)
            bites.must(not site.workers(), "workers run")


_gone("all workers gone")
_gone("all workers gone for long", told=True, least=PATIENT)


@fault("all workers hang", NO_WORKER, BUSY)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    with ExitStack() as mend:
        mend.callback(site.continue_workers)
        pids = bites.stop_workers(site)
        yield
        bites.must_be_stopped(pids.values())


@fault("all workers deaf", NO_WORKER, BUSY, at_once=True, bound=PROMISED + DEAF_FOR)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    # They live and beat, but consume nothing: each must notice that by itself, and end, and be started anew.
    deaf = site.workers()
    for queue in sorted(set(QUEUES.values())):
        done = subprocess.run(
            [sys.executable, "-m", "celery", "--quiet", "-A", "dashboard", "control", "--json", "cancel_consumer", queue],
            cwd=ROOT, env={**os.environ, **site.environment}, check=True, capture_output=True, text=True,
        )  # fmt: skip
        answers: dict[str, dict[str, str]] = {}
        for answer in json.loads(done.stdout):
            answers |= answer
        obeyed = {worker.split("@")[0] for worker, said in answers.items() if "ok" in said}
        bites.must(obeyed == set(WORKERS), f"only {sorted(obeyed)} stopped consuming {queue}")
    yield
    heard = wait_for(lambda: not {*deaf.values()} & {*site.workers().values()}, DEAF_FOR)
    bites.must(heard, f"of {deaf} there are still {site.workers()}")


# Broker and cache ---------------------------------------------------------------------------------------------------------


def _told_of(role: str) -> list[Named]:
    """Return how an outage of a server may be told. Workers tell on the broker that they live."""
    return [REDIS_DOWN, *([NO_WORKER] if role == "broker" else [])]


def _outages(role: Literal["broker", "cache"], how_long: str = "", **promises: Any) -> None:
    """Register that a server is gone, and that it hangs; `how_long` is the end of their names."""

    @fault(f"{role} killed{how_long}", *_told_of(role), told=True, **promises)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server: Valkey = getattr(site, role)
        server.kill()
        yield
        with ExitStack() as mend:
            mend.callback(server.start)
            bites.must_be_down(server.port)

    @fault(f"{role} hangs{how_long}", *_told_of(role), told=True, **promises)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server: Valkey = getattr(site, role)
        with ExitStack() as mend:
            mend.callback(server.signal, signal.SIGCONT)
            bites.hang(server)
            yield
            bites.must_be_stopped([server.pid])


def _server_faults(role: Literal["broker", "cache"]) -> None:
    """Register what else can go wrong with a server."""

    @fault(f"{role} restarted empty", *_told_of(role), at_once=True)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server: Valkey = getattr(site, role)
        before = server.info("server")["run_id"]
        server.tell("SET", KEPT_MARK, "1")
        server.kill()
        server.start()
        bites.must(server.info("server")["run_id"] != before, "it is the same server")
        bites.must(not server.tell("EXISTS", KEPT_MARK), "it is not empty")
        yield

    # A cache that takes nothing is still read: who waits for a page that can't be stored is told at the end of its tries.
    @fault(f"{role} out of memory", *_told_of(role), told=role == "broker")
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server: Valkey = getattr(site, role)
        with ExitStack() as mend:
            mend.callback(server.set_memory_rules, server.memory_rules())
            with bites.refused(server, "OOM"):
                server.set_memory_rules({"maxmemory": "1", "maxmemory-policy": "noeviction"})
                yield

    @fault(f"{role} read-only", *_told_of(role), told=True)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        server: Valkey = getattr(site, role)
        with ExitStack() as mend:
            mend.callback(server.tell, "REPLICAOF", "NO", "ONE")
            with bites.refused(server, "READONLY"):
                server.tell("REPLICAOF", "127.0.0.1", "1")
                yield


KEPT_MARK = "faults-mark"
"""A key that a server has no more once it was started empty."""

_outages("broker")
_server_faults("broker")
_outages("cache")
_server_faults("cache")
_outages("broker", " for long", least=LONG)


# Database -----------------------------------------------------------------------------------------------------------------


@fault("database gone", DATABASE_DOWN, told=True)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    site.database.crash()
    yield
    with ExitStack() as mend:
        mend.callback(site.database.start)
        bites.must_be_down(site.database.port)


@fault("database locked", DATABASE_DOWN, told=True)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    # As somebody's ALTER TABLE that waits for somebody else: who may see a bucket can't be read, by readers or workers.
    with psycopg.connect(site.database.url()) as other:
        other.execute("LOCK TABLE jobs_bucket IN ACCESS EXCLUSIVE MODE")
        with ExitStack() as mend:
            mend.callback(other.rollback)
            bites.must(wait_for(lambda: _somebody_waits(other), bites.FELT_WITHIN), "nobody waits for the table")
            yield


def _somebody_waits(connection: psycopg.Connection) -> bool:
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'jobs_bucket'::regclass"
    return connection.execute(waiting).fetchone() is not None


# Upstream ------------------------------------------------------------------------------------------------------------------


@contextmanager
def _workers_pause(site: Site, evidence: Evidence) -> Iterator[None]:
    """Let no call be under way while the emulator ends, so that its journal is known whole.

    A worker that paused in mid-command takes its Redis for down.
    """
    bites.stop_workers(site)
    wait_for(lambda: all(call.seconds is not None for call in site.upstream.emulator.calls()), 5)
    evidence.read()
    yield
    site.continue_workers()


@fault("upstream refuses connections", UNREACHABLE, told=True, of_pause=[REDIS_DOWN])
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    with _workers_pause(site, evidence):
        site.upstream.kill()
    yield
    down = bites.is_down(site.upstream.port)
    # Until it has its buckets again nobody asks: Cloud Infinite would not deny them.
    bites.stop_workers(site)
    site.upstream.start()
    site.continue_workers()
    bites.must(down, "upstream listens")


def _never_reached(how_long: str = "", **promises: Any) -> None:
    """Register that upstream's name is looked up without an end, and that connecting has none."""

    @fault(f"looking up upstream's name hangs{how_long}", TIMEOUT, UNREACHABLE, of_pause=[REDIS_DOWN], **promises)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        hangs = site.folder / NAMES_HANG
        with _workers_pause(site, evidence):
            site.upstream.kill()  # Open connections would need no look-up.
            site.upstream.start()
            hangs.touch()
        with ExitStack() as mend:
            mend.callback(hangs.unlink)
            with bites.looked_up(site):
                yield

    @fault(f"connecting to upstream never ends{how_long}", TIMEOUT, UNREACHABLE, of_pause=[REDIS_DOWN], **promises)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        astray = site.folder / NAMES_LEAD_ASTRAY
        with black_hole(ASTRAY, site.upstream.port):
            with _workers_pause(site, evidence):
                site.upstream.kill()  # Open connections would need no new one.
                site.upstream.start()
                astray.touch()
            with ExitStack() as mend:
                mend.callback(astray.unlink)
                with bites.looked_up(site):
                    yield


STUCK = PROMISED + 5.0
"""The same behind a long silence: a call that is under way when it ends takes its whole deadline first, and may be the last try of its
question, whose end is then kept."""

_never_reached()
_never_reached(" for long", told=True, least=PATIENT, bound=STUCK)


def _answers(
    name: str, *expected: Named, bound: float = PROMISED, least: float = 0.0, told: bool = False, **parameters: Any
) -> None:
    """Register a fault of upstream's answers, which strikes some buckets only."""

    @fault(name, *expected, everywhere=False, bound=bound, least=least, told=told)
    def _(site: Site, evidence: Evidence) -> Iterator[None]:
        yield from strike_answers(site, **parameters)


def strike_answers(site: Site, **parameters: Any) -> Iterator[None]:
    """Strike the answers of the buckets SICK; a fault that only what has a token can feel must meet such a call."""
    emulator, kind = site.upstream.emulator, parameters["kind"]
    struck = bites.Struck(site)
    with ExitStack() as mend:
        for bucket in SICK:
            mend.callback(emulator.set_faults, bucket)
            emulator.fault(bucket, **parameters)
        yield
    # Reading the journal takes a moment, which is not to count as the mend's.
    for bucket in SICK:
        bites.must(
            any(_is_struck(kind, call) for call in struck.calls(bucket)), f"no call of {bucket} was struck by {kind}"
        )


def _is_struck(kind: str, call: Call) -> bool:
    return kind in call.faults and (kind != "token_repeat" or "nextToken" in call.parameters)


def _sample(name: str) -> bytes:
    return (DATA / f"hostile_{name}.xml").read_bytes()


def _slow_answers(how_long: str = "", **promises: Any) -> None:
    """Register that upstream is silent, and that it trickles."""
    _answers(f"upstream is silent{how_long}", TIMEOUT, kind="hang", seconds=60.0, **promises)
    _answers(f"headers trickle{how_long}", TIMEOUT, kind="trickle", part="headers", interval=0.05, **promises)
    _answers(f"body trickles{how_long}", TIMEOUT, kind="trickle", part="body", interval=0.05, **promises)


def _storms(how_long: str = "", **promises: Any) -> None:
    """Register that upstream asks to slow down, in both its ways."""
    slow_down: dict[str, Any] = {"kind": "error", "status": 429, "code": "SlowDown", "message": "slow down"}
    unavailable: dict[str, Any] = {"kind": "error", "status": 503, "code": "ServiceUnavailable"}
    _answers(f"429 storm{how_long}", ("throttled", "*"), **slow_down, **promises)
    _answers(
        f"503{how_long}", ("throttled", "*"), ("upstream_failing", "ServiceUnavailable"), **unavailable, **promises
    )


# A question whose call runs into its deadline, or that a cool-down holds back, is pending for longer than ten seconds; a cool-down is told
# beside it. To nobody who asks then is it told as an end, so each comes once more, for as long as it takes.
_slow_answers()
_slow_answers(" for long", told=True, least=PATIENT, bound=STUCK)
_storms()
_storms(" for long", told=True, least=PATIENT, bound=PROMISED + 0.75 * PATIENT)
_answers("connection reset in mid-body", UNREACHABLE, told=True, kind="reset", after=300)
_answers("500", ("upstream_failing", "InternalError"), told=True, kind="error", status=500, code="InternalError")
_answers("redirect", ("upstream_failing", "http_307"), told=True, kind="redirect")
_answers("permission taken away", ("permission", "AccessDenied"), bound=KEPT, told=True, kind="error", status=403, code="AccessDenied", message="Access Denied.")  # fmt: skip
_answers("binding taken away", ("not_enabled", "MediaBucketUnBinded"), bound=KEPT, told=True, kind="error", status=400, code="MediaBucketUnBinded")  # fmt: skip
_answers("XML cut short", ("unreadable", "bad_xml"), told=True, kind="truncate", keep=0.5)
_answers("connection closed early", UNREACHABLE, told=True, kind="truncate", keep=0.5, close=True)
_answers(
    "malicious XML, billion laughs", ("unreadable", "bad_xml"), told=True, kind="raw", body=_sample("billion_laughs")
)
_answers(
    "malicious XML, external entity", ("unreadable", "bad_xml"), told=True, kind="raw", body=_sample("external_entity")
)
_answers("60 MB", ("unreadable", "too_large"), TIMEOUT, told=True, kind="huge", bytes=60_000_000)
_answers("60 MB from 60 kB", ("unreadable", "too_large"), TIMEOUT, told=True, kind="huge", bytes=60_000_000, gzip=True)
_answers("token loop", kind="token_repeat")
_answers("empty page with a token", kind="empty_page")


@fault("wrong TLS", UNREACHABLE, told=True, of_pause=[NO_WORKER])
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(DATA / "tls_test_only.pem")
    with _Impostor(context) as impostor:
        site.restart_hands(CI_ENDPOINT=f"https://{UPSTREAM_NAME}:{impostor.port}")
        wait_for(site.is_ready)
        yield
        met = impostor.met
        site.restart_hands()  # a part of the mend: whoever corrects the endpoint starts the workers anew
        wait_for(site.is_ready)
        bites.must(met, "nobody came to the impostor")


class _Impostor:
    """Listens with a certificate that nobody trusts; `met` counts who came."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.met = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._context = context
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

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
            self.met += 1
            connection.settimeout(2)
            try:
                self._context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()


@fault("credential revoked, then rotated", ("credentials", "*"), everywhere=False, told=True)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    fresh = ("FAULTS-SECRET-ID-3", "FAULTS-SECRET-KEY-3")
    emulator = site.upstream.emulator
    struck = bites.Struck(site)
    emulator.revoke_credential(PAIR[0])
    yield
    emulator.set_credentials(fresh, OTHER_PAIR)
    site.write_credential(*fresh)
    site.upstream.credentials = (fresh, OTHER_PAIR)
    refused = [call for call in struck.calls() if call.credential == PAIR[0] and call.status in (401, 403)]
    bites.must(refused, "nobody was refused")


@fault("credential's file gone", ("credentials", "missing_credential"), everywhere=False, told=True)
def _(site: Site, evidence: Evidence) -> Iterator[None]:
    file = site.folder / "secret-key"
    away = file.with_suffix(".away")
    file.rename(away)
    with ExitStack() as mend:
        mend.callback(away.rename, file)
        yield  # That it bit shows in what readers are told: nobody calls without a key.
