"""How things stand: what each bucket and credential answered last and may still ask, workers, queues, calls saved.

Everything is read at the moment; a server that is down leaves its part out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from jobs import claims, throttle, troubles
from jobs.queues import lane_ages, queued
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.claims import Lane
    from jobs.models import Bucket
    from jobs.problems import Problem
    from jobs.queues import Queued
    from jobs.throttle import Quota
    from jobs.troubles import Tally


@dataclass(frozen=True, slots=True)
class Standing:
    """How one bucket, or one credential over several buckets, stands. None is what can't be known now."""

    name: str
    bucket: Bucket | None
    tally: Tally | None
    quota: Quota | None
    saved: int
    """Calls that weren't made, because an answer was shared."""

    @property
    def problem(self) -> Problem | None:
        """The last trouble, over or not."""
        return self.tally.problem if self.tally else None

    @property
    def well_at(self) -> float | None:
        """When it last answered well, in unix seconds of CI's time."""
        return self.tally.well_at if self.tally else None

    @property
    def state(self) -> Literal["well", "trouble", "quiet", "unknown", "unasked"]:
        """In one word: cooling down is said first, then what the last answer was."""
        if self.quota and self.quota.quiet:
            return "quiet"
        if self.tally is None:
            return "unknown"
        if self.problem and self.problem.at > (self.well_at or 0.0):
            return "trouble"
        return "well" if self.well_at else "unasked"


@dataclass(frozen=True, slots=True)
class Status:
    """How everything stands that a reader may see. None is what can't be known while a server is down."""

    buckets: Sequence[Standing]
    credentials: Sequence[Standing]
    workers: Mapping[str, float] | None
    queues: Mapping[str, Queued] | None
    down: Sequence[str] = field(default=())
    """Roles of the Redis servers that can't be reached."""

    @property
    def calls(self) -> int:
        """Calls to Cloud Infinite that the reader's buckets cost."""
        return sum(one.tally.calls for one in self.buckets if one.tally)

    @property
    def answers(self) -> int:
        """Answers that were given from them."""
        return sum(one.tally.answers for one in self.buckets if one.tally)

    @property
    def saved(self) -> int:
        """Calls that weren't made, because an answer was shared."""
        return sum(one.saved for one in self.buckets)


def _saved(tally: Tally) -> int:
    """Return how many calls sharing has saved a bucket: without it, each answer would have been one."""
    return max(0, tally.answers - tally.calls)


def look(buckets: Iterable[Bucket]) -> Status:
    """Return how `buckets`, all of which the reader may see, and what is behind them stand."""
    listed = list(buckets)
    names = [bucket.name for bucket in listed]
    owners = sorted({bucket.credential for bucket in listed})
    tallies: dict[str, Tally] | None = None
    of_buckets: dict[str, Quota] = {}
    of_credentials: dict[str, Quota] = {}
    workers, queues, down = None, None, []
    try:
        tallies = troubles.tallies(names)
    except ServerDown as error:
        down.append(error.role)
    try:
        of_buckets, of_credentials = throttle.quotas(names, owners)
        workers, queues = claims.heartbeats(), queued()
    except ServerDown as error:
        down.append(error.role)

    def of_bucket(bucket: Bucket) -> Standing:
        tally = tallies[bucket.name] if tallies else None
        return Standing(bucket.name, bucket, tally, of_buckets.get(bucket.name), _saved(tally) if tally else 0)

    def of_credential(name: str) -> Standing:
        its = [tallies[bucket.name] for bucket in listed if bucket.credential == name] if tallies else []
        together = _together(its) if tallies else None
        # What failed for one bucket eats up nothing that was saved for another.
        return Standing(name, None, together, of_credentials.get(name), sum(_saved(tally) for tally in its))

    return Status(
        buckets=[of_bucket(bucket) for bucket in listed],
        credentials=[of_credential(owner) for owner in owners],
        workers=workers,
        queues=queues,
        down=down,
    )


def _together(tallies: Iterable[Tally]) -> Tally:
    """Return what became of all questions of a credential. What only a bucket is wrong about is no trouble of it."""
    every = list(tallies)
    well = max((one for one in every if one.well_at), key=lambda one: one.well_at or 0.0, default=troubles.Tally())
    problems = [one.problem for one in every if one.problem and one.problem.scope == "credential"]
    return troubles.Tally(
        since=min((one.since for one in every if one.since), default=None),
        calls=sum(one.calls for one in every),
        answers=sum(one.answers for one in every),
        well_at=well.well_at,
        well_id=well.well_id,
        problem=max(problems, key=lambda problem: problem.at, default=None),
    )


@dataclass(frozen=True, slots=True)
class Scraped:
    """What Prometheus reads of the broker: quotas by bucket, queues by name, ages in seconds by lane, and living workers."""

    quotas: Mapping[str, Quota]
    queues: Mapping[str, Queued]
    lanes: Mapping[Lane, float]
    workers: int


def scraped(buckets: Iterable[str]) -> Scraped | None:
    """Return what Prometheus reads of the broker; None while it is down."""
    with suppress(ServerDown):
        return Scraped(throttle.quotas(buckets, ())[0], queued(), lane_ages(), len(claims.heartbeats()))
    return None
