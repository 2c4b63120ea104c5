"""Upstream's limits, kept by the whole fleet together: leases, tokens and cool-downs, on the broker.

A bucket has few calls in flight (leases), so that one that never answers can't hold every worker. Bucket and credential
have so many calls a second (tokens, by the broker's clock). Where Cloud Infinite asks to slow down, the bucket cools down,
and with a second bucket its credential, until one probe finds it well. Nothing here waits but 50 ms for a token: who is not
let through gives back, and whoever asks next tries again.
"""

from __future__ import annotations

import random
import secrets
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, cast

from django.conf import settings

from jobs import claims, metrics, servers
from jobs.claims import LANES, LEASE_AGAIN, LEASES, RUNNING_FOR, Gate, Reason
from jobs.cloudinfinite.exceptions import Throttled
from jobs.records import pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobs.claims import Lane
    from jobs.cloudinfinite.exceptions import CloudInfiniteError
    from jobs.problems import Problem

HEADROOM = 0.9
"""Part of a limit that is used. Calls leave evenly and travel unevenly, and must not arrive as more than the limit."""
BURST_SECONDS = 2
TOKEN_PATIENCE = 0.05
"""Seconds that a task waits for a token."""
FIRST_COOL_DOWN, LONGEST_COOL_DOWN = 1000, 60_000
NEIGHBOURS = 10_000
"""Milliseconds within which a second throttled bucket says that it is the credential."""

OVERVIEW_LEASES = 12
"""Calls in flight for the overview in the whole fleet, at most. It asks many buckets at once, and any of them may never answer."""

WALKS_AT_ONCE = 3
"""Walks that go on at the same time in the whole fleet: each keeps a worker's thread for seconds, also while it may not ask."""


class HeldBack(Exception):
    """No call may go out now: all leases are out, no token is left, or upstream cools down. `delay` is in seconds."""

    def __init__(self, reason: Reason, delay: float) -> None:
        super().__init__(f"{reason}, {delay:.2f} s")
        self.reason = reason
        self.delay = delay


def gate(bucket: str, credential: str) -> Gate:
    """Return what can hold the calls to a bucket back."""
    return Gate(f"leases:{bucket}", f"cool:bucket:{bucket}", f"cool:credential:{credential}")


def _lane_leases(lane: Lane) -> str:
    """Return the key of the leases that a lane has besides its buckets', "" where it may fill every thread."""
    return "leases:lane:overview" if lane == "overview" else ""


