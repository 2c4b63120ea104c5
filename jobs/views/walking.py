"""One look at a walk, in the terms its template and its twin need: how far it is, and what its numbers are numbers of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext, ngettext

from jobs import claims, completeness, orders
from jobs.filters import JobFilter, Pin, list_query
from jobs.filters.times import local_text
from jobs.problems import Problem, ours
from jobs.servers import ServerDown
from jobs.walks import KEPT

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from django.utils.functional import _StrPromise

    from jobs.filters import View
    from jobs.models import Walk

LOOK_AGAIN = 2.0
"""Seconds between two looks at a walk that is under way."""
FEW = 3
"""Pages from which on it is told how long the rest may take."""
UNSURE = 0.2
"""The part by which that may be less or more than the quickest and the slowest pace so far say: jobs don't come evenly."""


@dataclass(frozen=True)
class Walking:
    """A walk as it stands at `now`, CI's unix time."""

    walk: Walk
    view: View
    now: float

    @property
    def is_done(self) -> bool:
        """Whether all has come; nothing else is offered as a file."""
        return self.walk.state == self.walk.State.DONE

    @property
    def can_resume(self) -> bool:
        """Whether it stopped on the way."""
        return self.walk.state in {self.walk.State.CANCELLED, self.walk.State.FAILED}

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to look again, None once it is over."""
        return LOOK_AGAIN if self.walk.is_under_way else None

    @cached_property
    def filter(self) -> JobFilter:
        """What is asked."""
        return JobFilter.from_params(self.walk.filter)

    @cached_property
    def pin(self) -> Pin:
        """When the list was opened."""
        return Pin.parse(self.walk.pin)

    @cached_property
    def summary(self) -> str:
        """The filter in one sentence."""
        return self.filter.summary(self.view.zone)

    @property
    def list_query(self) -> str:
        """The query that shows the list as it was at the pin."""
        return list_query(JobFilter.from_params({**self.walk.filter, "size": ""}).frozen(self.pin.time), self.view)

    @property
    def problem(self) -> Problem | None:
        """What ended it, or what its last call met."""
        return Problem.from_primitives(self.walk.problem) if self.walk.problem else None

    @cached_property
    def unattended(self) -> Problem | None:
        """Why nothing comes of a walk that is under way, as far as that is known."""
        if not self.walk.is_under_way or self.now - self.walk.touched < 2 * LOOK_AGAIN:
            return None
        try:
            return None if claims.heartbeats() else ours("no_worker")
        except ServerDown:
            return ours("redis_down")

    @property
    def touched(self) -> datetime:
        """When its last page came, or when it was started."""
        return _time(self.walk.touched)

    @property
    def counted(self) -> datetime | None:
        """When all had been counted."""
        return _time(self.walk.finished) if self.is_done and self.walk.finished else None

    @property
    def kept_until(self) -> datetime:
        """Until when its result is kept."""
        return _time(self.walk.touched + KEPT)

    @property
    def doubts(self) -> dict[str, _StrPromise]:
        """What can't be proven, and the sentence for it."""
        return completeness.told(self.walk.doubts.split(","), self.walk.end)

    @property
    def may_miss(self) -> bool:
        """Whether jobs may be missing, so that nobody can call these all."""
        return completeness.may_miss(self.walk.doubts.split(","), self.walk.end)

    @property
    def scope(self) -> str:
        """Of what its numbers are numbers, for programs and in a file's name."""
        return "counted" if self.may_miss else "all"

    # How far it is --------------------------------------------------------------------------------------------------------

    @property
    def rate(self) -> float | None:
        """Jobs a second so far."""
        return self.walk.rows / self.walk.walked if self.walk.rows and self.walk.walked > 0 else None

    @cached_property
    def _seconds_left(self) -> float | None:
        """How many seconds of creation times are still to come; None where nobody can know where the list ends."""
        start, end = self.filter.window(self.pin.time)
        if self.walk.reached is None or start is None:
            return None
        asc = self.filter.order == "Asc"
        return max(0.0, end.timestamp() - self.walk.reached if asc else self.walk.reached - start.timestamp())

    @cached_property
    def fraction(self) -> float | None:
        """The part of the creation times that has been walked through, None where that can't be known."""
        if self.is_done:
            return 1.0
        start, end = self.filter.window(self.pin.time)
        if self._seconds_left is None or start is None or end <= start:
            return None
        return min(1.0, max(0.0, 1 - self._seconds_left / (end - start).total_seconds()))

    @property
    def percent(self) -> int | None:
        """The same in whole percent."""
        return None if self.fraction is None else int(self.fraction * 100)

    @cached_property
    def left(self) -> tuple[timedelta, timedelta] | None:
        """How long the rest may take, at least and at most, by the paces so far; None where nobody can tell."""
        if not self.walk.is_under_way or self._seconds_left is None:
            return None
        paces = orders.paces(self.walk)
        if self.walk.pages < FEW or not paces:
            return None
        least, most = min(paces) * (1 - UNSURE), max(paces) * (1 + UNSURE)
        return timedelta(seconds=round(self._seconds_left * least)), timedelta(seconds=round(self._seconds_left * most))

    # What is written into a file -------------------------------------------------------------------------------------------

    @property
    def told(self) -> str:
        """How many jobs the file holds, of what: one sentence."""
        counted = self.counted or self.touched
        jobs = ngettext("%(jobs)s job", "%(jobs)s jobs", self.walk.rows) % {"jobs": self.walk.rows}
        scope = gettext("counted at %(time)s") if self.may_miss else gettext("of all, counted at %(time)s")
        return told(
            f"{jobs} {scope % {'time': _said(counted, self.view)}}",
            self.summary,
            self.walk.bucket.name,
            list(self.doubts.values()),
        )

    @property
    def head(self) -> dict[str, Any]:
        """The same for programs."""
        counted = self.counted or self.touched
        return {
            "bucket": self.walk.bucket.name,
            "region": self.walk.bucket.region,
            "filter": {name: value for name, value in self.walk.filter.items() if name != "size"},
            "summary": self.summary,
            "pin": self.walk.pin,
            "scope": self.scope,
            "jobs": self.walk.rows,
            "counted_at": counted.isoformat(timespec="seconds"),
            "doubts": {doubt: str(sentence) for doubt, sentence in self.doubts.items()},
        }

    @property
    def file_name(self) -> str:
        """The name of a file of its rows, without its ending."""
        return file_name(self.walk.bucket.name, self.scope, self.walk.rows, self.counted or self.touched)


