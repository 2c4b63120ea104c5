"""One list of the jobs of several buckets, by the time of their creation: their chains, merged as they are paged.

A row is shown only once none that sorts before it can come from a bucket that answers. A bucket that fails or is late is
left out by name, and never comes in between rows that are shown already.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from django.conf import settings

from jobs import pages
from jobs.filters import View
from jobs.pages import Failed, Pending, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jobs.filters import JobFilter, Pin
    from jobs.models import Bucket
    from jobs.problems import Problem
    from jobs.records import Continuation, Page, Row


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket's part of a merged list goes on: `taken` rows of the chain of `pin` are shown already.

    Without a pin it is the newest list; one that is `out` takes no part.
    """

    bucket: Bucket
    pin: Pin | None = None
    taken: int = 0
    out: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """Some pages of a merged list, from `begin` on, which now knows the pin of every bucket that takes part.

    `next` is where each bucket goes on, None at the end. `problems` are those of buckets that were asked and can't be read,
    by name; `late` are buckets that did not answer in time and are left out. `stale` names the buckets whose rows may have
    changed since, each with what kept them from being refreshed, if anything did. Where nothing can be shown yet, `again` is
    the seconds after which to ask again. `refused` says why nothing of it may be asked at all.
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

    @property
    def left_out(self) -> list[Bucket]:
        """The buckets that took no part from before `begin` on, whatever the reason was."""
        asked = {*self.problems, *(bucket.name for bucket in self.late)}
        return [place.bucket for place in self.begin if place.out and place.bucket.name not in asked]

    @property
    def lost(self) -> list[Bucket]:
        """The buckets that took part before and don't go on."""
        return [place.bucket for place in self.begin if not place.out and place.bucket.name in self.problems]


