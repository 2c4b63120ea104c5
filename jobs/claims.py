"""One fetch per question, whoever asks: askings, claims, wake-ups, the renewal thread and the heartbeat.

An *asking* is one small record on the broker per question that is being asked. Its phase is absent, queued, running,
failed (may be asked again at a time) or stored, and only the Lua scripts beside this module move it:

    ask    a reader's miss: joins the fetch under way, or claims the right to enqueue one (queued for 5 s); a question
           that is neither queued nor running, and that nobody asked for 10 s, begins anew
    start  a task's first act: queued or lapsed becomes running for 3 s, renewed each second while the call runs
    finish a task's last act: wakes all who wait and leaves stored, failed, or "again at T"; a task that was not let
           through to upstream gives its claim back in the same way, and that was no try

So a long queue can't make tasks drop each other, and a dead worker frees its question within 5 s. Who joins a fetch
blocks on a stream named by the claim's token; a late one finds the entry at once.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from django.conf import settings

from jobs import clock, servers
from jobs.problems import Problem
from jobs.records import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

QUEUED_FOR = 5000
RUNNING_FOR = 3000
ASKING_LIFE = 60_000
STREAM_LIFE = 30_000
TASK_LIFE = 30_000
"""Milliseconds after which a task that nobody took is dropped: whoever wanted it has asked again or has gone.

Celery's own `expires` compares the enqueueing machine's clock with the worker's: an hour apart, every task is dropped.
"""
PATIENCE = 30_000
"""Milliseconds after which an asking that no worker took is given up."""
FORGOTTEN = 10_000
"""Milliseconds without anybody asking after which a question is a new one: readers who wait ask every two seconds."""
HEARTBEATS = f"heartbeats:{settings.CACHE_VERSION}"
"""Of the workers whose pages this release can read."""
HEARTBEAT_LIFE = 6.0
"""Seconds without a heartbeat after which a worker counts as gone."""
INTERVALS = (0.3, 0.6, 1.0, 2.0, 2.0)
"""Seconds after which a reader who was told to wait asks again, by how long the question has been asked."""

LEASES = 4
"""Upstream calls in flight per bucket, in the whole fleet."""
LEASE_AGAIN = 400
"""Milliseconds after which to ask again where all leases are out."""

BUCKETS_A_QUESTION = 10
"""Buckets that one question of a reader's budget may be put to together: a list of twenty costs two of thirty a minute."""

Reason = Literal["cool", "lease", "token"]
"""Which of upstream's limits holds a call back: a cool-down, the leases, or the tokens."""
Outcome = Literal["claimed", "joined", "later", "ended", "refused"]
Lane = Literal["person", "refresh", "overview", "ahead", "walk"]
LANES: dict[Lane, int] = {"person": 0, "refresh": 1, "overview": 2, "ahead": 3, "walk": 4}
"""Who waits for a fetch, the most urgent first."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Keys of what can hold a bucket's calls back: its leases, and the cool-downs of bucket and credential."""

    leases: str
    cool_bucket: str
    cool_credential: str