def told(scope: str, summary: str, bucket: str, doubts: list[Any]) -> str:
    """Return the sentence that stands in a file: of what it is, and what is not proven."""
    return " · ".join([scope, summary, bucket, *map(str, doubts)])


def loaded_scope(jobs: int, *, is_whole: bool, goes_on: bool) -> str:
    """Return of what so many loaded jobs are: all of a list, what is loaded of one that goes on, or what could be had of one."""
    if is_whole:
        text = ngettext("%(jobs)s job, all of the list", "%(jobs)s jobs, all of the list", jobs)
    elif goes_on:
        text = ngettext("%(jobs)s loaded job; the list goes on", "%(jobs)s loaded jobs; the list goes on", jobs)
    else:
        text = ngettext("%(jobs)s loaded job", "%(jobs)s loaded jobs", jobs)
    return text % {"jobs": jobs}


def as_of(at: datetime, zone: ZoneInfo) -> str:
    """Return as of when that is."""
    return gettext("as of %(time)s") % {"time": f"{local_text(at, zone)} {zone.key}"}


def file_name(bucket: str, scope: str, count: int, at: datetime) -> str:
    """Return a file's name without its ending: it says of what it is once it lies among others."""
    return f"{bucket}_{scope}-{count}-jobs_{at.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"


def _said(time: datetime, view: View) -> str:
    return f"{local_text(time, view.zone)} {view.zone.key}"


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
