"""All buckets at once: what failed, hangs or waits in each. One question a bucket, like any list's, in a lane of its own.

A look never waits. It tells what is known, and has some of what is missing or out of date fetched behind it; whoever looks
again a moment later finds more. What one reader's look has brought is there for the next.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs import cache, pages, summaries
from jobs.filters import LARGEST_SIZE, OVERVIEW_RANGES, JobFilter
from jobs.insight import COUNTED, severity
from jobs.problems import ours
from jobs.records import PageQuestion
from jobs.searches import Failed
from jobs.servers import ServerDown
from jobs.summaries import Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.insight import Summary
    from jobs.models import Bucket
    from jobs.problems import Problem
    from jobs.records import Page

AGE = 60.0
"""Seconds after which a line is asked for anew: 40 buckets that somebody looks at cost 40 calls a minute."""
SHARE = 0.5
"""Seconds for each bucket that is looked at, where that is longer: so many buckets cost two calls a second at most."""
AT_ONCE = 12
"""Fetches that one look enqueues for each credential: somewhat more than tokens let through, and no queue behind which
others wait."""
SOONEST, LATEST = 0.5, 2.0
"""Seconds after which a look at what is still missing is worth repeating."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of one bucket.

    `as_of` is CI's unix time, None where nothing is known yet; `pending` says that it is being asked for, or will be.
    `problem` is what keeps it from being read now, or kept it from that the last time; `old` says that what is told was to be
    asked for anew long ago.
    """

    bucket: Bucket
    summary: Summary | None
    as_of: float | None
    problem: Problem | None
    pending: bool
    old: bool = False

    def severity(self, now: float) -> tuple[float, ...]:
        """What sorts the worst first."""
        return severity(self.summary, has_problem=self.problem is not None, now=now)


@dataclass(frozen=True, slots=True)
class Overview:
    """The lines of some buckets, in their order; `again` is the seconds after which to look again, None where all are there."""

    lines: Sequence[Line]
    again: float | None

    @property
    def answered(self) -> int:
        """How many buckets have told something, be it what is wrong."""
        return sum(not line.pending or line.summary is not None for line in self.lines)


def question(range_: str) -> JobFilter:
    """Return what each bucket is asked: its jobs that failed or aren't over, created in the last `range_`."""
    return JobFilter(states=COUNTED, size=LARGEST_SIZE, range=range_)


def age_of(buckets: int) -> float:
    """Return the seconds after which a line is asked for anew, of so many that are looked at together."""
    return max(AGE, SHARE * buckets)


def look(buckets: Iterable[Bucket], job_filter: JobFilter, *, now: float) -> Overview:
    """Return what is known of `buckets`, and have fetched what is missing, then what is out of date.

    Args:
        buckets: buckets that the reader may see.
        job_filter: what each is asked, as of `question`.
        now: CI's time in unix seconds.
    """
    listed = list(buckets)
    age = age_of(len(listed))
    try:
        known = summaries.find(listed, job_filter)
    except ServerDown:
        return Overview([Line(bucket, None, None, ours("redis_down", now), pending=False) for bucket in listed], None)
    due = [place for place, one in enumerate(known) if not one.problem and _is_due(one, now, age)]
    return _ask(_lines(listed, known, now, age), known, due, job_filter, now)


def tell(buckets: Iterable[Bucket], job_filter: JobFilter, *, now: float) -> list[Line]:
    """Return what is known of `buckets` and ask nobody, for whom no look counts; arguments as of `look`.

    Raises:
        ServerDown: the cache can't be reached.
    """
    listed = list(buckets)
    return _lines(listed, summaries.find(listed, job_filter, person=False), now, age_of(len(listed)))


def renew(buckets: Iterable[Bucket], job_filter: JobFilter, *, every: float, now: float) -> None:
    """Have fetched what is missing or older than `every` seconds, whether or not anybody looks.

    A bucket that failed is asked no sooner either, so that it costs no more than the others; people's looks do ask it.

    Args:
        buckets: the buckets that are to be known.
        job_filter: what each is asked, as of `question`.
        every: seconds after which a line is asked for anew.
        now: CI's time in unix seconds.

    Raises:
        ServerDown: the cache can't be reached.
    """
    listed = list(buckets)
    known = summaries.find(listed, job_filter, person=False)
    due = [
        place
        for place, one in enumerate(known)
        if not one.problem and _is_due(one, now, every) and not (one.last and 0 <= now - one.last.at < every)
    ]
    _ask(_lines(listed, known, now, every), known, due, job_filter, now)


def _lines(listed: Sequence[Bucket], known: Sequence[Known], now: float, age: float) -> list[Line]:
    return [
        Line(
            bucket,
            one.summary,
            one.as_of,
            one.problem or one.last,
            pending=one.summary is None and not one.problem,
            old=one.as_of is not None and now - one.as_of >= 3 * age,
        )
        for bucket, one in zip(listed, known, strict=True)
    ]


def seed(bucket: Bucket, job_filter: JobFilter) -> Page | None:
    """Return what the overview knows of a list that narrows it, to be shown while the list itself is asked for; None else.

    Args:
        bucket: a bucket that the reader may see.
        job_filter: what the list asks.
    """
    whole = question(job_filter.range) if job_filter.range in OVERVIEW_RANGES else None
    if whole is None or not job_filter.states or not set(job_filter.states) <= set(COUNTED):
        return None
    if replace(whole, states=job_filter.states, order=job_filter.order, size=job_filter.size) != job_filter:
        return None
    with suppress(ServerDown):
        page = cache.find_page(PageQuestion(bucket.name, whole), bucket.credential, person=False).page
        # Of a page that goes on, the oldest rows aren't the list's oldest.
        if page and not (page.next and job_filter.order == "Asc"):
            rows = [row for row in page.rows if row.job.state in job_filter.states]
            return replace(page, rows=rows[:: -1 if job_filter.order == "Asc" else 1][: job_filter.size])
    return None


def _ask(lines: list[Line], known: Sequence[Known], due: Iterable[int], job_filter: JobFilter, now: float) -> Overview:
    wanted = sorted(due, key=lambda place: known[place].as_of or 0.0)  # what is missing first, then the oldest
    enqueued: Counter[str] = Counter()
    again: list[float] = []
    for place in wanted:
        line = lines[place]
        if enqueued[line.bucket.credential] >= AT_ONCE:
            again.append(SOONEST)
            continue
        try:
            answer = pages.ask_behind(line.bucket, job_filter, since=known[place].since)
        except ServerDown:
            lines[place] = replace(line, problem=line.problem or ours("redis_down", now), pending=False)
            continue
        if isinstance(answer, Failed):
            lines[place] = replace(line, problem=answer.problem, pending=False)
        else:
            enqueued[line.bucket.credential] += answer.new
            again.append(answer.retry_after)
    return Overview(lines, min(LATEST, max(SOONEST, min(again))) if again else None)


def _is_due(known: Known, now: float, age: float) -> bool:
    return known.as_of is None or not now - age < known.as_of <= now + AGE