def look(places: Sequence[Place], job_filter: JobFilter, *, reader: str, depth: int = 1) -> Merged:
    """Return `depth` pages of a merged list from `places` on, each of as many rows as a page of `job_filter` has.

    They may have fewer rows where a bucket's next page is late: then the list goes on behind it. Only the first page is
    waited for: behind it, what is missing is fetched as the reader scrolls.

    Args:
        places: one for each bucket, all of which the reader may see, in the order in which equal times sort.
        job_filter: what each is asked.
        reader: whose budget what is new costs, as one question to all.
        depth: how many pages are wanted.
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
        return Merged([], places, places, {}, [], None, again=max(waits, default=1.0))
    rows: list[tuple[Bucket, Row]] = []
    again = _merge(streams, rows, job_filter.size, lambda hungry: _feed(hungry, job_filter, reader, until))
    if depth > 1 and again is None:
        _merge(streams, rows, depth * job_filter.size, lambda hungry: _feed_known(hungry, job_filter))
    goes_on = any(stream.is_alive and (stream.has_row or stream.following) for stream in streams)
    by_bucket = {stream.place.bucket.pk: stream for stream in streams}
    followed = [(place, by_bucket.get(place.bucket.pk)) for place in places]
    return Merged(
        rows=rows,
        begin=[stream.first_place if stream else place for place, stream in followed],
        next=[stream.next_place if stream else place for place, stream in followed] if goes_on else None,
        problems={stream.place.bucket.name: stream.problem for stream in streams if stream.problem},
        late=[stream.place.bucket for stream in late],
        as_of=min((stream.as_of for stream in streams if stream.as_of is not None), default=None),
        again=again if not rows and goes_on else None,
        stale={stream.place.bucket.name: stream.not_refreshed for stream in streams if stream.stale},
    )


def _is_refused(problem: Problem | None) -> bool:
    return problem is not None and problem.code == "miss_budget"


def rows_before(places: Sequence[Place], job_filter: JobFilter, most: int) -> Sequence[Place] | None:
    """Return where the rows before `places` begin, at most so many of them; None where there are none, or that is forgotten."""
    stood = sum(place.taken for place in places if not place.out)
    streams = [_Stream(replace(place, taken=0), job_filter) for place in places if not place.out]
    if not stood:
        return None
    if stood > most:
        if _feed_known(streams, job_filter) is not None:
            return None
        rows: list[tuple[Bucket, Row]] = []
        _merge(streams, rows, stood - most, lambda hungry: _feed_known(hungry, job_filter))
        if len(rows) < stood - most:
            return None
    by_bucket = {stream.place.bucket.pk: stream.taken for stream in streams}
    return [replace(place, taken=by_bucket.get(place.bucket.pk, 0)) for place in places]


def _merge(
    streams: Sequence[_Stream],
    rows: list[tuple[Bucket, Row]],
    wanted: int,
    feed: Callable[[Sequence[_Stream]], float | None],
) -> float | None:
    """Add rows until there are `wanted`; return when to ask again where a page that is not there holds them up."""
    while len(rows) < wanted:
        alive = [stream for stream in streams if stream.is_alive]
        if hungry := _hungry(alive):
            if (again := feed(hungry)) is not None:
                return again
            continue
        best = min((stream for stream in alive if stream.has_row), key=_Stream.sort_key, default=None)
        if best is None:
            break
        rows.append((best.place.bucket, best.take()))
    return None


@dataclass(slots=True)
class _Stream:
    """A bucket's rows that are loaded, from `at` on not shown yet, and how its chain goes on behind them."""

    place: Place
    job_filter: JobFilter
    rows: Sequence[Row] = ()
    at: int = 0
    key: float = float("-inf")
    following: Continuation | None = None
    pin: Pin | None = None
    taken: int = 0
    as_of: float | None = None
    stale: bool = False
    not_refreshed: Problem | None = None
    problem: Problem | None = None
    pending: Pending | None = None
    is_alive: bool = True

    def put(self, page: Page, skip: int) -> None:
        """Go on with a page's rows but for the first `skip`."""
        self.pin, self.following = page.pin, page.next
        self.as_of = page.as_of if self.as_of is None else min(self.as_of, page.as_of)
        self.rows, self.at = page.rows, min(skip, len(page.rows))
        if self.at:
            self.key = self._key(page.rows[self.at - 1])
        self._advance()

    def take(self) -> Row:
        """Return the next row, which is shown now."""
        row = self.rows[self.at]
        self.at += 1
        self.taken += 1
        self._advance()
        return row

    @property
    def has_row(self) -> bool:
        """Whether the next row is loaded."""
        return self.at < len(self.rows)

    def sort_key(self) -> float:
        """Where the next row stands among those of other buckets, or may stand at the earliest while it is not loaded.

        Of equal ones the first bucket's comes first.
        """
        return self.key

    def _advance(self) -> None:
        if self.has_row:
            self.key = self._key(self.rows[self.at])

    def _key(self, row: Row) -> float:
        """Return what sorts a row. One that doesn't say when it was created, or is out of order, stays where its bucket has it."""
        created = row.job.creation_time
        sign = -1.0 if self.job_filter.order == "Desc" else 1.0
        return max(self.key, sign * created.timestamp()) if created else self.key

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
    pinned = [(place.bucket, place.pin, place.taken) for stream in streams if (place := stream.place).pin]
    held = iter(pages.pages_holding(pinned, job_filter) if any(taken for _bucket, _pin, taken in pinned) else ())
    asked, skips = [], []
    for stream in streams:
        place = stream.place
        continuation, first = next(held, (None, 0)) if place.pin else (None, 0)
        asked.append((place.bucket, _view(place.pin, continuation)))
        skips.append(place.taken - first)
    late = []
    answers = pages.get_together(asked, job_filter, reader=reader, until=until)
    for stream, skip, answer in zip(streams, skips, answers, strict=True):
        stream.taken = stream.place.taken
        if not _heed(stream, answer, skip):
            stream.is_alive = False
            late.append(stream)
        # Behind a forgotten chain the pages are walked until the place is reached.
        while stream.is_alive and not stream.has_row and stream.following and skip > 0 and isinstance(answer, Ready):
            skip -= answer.page.unique
            (answer,) = pages.get_together(
                [(stream.place.bucket, _view(stream.pin, stream.following))], job_filter, reader=reader, until=until
            )
            if not _heed(stream, answer, max(0, skip)):
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
        if not _heed(stream, answer, 0) and stream.pending:
            again = max(again or 0.0, stream.pending.retry_after)
    return again


def _feed_known(hungry: Sequence[_Stream], job_filter: JobFilter) -> float | None:
    """Load the next page of each as far as it is known; return 0 where one isn't, which ends the merge."""
    asked = [(stream.place.bucket, _view(stream.pin or stream.place.pin, stream.following)) for stream in hungry]
    known = pages.known_together(asked, job_filter)
    for stream, ready in zip(hungry, known, strict=True):
        if ready:
            _heed(stream, ready, 0)
    return None if all(known) else 0.0


def _heed(stream: _Stream, answer: Ready | Pending | Failed, skip: int) -> bool:
    """Take an answer in; tell whether there was one."""
    if isinstance(answer, Pending):
        stream.pending = answer
        return False
    if isinstance(answer, Failed):
        stream.problem, stream.is_alive = answer.problem, False
        return True
    stream.put(answer.page, skip)
    stream.stale = stream.stale or answer.stale
    stream.not_refreshed = stream.not_refreshed or answer.problem
    return True


def _view(pin: Pin | None, continuation: Continuation | None) -> View:
    if pin is None:
        return View()
    if continuation is None:
        return View(pin=pin)
    return View().at(pin, next_token=continuation.next_token, after=continuation.after)