@dataclass(frozen=True, slots=True)
class Asking:
    """Where a question stands.

    `outcome` is "claimed" (enqueue a task), "joined" (one is under way), "later" (may be asked again in `again` seconds),
    "ended" (its tries are used up) or "refused" (the reader's budget is, for `again` seconds). `overtakes` says that a task
    of a lower lane is queued already, and may still be the one that fetches. `stored` says that an answer was stored a
    moment ago. `enqueued_at` is the broker's time in unix ms, `asked` seconds since it was first asked.
    """

    outcome: Outcome
    token: str
    enqueued_at: int
    again: float
    asked: float
    tries: int
    problem: Problem | None
    stored: bool
    overtakes: bool = False

    @property
    def interval(self) -> float:
        """Seconds after which the reader should ask again."""
        waited = 0.0
        for interval in INTERVALS:
            waited += interval
            if self.asked < waited:
                return interval
        return INTERVALS[-1]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to fetch, held by a running task. `tries` counts this one; `since_first` is seconds since the first.

    `queued` is the seconds between the claim and the task's start, `held` those since upstream's limits first held the question
    back, 0 where they did not, and `held_by` which of them it was.
    """

    key: str
    token: str
    tries: int
    since_first: float
    queued: float = 0.0
    held: float = 0.0
    held_by: Reason | None = None


def ask(key: str, gate: Gate, *, lane: Lane, reader: str = "", since: float = 0.0) -> Asking:
    """Say that a reader needs the answer to `key`.

    Args:
        key: the question's key.
        gate: what can hold calls to its bucket back.
        lane: who waits for it.
        reader: whose budget a new question costs, "" for nobody's.
        since: unix seconds of CI's time; an asking that ended before does not count.

    Raises:
        ServerDown: the broker can't be reached.
    """
    own = secrets.token_hex(8)
    outcome, token, now, again, first, tries, problem, stored = servers.broker().script(
        "ask",
        [
            _asking_key(key),
            gate.leases,
            gate.cool_bucket,
            gate.cool_credential,
            f"budget:{reader}" if reader and settings.MISS_BUDGET else "",
            HEARTBEATS,
        ],
        [
            own,
            QUEUED_FOR,
            ASKING_LIFE,
            round(settings.FETCH_DEADLINE * 1000),
            PATIENCE,
            round((since - clock.offset()) * 1000),
            LANES[lane],
            LEASES,
            settings.MISS_BUDGET,
            LEASE_AGAIN,
            FORGOTTEN,
            round(HEARTBEAT_LIFE * 1000),
        ],
    )
    return Asking(
        outcome=outcome.decode(),
        token=token.decode(),
        enqueued_at=now,
        again=max(0.0, (again - now) / 1000),
        asked=(now - first) / 1000,
        tries=tries,
        problem=Problem.from_primitives(unpack(problem)) if problem else None,
        stored=bool(stored),
        overtakes=outcome == b"claimed" and token.decode() != own,
    )


def pay(reader: str, question: str, buckets: int) -> float:
    """Charge a reader for a question to several buckets, once while it is being answered.

    Args:
        reader: whose budget it costs, "" for nobody's.
        question: its name; asked again within a minute it costs nothing.
        buckets: how many of them have to be asked.

    Returns 0 where it is paid for, else the seconds after which the budget holds enough; then nothing is taken.

    Raises:
        ServerDown: the broker can't be reached.
    """
    if not (reader and buckets and settings.MISS_BUDGET):
        return 0.0
    wait = servers.broker().script(
        "pay",
        [f"budget:{reader}", f"paid:{reader}:{question}"],
        [-(-buckets // BUCKETS_A_QUESTION), settings.MISS_BUDGET, ASKING_LIFE],
    )
    return float(wait) / 1000


def start(key: str, enqueued_at: int) -> Claim | None:
    """Take the fetch of `key` over, or return None where there is nothing left to do.

    Args:
        key: the question's key.
        enqueued_at: the broker's unix ms at which the task was enqueued.

    Raises:
        ServerDown: the broker can't be reached.
    """
    answer = servers.broker().script(
        "start", [_asking_key(key)], [secrets.token_hex(8), enqueued_at, RUNNING_FOR, ASKING_LIFE, TASK_LIFE]
    )
    if not answer:
        return None
    token, tries, since_first, queued, held, held_by = answer
    return Claim(
        key, token.decode(), tries, since_first / 1000, max(0.0, queued / 1000), held / 1000, held_by.decode() or None
    )


def finish(claim: Claim, outcome: Literal["stored", "failed"]) -> None:
    """Wake all who wait for `claim` and end its asking.

    Raises:
        ServerDown: the broker can't be reached; the claim then lapses by itself.
    """
    _finish(claim, outcome, b"", 0.0)


def again(claim: Claim, problem: Problem, delay: float) -> None:
    """Wake all who wait for `claim` and let it be asked again in `delay` seconds.

    Raises:
        ServerDown: the broker can't be reached; the claim then lapses by itself.
    """
    _finish(claim, "again", pack(problem.to_primitives()), delay)


def give_back(claim: Claim, delay: float, reason: Reason) -> None:
    """Wake all who wait for `claim`, which `reason` kept from its call, and let it be asked again in `delay` seconds.

    Raises:
        ServerDown: the broker can't be reached; the claim then lapses by itself.
    """
    _finish(claim, "held", reason.encode(), delay)


def release(key: str, token: str) -> None:
    """Give a queued claim back, because the answer is there already, and wake those who joined it meanwhile.

    Raises:
        ServerDown: the broker can't be reached; the claim then lapses by itself.
    """
    finish(Claim(key, token, 0, 0.0), "stored")


def _finish(claim: Claim, outcome: str, why: bytes, delay: float) -> None:
    servers.broker().script(
        "finish",
        [_asking_key(claim.key), _stream_key(claim.key, claim.token)],
        [claim.token, outcome, why, round(delay * 1000), ASKING_LIFE, STREAM_LIFE],
    )


def wait(key: str, token: str, seconds: float) -> bool:
    """Block until the fetch that holds `token` ends, at most `seconds`; tell whether it did.

    Raises:
        ServerDown: the broker can't be reached.
    """
    with servers.broker().waiting(settings.FIRST_WAIT) as client:
        return bool(cast("Any", client).xread({_stream_key(key, token): "0-0"}, block=max(1, round(seconds * 1000))))


def _asking_key(key: str) -> str:
    # The page of another release's fetch is not to be found here, so nobody joins it.
    return f"asking:{settings.CACHE_VERSION}:{key}"


def _stream_key(key: str, token: str) -> str:
    return f"wake:{key}:{token}"


# The worker's side -------------------------------------------------------------------------------------------------------


class Renewer:
    """One thread per worker process that renews its running claims and leases and writes its heartbeat, each second."""

    def __init__(self, every: float = 1.0) -> None:
        self._every = every
        self._held: dict[tuple[str, str], float] = {}
        self._leased: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()
        # Re-entrant, because `retire` runs in a signal's handler: a second signal may come while it waits.
        self._beating = threading.RLock()
        self._name = ""
        self._chores: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None

    def start(self, name: str = "") -> None:
        """Begin to renew, and to write the heartbeat of the worker `name` if one is given."""
        self._name = name or self._name
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="renewer", daemon=True)
                self._thread.start()

    def each_beat(self, chore: Callable[[], None]) -> None:
        """Do `chore` with each beat."""
        self._chores.append(chore)

    def retire(self) -> None:
        """Write no more heartbeats; claims are renewed until their calls end."""
        # A beat on its way would write the name back after it is taken out, so its end is waited for.
        with self._beating:
            name, self._name = self._name, ""
            self._chores.clear()
            if name:
                try:
                    with servers.broker().connection() as client:
                        client.hdel(HEARTBEATS, name)
                except servers.ServerDown:
                    pass  # It lapses by itself.

    @contextmanager
    def holding(self, claim: Claim, longest: float) -> Iterator[None]:
        """Keep `claim` alive while the block runs, but never longer than `longest` seconds."""
        with self._renewing(self._held, (_asking_key(claim.key), claim.token), longest):
            yield

    @contextmanager
    def leasing(self, leases: str, token: str, longest: float) -> Iterator[None]:
        """Keep the lease `token` of the set `leases` alive while the block runs, never longer than `longest` seconds."""
        with self._renewing(self._leased, (leases, token), longest):
            yield

    @contextmanager
    def _renewing(self, kept: dict[tuple[str, str], float], what: tuple[str, str], longest: float) -> Iterator[None]:
        self.start()
        with self._lock:
            kept[what] = time.monotonic() + longest
        try:
            yield
        finally:
            with self._lock:
                kept.pop(what, None)

    def _run(self) -> None:
        while True:
            try:
                self._beat()
                for chore in list(self._chores):
                    chore()
            except servers.ServerDown:
                pass  # The next beat tries again; meanwhile the claims lapse, which is what they are for.
            except Exception:
                # The thread must outlive whatever a chore meets: without it every claim of this worker lapses.
                logger.exception("a chore of the renewal thread failed")
            time.sleep(self._every)  # the beat itself: claims last three of them

    def _beat(self) -> None:
        with self._lock:
            now = time.monotonic()
            held = [what for what, until in self._held.items() if until > now]
            leased = [what for what, until in self._leased.items() if until > now]
        with self._beating:
            if not held and not leased and not self._name:
                return
            servers.broker().script(
                "renew",
                [HEARTBEATS, *(key for key, _token in held + leased)],
                [self._name, RUNNING_FOR, len(held), *(token for _key, token in held + leased)],
            )


renewer = Renewer()


def heartbeats() -> dict[str, float]:
    """Return the age in seconds of the last heartbeat of each worker that lives.

    Raises:
        ServerDown: the broker can't be reached.
    """
    with servers.broker().connection() as client:
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        pipeline.hgetall(HEARTBEATS)
        (seconds, micros), beats = cast("Any", pipeline.execute())
    now = seconds + micros / 1e6
    ages = {name.decode(): max(0.0, now - int(at) / 1000) for name, at in beats.items()}
    return {name: age for name, age in ages.items() if age < HEARTBEAT_LIFE}


def credential_changed(name: str, fingerprint: str) -> bool:
    """Remember a credential's fingerprint; tell whether another one stood there.

    Raises:
        ServerDown: the broker can't be reached.
    """
    with servers.broker().connection() as client:
        before = cast("bytes | None", client.getset(f"credential:{name}", fingerprint))
    return before is not None and before.decode() != fingerprint


def remember_credential(name: str, fingerprint: str) -> None:
    """Put a credential's fingerprint where none stands: the broker may have been emptied.

    Raises:
        ServerDown: the broker can't be reached.
    """
    with servers.broker().connection() as client:
        client.set(f"credential:{name}", fingerprint, nx=True)
