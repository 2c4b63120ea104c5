"""One tick of a live list: which of the rows that somebody sees have changed, and how many jobs are new.

At most two questions a tick and bucket, and everybody who sees the same rows asks the same two: the newest first page, which tells
about new jobs and about the rows it holds, and one more list for the rows it doesn't. That is a list of their creation
times, without the filter's states where some of them left it, so that it tells what became of those, too.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs import cache, pages
from jobs.filters import LARGEST_SIZE
from jobs.records import JobQuestion, PageQuestion
from jobs.searches import Failed, Pending, Ready
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.filters import JobFilter, Pin, Shown
    from jobs.models import Bucket
    from jobs.records import Page, Row


@dataclass(frozen=True, slots=True)
class Change:
    """A row to show anew. `left` says that it no longer matches; `known` whether its state is the one that made it leave."""

    row: Row
    left: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick brought. `new` jobs came since the list was opened, or more where `new_is_least`."""

    head: Ready | Pending | Failed
    changes: tuple[Change, ...] = ()
    new: int = 0
    new_is_least: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """A bucket's list that somebody sees: the pin by which it was opened, and those of its rows that may still change."""

    bucket: Bucket
    opened: Pin
    shown: Sequence[Shown]


def tick(watched: Sequence[Watched], job_filter: JobFilter, *, reader: str) -> list[Tick]:
    """Return what has happened to the lists of `job_filter`; all are asked together.

    Args:
        watched: one or several lists, of buckets that the reader may see.
        job_filter: what they show.
        reader: whose budget a question costs that nobody asked yet.
    """
    heads = pages.renewed_pages([(one.bucket, job_filter) for one in watched], reader=reader)
    looks = [_Look.at(head, one.shown, job_filter) for one, head in zip(watched, heads, strict=True)]
    asked = [(one.bucket, look.question) for one, look in zip(watched, looks, strict=True) if look.question]
    answers = iter(pages.renewed_pages(asked, reader=reader))
    return [
        look.tick(one, job_filter, next(answers) if look.question else None)
        for one, look in zip(watched, looks, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Look:
    """What a newest first page tells of the rows, and which question tells of the others, None where there is none."""

    head: Ready | Pending | Failed
    changes: tuple[Change, ...] = ()
    gone: tuple[Shown, ...] = ()
    below: tuple[Shown, ...] = ()
    question: JobFilter | None = None

    @classmethod
    def at(cls, head: Ready | Pending | Failed, shown: Sequence[Shown], job_filter: JobFilter) -> _Look:
        if not isinstance(head, Ready):
            return cls(head)
        found = _by_id(head.page)
        changes = tuple(Change(found[one.job_id]) for one in shown if _is_changed(one, found))
        missing = [one for one in shown if one.job_id not in found]
        gone = tuple(one for one in missing if one.left or _reaches(head.page, job_filter, one))
        below = tuple(one for one in missing if one not in gone)
        return cls(
            head, changes, gone, below, _between(replace(job_filter, states=()) if gone else job_filter, missing)
        )

    def tick(self, watched: Watched, job_filter: JobFilter, answer: Ready | Pending | Failed | None) -> Tick:
        if not isinstance(self.head, Ready):
            return Tick(self.head)
        bucket, page = watched.bucket, answer.page if isinstance(answer, Ready) else None
        head = self.head
        if isinstance(answer, Ready | Failed) and answer.problem and not head.problem:
            head = replace(head, problem=answer.problem)  # what keeps the rows that it does not hold as they were
        changes = [
            *self.changes,
            *_what_became_of(bucket, job_filter, self.gone, page),
            *(_further_down(bucket, job_filter, self.below, page) if page else ()),
        ]
        new, new_is_least = _new(bucket, job_filter, watched.opened, self.head.page)
        return Tick(head, tuple(changes), new, new_is_least)


def _by_id(page: Page) -> dict[str, Row]:
    return {row.job.job_id: row for row in page.rows if row.job.job_id}


def _has_left(row: Row, job_filter: JobFilter) -> bool:
    return bool(job_filter.states) and row.job.state not in job_filter.states


def _is_changed(one: Shown, found: Mapping[str, Row]) -> bool:
    row = found.get(one.job_id)
    return row is not None and (one.left or row.job.state != one.state)


def _reaches(page: Page, job_filter: JobFilter, one: Shown) -> bool:
    """Tell whether `page` would hold the row if it still matched. Of jobs of its last second it may lack some."""
    last = page.rows[-1].job.creation_time if page.rows else None
    if page.next is None or (one.created is None) or last is None:
        return page.next is None
    return one.created > last if job_filter.order == "Desc" else one.created < last


def _what_became_of(bucket: Bucket, job_filter: JobFilter, gone: Sequence[Shown], page: Page | None) -> list[Change]:
    """Return the rows of jobs that left the filter, with their new state where `page` tells it."""
    found = _by_id(page) if page else {}
    changes = []
    for one in gone:
        if row := found.get(one.job_id):
            left = _has_left(row, job_filter)
            changes += [Change(row, left)] if not one.left or row.job.state != one.state else []
        elif not one.left and (row := _kept(bucket, one.job_id)):
            changes.append(Change(row, left=True, known=False))
    return changes


def _further_down(bucket: Bucket, job_filter: JobFilter, rows: Sequence[Shown], page: Page) -> list[Change]:
    """Return the rows that have changed below the first page, as `page` tells."""
    found = _by_id(page)
    changed = [found[one.job_id] for one in rows if _is_changed(one, found)]
    changes = [Change(row, _has_left(row, job_filter)) for row in changed]
    for one in rows:
        if one.job_id not in found and _reaches(page, job_filter, one) and (row := _kept(bucket, one.job_id)):
            changes.append(Change(row, left=True, known=False))
    return changes


def _between(job_filter: JobFilter, rows: Iterable[Shown]) -> JobFilter | None:
    """Return the question for the jobs created between the first and the last of `rows`."""
    times = sorted(one.created for one in rows if one.created)
    if not times:
        return None
    return replace(job_filter, range="", zone="", start=times[0], end=times[-1], size=LARGEST_SIZE)


def _kept(bucket: Bucket, job_id: str) -> Row | None:
    """Return a job's row as the cache has it, whatever its age."""
    with suppress(ServerDown):
        record = cache.find_job(JobQuestion(bucket.name, job_id), bucket.credential).job
        return record.row if record else None
    return None


def _new(bucket: Bucket, job_filter: JobFilter, opened: Pin, page: Page) -> tuple[int, bool]:
    """Count the jobs that a list opened now begins with and the one that is shown has not; of newest-first lists alone."""
    if job_filter.order != "Desc" or page.pin == opened:
        return 0, False
    question = PageQuestion(bucket.name, job_filter, opened)
    rows = [row for row in page.rows if row.job.job_id]
    with suppress(ServerDown):
        known, since = cache.known_jobs(question, [row.job.job_id for row in rows])
        # Further down than the list's first page reached, a job may be unknown because nobody scrolled there.
        since = opened.time if since is None else since
        new = [row for row in rows if row.job.job_id not in known and (row.job.creation_time or since) >= since]
        return len(new), bool(new) and len(new) == len(rows) and page.next is not None
    return 0, False
