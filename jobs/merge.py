"""One list of the jobs of several buckets, by the time of their creation: their chains, merged as they are paged.

A row is shown only once none that sorts before it can come from a bucket that answers. A bucket that fails or is late is
left out by name, and never comes in between rows that are shown already.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING

from django.conf import settings

from jobs import pages
from jobs.filters import MOST_MARKED, Mark, View
from jobs.searches import Failed, Pending, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from jobs.filters import JobFilter, Pin
    from jobs.models import Bucket
    from jobs.problems import Problem
    from jobs.records import Continuation, Page, Row


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket's part of a merged list goes on: `taken` rows of the chain of `pin` are shown already.

    Without a pin it is the newest list; one that is `out` takes no part. `mark` tells which rows of all buckets are shown, where
    that is known: a page that is fetched again may have another number of rows.
    """

    bucket: Bucket
    pin: Pin | None = None
    taken: int = 0
    out: bool = False
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """Some pages of a merged list, from `begin` on, which now knows the pin of every bucket that takes part.

    `next` is where each bucket goes on, None at the end. `problems` are those of buckets that were asked and can't be read,
    by name; `late` are buckets that did not answer in time and are left out. `stale` names the buckets whose rows may have
    changed since, each with what kept them from being refreshed, if anything did. Where nothing can be shown yet, `again` is
    the seconds after which to ask again, and `waiting` the buckets that are waited for. `refused` says why nothing of it may be asked at all.
    `doubtful` are buckets of whose rows in these pages some may be missing, as their own lists tell. `known` is what is last
    known to go wrong with buckets that take no part, by name.
    """

    rows: Sequence[tuple[Bucket, Row]]
    begin: Sequence[Place]
    next: Sequence[Place] | None
    problems: dict[str, Problem]
    late: Sequence[Bucket]
    as_of: float | None
    again: float | None = None
    stale: Mapping[str, Problem | None] = field(default_factory=dict)
    refused: Problem | None = None
    waiting: Sequence[Bucket] = ()
    doubtful: Sequence[Bucket] = ()
    known: Mapping[str, Problem] = field(default_factory=dict)

    @property
    def left_out(self) -> list[Bucket]:
        """The buckets that took no part from before `begin` on, whatever the reason was."""
        asked = {*self.problems, *(bucket.name for bucket in self.late)}
        return [place.bucket for place in self.begin if place.out and place.bucket.name not in asked]

    @property
    def lost(self) -> list[Bucket]:
        """The buckets that took part before and don't go on."""
        return [place.bucket for place in self.begin if not place.out and place.bucket.name in self.problems]


