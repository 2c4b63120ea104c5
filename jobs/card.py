"""What a portal's card tells of a filter: how many jobs failed or aren't over in some buckets, and which is the worst.

The overview's own question is asked as the overview asks it, any other as a merged list asks its first page; so a card shares
its calls with both. What is told is read from the same summaries.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from django.conf import settings

from jobs import overview, pages
from jobs.filters import OVERVIEW_RANGES, View
from jobs.insight import COUNTED
from jobs.problems import ours
from jobs.searches import Failed, Pending
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.filters import JobFilter
    from jobs.insight import Failure, Since
    from jobs.models import Bucket
    from jobs.overview import Line
    from jobs.problems import Problem


@dataclass(frozen=True, slots=True)
class Worst:
    """The job that needs a look first, in which state, and the unix second since when it waits or runs, or at which it failed."""

    bucket: Bucket
    job_id: str
    state: str
    at: float
    code: str = ""
    message: str = ""


@dataclass(frozen=True)
class Card:
    """What is known of some buckets; `again` is the seconds after which to look again, None where all is there."""

    lines: Sequence[Line]
    again: float | None

    @property
    def answered(self) -> int:
        """How many buckets have told something, be it what is wrong."""
        return sum(not line.pending or line.summary is not None for line in self.lines)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many jobs are in each state of COUNTED, of those that are known."""
        summaries = [line.summary for line in self.lines if line.summary]
        return {state: sum(summary.counts[state] for summary in summaries) for state in COUNTED}

    @property
    def is_least(self) -> bool:
        """Whether there are more jobs than are counted: a bucket has more than one page of them."""
        return any(line.summary.is_least for line in self.lines if line.summary)

    @property
    def waiting(self) -> tuple[Bucket, Since] | None:
        """The job that has waited longest."""
        found = [(line.bucket, one) for line in self.lines if line.summary and (one := line.summary.waiting)]
        return min(found, key=lambda pair: pair[1].at, default=None)

    @property
    def running(self) -> tuple[Bucket, Since] | None:
        """The job that has run longest."""
        found = [(line.bucket, one) for line in self.lines if line.summary and (one := line.summary.running)]
        return min(found, key=lambda pair: pair[1].at, default=None)

    @property
    def failure(self) -> tuple[Bucket, Failure] | None:
        """The job that failed last."""
        found = [(line.bucket, one) for line in self.lines if line.summary and (one := line.summary.failure)]
        return max(found, key=lambda pair: pair[1].at, default=None)

    @property
    def worst(self) -> Worst | None:
        """The job that failed last; where none did, the one that has waited or run longest."""
        if self.failure:
            bucket, failure = self.failure
            return Worst(bucket, failure.job_id, "Failed", failure.at, failure.code, failure.message)
        open_ones = [
            Worst(found[0], found[1].job_id, state, found[1].at)
            for state, found in (("Submitted", self.waiting), ("Running", self.running))
            if found
        ]
        return min(open_ones, key=lambda one: one.at, default=None)

    @property
    def as_of(self) -> float | None:
        """When the oldest of what is told was asked for, in CI's unix seconds; None where nothing is known."""
        return min((line.as_of for line in self.lines if line.as_of is not None), default=None)

    @property
    def is_old(self) -> bool:
        """Whether something of it was to be asked for anew long ago."""
        return any(line.old for line in self.lines)

    @property
    def troubles(self) -> list[tuple[Bucket, Problem]]:
        """The buckets that can't be read now, or couldn't the last time, and why."""
        return [(line.bucket, line.problem) for line in self.lines if line.problem]


def look(buckets: Sequence[Bucket], question: JobFilter, *, reader: str, now: float) -> Card:
    """Return what is known of the jobs that `question` asks for, and have fetched what is missing or out of date.

    Args:
        buckets: buckets that the reader may see.
        question: what each is asked.
        reader: whose budget a new question costs; the overview's own costs nobody's.
        now: CI's time in unix seconds.
    """
    if question.range in OVERVIEW_RANGES and question == overview.question(question.range):
        looked = overview.look(buckets, question, now=now)
        return Card(looked.lines, looked.again)
    until = time.monotonic() + settings.FIRST_WAIT
    answers = pages.get_together([(bucket, View()) for bucket in buckets], question, reader=reader, until=until)
    try:
        lines = overview.tell(buckets, question, now=now)
    except ServerDown:
        down = ours("redis_down", now)
        return Card([overview.Line(bucket, None, None, down, pending=False) for bucket in buckets], None)
    for place, answer in enumerate(answers):
        if isinstance(answer, Failed):
            lines[place] = replace(lines[place], problem=answer.problem, pending=False)
    return Card(lines, max((one.retry_after for one in answers if isinstance(one, Pending)), default=None))