def _overview_leases() -> int:
    """Return how many calls may be in flight for the overview: of one worker's threads some stay for people."""
    return min(OVERVIEW_LEASES, max(1, settings.WORKER_THREADS * 3 // 5))


def _lane_tokens(lane: Lane, bucket: str, credential: str) -> tuple[str, str]:
    """Return the keys of the tokens that a lane must take besides the others, "" where it need not: walks get half."""
    return (f"tokens:walk:bucket:{bucket}", f"tokens:walk:credential:{credential}") if lane == "walk" else ("", "")


@dataclass(slots=True)
class Permit:
    """The right to call upstream for one question: a lease, and a token for each call.

    `outcome` is what the calls found, `calls` how many there were, `asked_at` the monotonic time of the last one, or
    of the permit before it.
    """

    bucket: str
    credential: str
    lane: Lane
    lease: str
    outcome: Literal["well", "throttled", "unknown"] = "well"
    problem: Problem | None = None
    calls: int = 0
    asked_at: float = field(default_factory=time.monotonic)

    def failed(self, error: CloudInfiniteError, problem: Problem) -> None:
        """Say how the call ended: any answer but "slow down" says that upstream is well, none says nothing."""
        self.problem = problem
        if isinstance(error, Throttled) or error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.outcome = "throttled"
        elif error.status is None:
            self.outcome = "unknown"

    def take_token(self) -> None:
        """Take the token of a further call.

        Raises:
            HeldBack: there is none.
            ServerDown: the broker can't be reached.
        """
        _admit(self, holds_lease=True)


@contextmanager
def permit(bucket: str, credential: str, lane: Lane, longest: float) -> Iterator[Permit]:
    """Lend a lease and the first call's token while the block runs; afterwards bucket and credential are judged by it.

    Args:
        bucket: the bucket's name.
        credential: the credential's name.
        lane: who waits for the call.
        longest: seconds after which the lease is renewed no more.

    Raises:
        HeldBack: no call may go out now.
        ServerDown: the broker can't be reached.
    """
    lent = Permit(bucket, credential, lane, secrets.token_hex(8))
    _admit(lent, holds_lease=False)
    try:
        with ExitStack() as renewing:
            for leases in filter(None, (gate(bucket, credential).leases, _lane_leases(lane))):
                renewing.enter_context(claims.renewer.leasing(leases, lent.lease, longest))
            yield lent
    finally:
        # What can't be given back lapses by itself.
        with suppress(servers.ServerDown):
            _settle(lent)


@contextmanager
def walking(bucket: str, longest: float) -> Iterator[bool]:
    """Let this thread walk through the lists of a bucket while the block runs; tell whether it may.

    It may not where another does, or where WALKS_AT_ONCE walk already. A worker that dies is out after three seconds.

    Args:
        bucket: the bucket's name.
        longest: seconds after which its place is renewed no more.

    Raises:
        ServerDown: the broker can't be reached.
    """
    token, keys = secrets.token_hex(8), (f"walks:{bucket}", "walks")
    if not servers.broker().script("step_in", keys, [token, RUNNING_FOR, WALKS_AT_ONCE]):
        yield False
        return
    try:
        with ExitStack() as renewing:
            for key in keys:
                renewing.enter_context(claims.renewer.leasing(key, token, longest))
            yield True
    finally:
        # What can't be given back lapses by itself.
        with suppress(servers.ServerDown), servers.broker().connection() as client:
            for key in keys:
                client.zrem(key, token)


def _admit(asking: Permit, *, holds_lease: bool) -> None:
    began = time.monotonic()
    while True:
        reason, delay = _try(asking, holds_lease=holds_lease)
        waited = time.monotonic() - began
        if reason == "go":
            metrics.throttled("go", waited)
            return
        if reason != "token" or waited + delay > TOKEN_PATIENCE:
            metrics.throttled(reason, waited)
            raise HeldBack(reason, delay)
        time.sleep(delay)  # the token is due then: there is nothing to be woken by


def _try(asking: Permit, *, holds_lease: bool) -> tuple[Literal["go"] | Reason, float]:
    keys = gate(asking.bucket, asking.credential)
    answer = servers.broker().script(
        "admit",
        [
            keys.leases,
            keys.cool_bucket,
            keys.cool_credential,
            f"tokens:bucket:{asking.bucket}",
            f"tokens:credential:{asking.credential}",
            _lane_leases(asking.lane),
            *_lane_tokens(asking.lane, asking.bucket, asking.credential),
        ],
        [
            asking.lease,
            RUNNING_FOR,
            LEASES,
            int(LANES[asking.lane] > LANES["person"]),
            round(settings.CI_DEADLINE * 1000) + 1000,
            settings.CI_RATE_BUCKET * HEADROOM,
            settings.CI_RATE_CREDENTIAL * HEADROOM,
            LEASE_AGAIN,
            BURST_SECONDS,
            int(holds_lease),
            _overview_leases(),
        ],
    )
    return answer[0].decode(), answer[1] / 1000 if len(answer) > 1 else 0.0


def _settle(done: Permit) -> None:
    keys = gate(done.bucket, done.credential)
    cooling = servers.broker().script(
        "settle",
        [
            keys.leases,
            keys.cool_bucket,
            keys.cool_credential,
            f"throttled:{done.credential}",
            _lane_leases(done.lane),
        ],
        [
            done.lease,
            done.outcome,
            done.bucket,
            pack(done.problem.to_primitives()) if done.problem else b"",
            random.uniform(0.75, 1.25),  # noqa: S311 - keeps the fleets of several sites apart; it needs no secrecy
            FIRST_COOL_DOWN,
            LONGEST_COOL_DOWN,
            NEIGHBOURS,
        ],
    )
    if done.outcome == "throttled":
        metrics.cool_down(done.bucket, cooling / 1000)


# What is left -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quota:
    """What a bucket or a credential may still ask of Cloud Infinite.

    `tokens` are the calls that may go out at once and `burst` the most there can be, None where there is no limit.
    `in_flight` is None for a credential: only buckets have leases. `quiet` is the seconds that it still cools down.
    """

    tokens: float | None
    burst: float | None
    in_flight: int | None
    quiet: float


def quotas(buckets: Iterable[str], credentials: Iterable[str]) -> tuple[dict[str, Quota], dict[str, Quota]]:
    """Return what is left of each bucket and of each credential, by name, in one round trip.

    Raises:
        ServerDown: the broker can't be reached.
    """
    names, owners = list(buckets), list(credentials)
    with servers.broker().connection() as client:
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        for kind, listed in (("bucket", names), ("credential", owners)):
            for name in listed:
                pipeline.hmget(f"tokens:{kind}:{name}", ["left", "at"])
                pipeline.hmget(f"cool:{kind}:{name}", ["until", "probe"])
        for name in names:
            pipeline.zrangebyscore(f"leases:{name}", "-inf", "+inf", withscores=True)
        (seconds, micros), *answers = cast("Any", pipeline.execute())
    now = seconds * 1000 + micros / 1000
    pairs = list(zip(answers[: 2 * (len(names) + len(owners)) : 2], answers[1::2], strict=False))
    leases = answers[2 * (len(names) + len(owners)) :]
    of_buckets = {
        name: _quota(settings.CI_RATE_BUCKET, tokens, cool, now, sum(until > now for _token, until in out))
        for name, (tokens, cool), out in zip(names, pairs, leases, strict=False)
    }
    of_credentials = {
        name: _quota(settings.CI_RATE_CREDENTIAL, tokens, cool, now, None)
        for name, (tokens, cool) in zip(owners, pairs[len(names) :], strict=False)
    }
    return of_buckets, of_credentials


def _quota(rate: float, tokens: list[Any], cool: list[Any], now: float, in_flight: int | None) -> Quota:
    """Read one state as admit.lua does."""
    until, probe = (float(value or 0) for value in cool)
    quiet = max(0.0, max(until, probe) - now) / 1000
    if rate <= 0:
        return Quota(None, None, in_flight, quiet)
    burst = rate * HEADROOM * BURST_SECONDS
    left, at = tokens
    gained = (now - float(at)) / 1000 * rate * HEADROOM if at else 0.0
    return Quota(min(burst, float(left or burst) + gained), burst, in_flight, quiet)