def look(places: Sequence[Place], job_filter: JobFilter, *, reader: str, depth: int = 1, whole: bool = False) -> Merged:
    """Return `depth` pages of a merged list from `places` on, each of as many rows as a page of `job_filter` has.

    They may have fewer rows where a bucket's next page is late: then the list goes on behind it. Only the first page is
    waited for, unless they are wanted `whole`: behind it, what is missing is fetched as the reader scrolls.

    Args:
        places: one for each bucket, all of which the reader may see, in the order in which equal times sort.
        job_filter: what each is asked.
        reader: whose budget what is new costs, as one question to all.
        depth: how many pages are wanted.
        whole: whether all of them are waited for; where one is late, `again` says so beside the rows that are there.
    """
    until = time.monotonic() + settings.FIRST_WAIT
    streams = [_Stream(place, job_filter) for place in places if not place.out]
    late = _begin(streams, job_filter, reader, until)
    # A part of what was asked for would look like all that there is.
    if refused := next((stream.problem for stream in streams if _is_refused(stream.problem)), None):
        return Merged([], places, None, {}, [], None, refused=refused)
    # Who takes part already is waited for; a list that begins goes on without those that are late.
    held_up = [stream for stream in late if stream.place.pin] or (late if len(late) == len(streams) else [])
    if held_up:
        waits = [stream.pending.retry_after for stream in held_up if stream.pending]
        waiting = [stream.place.bucket for stream in held_up]
        return Merged([], places, places, {}, [], None, again=max(waits, default=1.0), waiting=waiting)
    shown = _Shown.up_to(places, job_filter)
    first = (depth if whole else 1) * job_filter.size
    again = _merge(streams, shown, first, lambda hungry: _feed(hungry, job_filter, reader, until))
    if depth > 1 and again is None and not whole:
        _merge(streams, shown, depth * job_filter.size, lambda hungry: _feed_known(hungry, job_filter))
    goes_on = any(stream.is_alive and (stream.has_row or stream.following) for stream in streams)
    by_bucket = {stream.place.bucket.pk: stream for stream in streams}
    followed = [(place, by_bucket.get(place.bucket.pk)) for place in places]
    return Merged(
        rows=shown.rows,
        begin=[stream.first_place if stream else place for place, stream in followed],
        next=[replace(stream.next_place if stream else place, mark=shown.mark) for place, stream in followed]
        if goes_on
        else None,
        problems={stream.place.bucket.name: stream.problem for stream in streams if stream.problem},
        late=[stream.place.bucket for stream in late],
        as_of=min((stream.as_of for stream in streams if stream.as_of is not None), default=None),
        again=again if (whole or not shown.rows) and goes_on else None,
        waiting=[stream.place.bucket for stream in streams if stream.is_late],
        doubtful=[stream.place.bucket for stream in streams if stream.is_doubtful],
        stale={stream.place.bucket.name: stream.not_refreshed for stream in streams if stream.stale},
        known=pages.last_problems([place.bucket for place in places if place.out]),
    )


def _is_refused(problem: Problem | None) -> bool:
    return problem is not None and problem.code == "miss_budget"


def rows_before(places: Sequence[Place], job_filter: JobFilter, most: int) -> Sequence[Place] | None:
    """Return where the rows before `places` begin, at most so many of them; None where there are none, or that is forgotten."""
    stood = sum(place.taken for place in places if not place.out)
    streams = [_Stream(replace(place, taken=0, mark=None), job_filter) for place in places if not place.out]
    if not stood:
        return None
    shown = _Shown.up_to((), job_filter)
    if stood > most:
        if _feed_known(streams, job_filter) is not None:
            return None
        _merge(streams, shown, stood - most, lambda hungry: _feed_known(hungry, job_filter))
        if len(shown.rows) < stood - most:
            return None
    by_bucket = {stream.place.bucket.pk: stream.taken for stream in streams}
    return [replace(place, taken=by_bucket.get(place.bucket.pk, 0), mark=shown.mark) for place in places]


def _merge(
    streams: Sequence[_Stream],
    shown: _Shown,
    wanted: int,
    feed: Callable[[Sequence[_Stream]], float | None],
) -> float | None:
    """Show rows until there are `wanted`; return when to ask again where a page that is not there holds them up."""
    while len(shown.rows) < wanted:
        alive = [stream for stream in streams if stream.is_alive]
        if hungry := _hungry(alive):
            if (again := feed(hungry)) is not None:
                return again
            continue
        best = min((stream for stream in alive if stream.has_row), key=_Stream.sort_key, default=None)
        if best is None:
            break
        shown.add(best.place.bucket, best.sort_key(), best.take())
    return None


@dataclass(slots=True)
class _Shown:
    """The rows that are merged so far, and what a mark tells of the last of them: what sorts it, and those that sort alike."""

    sign: float
    is_beginning: bool = True
    key: float = float("-inf")
    alike: list[str] = field(default_factory=list)
    rows: list[tuple[Bucket, Row]] = field(default_factory=list)

    @classmethod
    def up_to(cls, places: Iterable[Place], job_filter: JobFilter) -> _Shown:
        """Return where the rows before `places` end."""
        shown = cls(_sign(job_filter), is_beginning=not any(place.taken for place in places))
        if mark := next((place.mark for place in places), None):
            shown.key, shown.alike = shown.sign * mark.second, list(mark.shown)
        return shown

    def add(self, bucket: Bucket, key: float, row: Row) -> None:
        """Show one more row."""
        if key != self.key:
            # Behind a place without a mark others that sort alike may have been shown before.
            self.alike = [] if self.is_beginning or isfinite(self.key) else [""]
            self.key = key
        self.alike.append(Mark.digest(bucket.name, row.job.job_id) if row.job.job_id else "")
        self.rows.append((bucket, row))

    @property
    def mark(self) -> Mark | None:
        """What names the last row. None where it can't be told, or where it would be too long."""
        if not 0 < len(self.alike) <= MOST_MARKED or not all(self.alike) or not isfinite(self.key):
            return None
        return Mark(int(self.sign * self.key), tuple(self.alike))


def _sign(job_filter: JobFilter) -> float:
    return -1.0 if job_filter.order == "Desc" else 1.0


@dataclass(slots=True)
class _Stream:
    """A bucket's rows that are loaded, `order` saying which of them are not shown yet from `at` on, and how its chain goes on.

    `skip` is how many rows were shown by their number, which counts where their order is not proven. `is_reached` says that the
    place was on an earlier page.
    """

    place: Place
    job_filter: JobFilter
    rows: Sequence[Row] = ()
    order: Sequence[int] = ()
    at: int = 0
    skip: int = 0
    key: float = float("-inf")
    following: Continuation | None = None
    pin: Pin | None = None
    taken: int = 0
    as_of: float | None = None
    stale: bool = False
    not_refreshed: Problem | None = None
    problem: Problem | None = None
    pending: Pending | None = None
    is_doubtful: bool = False
    is_alive: bool = True
    is_reached: bool = False

    @property
    def is_late(self) -> bool:
        """Whether its next row is being fetched."""
        return self.pending is not None and self.is_alive and not self.has_row

    def put(self, page: Page) -> None:
        """Go on with a page's rows but for those that were shown before the place."""
        self.pin, self.following = page.pin, page.next
        self.as_of = page.as_of if self.as_of is None else min(self.as_of, page.as_of)
        self.rows, self.at = page.rows, 0
        self.is_doubtful = self.is_doubtful or page.may_miss
        mark, count = self.place.mark, len(page.rows)
        if mark and "order" not in page.doubts:
            self.order = self._not_shown(mark)
        else:
            begins = min(self.skip, count)
            self.order = range(begins, count)
            if begins:
                self.key = self._key(page.rows[begins - 1])
        self.skip = max(0, self.skip - count)
        self._advance()

    def _not_shown(self, mark: Mark) -> Sequence[int]:
        """Return which of the rows stand behind a mark.

        Where the list moved, pages behind the one with the place begin before it ends, and bring what no page has shown.
        """
        count, sort_key = len(self.rows), _sign(self.job_filter) * mark.second
        if self.is_reached:
            return [i for i in range(count) if self._digest(i) not in mark.shown]
        self.is_reached = bool(count) and self._created(count - 1) >= sort_key
        begins = bisect_left(range(count), sort_key, key=self._created)
        ends = bisect_right(range(count), sort_key, key=self._created)
        if begins or ends:
            self.key = max(self.key, sort_key)
        alike = [i for i in range(begins, ends) if self._digest(i) not in mark.shown]
        return [*alike, *range(ends, count)] if alike else range(ends, count)

    def _digest(self, index: int) -> str:
        return Mark.digest(self.place.bucket.name, self.rows[index].job.job_id)

    def _created(self, index: int) -> float:
        """Return what sorts a row by its own creation alone."""
        created = self.rows[index].job.creation_time
        return _sign(self.job_filter) * created.timestamp() if created else float("-inf")

    def take(self) -> Row:
        """Return the next row, which is shown now."""
        row = self.rows[self.order[self.at]]
        self.at += 1
        self.taken += 1
        self._advance()
        return row

    @property
    def has_row(self) -> bool:
        """Whether the next row is loaded."""
        return self.at < len(self.order)

    def sort_key(self) -> float:
        """Where the next row stands among those of other buckets, or may stand at the earliest while it is not loaded.

        Of equal ones the first bucket's comes first.
        """
        return self.key

    def _advance(self) -> None:
        if self.has_row:
            self.key = self._key(self.rows[self.order[self.at]])

    def _key(self, row: Row) -> float:
        """Return what sorts a row. One that doesn't say when it was created, or is out of order, stays where its bucket has it."""
        created = row.job.creation_time
        return max(self.key, _sign(self.job_filter) * created.timestamp()) if created else self.key

    @property
    def first_place(self) -> Place:
        """Where the bucket began, by the pin of its chain; one that could not begin takes no part."""
        pin = self.pin or self.place.pin
        return replace(self.place, pin=pin, out=pin is None)

    @property
    def next_place(self) -> Place:
        """Where the bucket goes on in the next page."""
        if not self.is_alive:
            return replace(self.place, pin=self.pin or self.place.pin, taken=self.taken, out=True)
        return replace(self.place, pin=self.pin, taken=self.taken)


def _begin(streams: Sequence[_Stream], job_filter: JobFilter, reader: str, until: float) -> list[_Stream]:
    """Load the page with which each stream begins; return those that are late, which take no part."""
    pinned = [
        (place.bucket, place.pin, place.taken, place.mark.second if place.mark else None)
        for stream in streams
        if (place := stream.place).pin
    ]
    held = iter(pages.pages_holding(pinned, job_filter) if any(taken for _bucket, _pin, taken, _at in pinned) else ())
    asked = []
    for stream in streams:
        place = stream.place
        continuation, before = next(held, (None, 0)) if place.pin else (None, 0)
        asked.append((place.bucket, _view(place.pin, continuation)))
        # Behind a forgotten chain the pages are walked, as hungry streams are, until the place is reached.
        stream.taken, stream.skip = place.taken, max(0, place.taken - before)
    late = []
    for stream, answer in zip(streams, pages.get_together(asked, job_filter, reader=reader, until=until), strict=True):
        if not _heed(stream, answer):
            stream.is_alive = False
            late.append(stream)
    return late


def _hungry(alive: Sequence[_Stream]) -> list[_Stream]:
    """Return the streams whose next row is not loaded and may sort before what is."""
    next_key = min((stream.sort_key() for stream in alive if stream.has_row), default=float("inf"))
    return [stream for stream in alive if not stream.has_row and stream.following and stream.sort_key() <= next_key]


def _feed(hungry: Sequence[_Stream], job_filter: JobFilter, reader: str, until: float) -> float | None:
    """Load the next page of each; return when to ask again where one is late, which holds up the merge."""
    asked = [(stream.place.bucket, _view(stream.pin, stream.following)) for stream in hungry]
    again = None
    for stream, answer in zip(hungry, pages.get_together(asked, job_filter, reader=reader, until=until), strict=True):
        if not _heed(stream, answer) and stream.pending:
            again = max(again or 0.0, stream.pending.retry_after)
    return again


def _feed_known(hungry: Sequence[_Stream], job_filter: JobFilter) -> float | None:
    """Load the next page of each as far as it is known; return 0 where one isn't, which ends the merge."""
    asked = [(stream.place.bucket, _view(stream.pin or stream.place.pin, stream.following)) for stream in hungry]
    known = pages.known_together(asked, job_filter)
    for stream, ready in zip(hungry, known, strict=True):
        if ready:
            _heed(stream, ready)
    return None if all(known) else 0.0


def _heed(stream: _Stream, answer: Ready | Pending | Failed) -> bool:
    """Take an answer in; tell whether there was one."""
    if isinstance(answer, Pending):
        stream.pending = answer
        return False
    if isinstance(answer, Failed):
        stream.problem, stream.is_alive = answer.problem, False
        return True
    stream.pending = None
    stream.put(answer.page)
    stream.stale = stream.stale or answer.stale
    stream.not_refreshed = stream.not_refreshed or answer.problem
    return True


def _view(pin: Pin | None, continuation: Continuation | None) -> View:
    if pin is None:
        return View()
    if continuation is None:
        return View(pin=pin)
    return View().at(pin, next_token=continuation.next_token, after=continuation.after)
