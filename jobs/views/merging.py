"""One look at a merged list, in the terms of the templates of one bucket's list: what is there, and what comes after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Literal

from django.urls import reverse

from jobs import merge
from jobs.filters.values import MOST_ROWS
from jobs.merge import Place
from jobs.searches import Pending
from jobs.views.ages import age_below, age_patterns, age_text, tick_every
from jobs.views.document import Document
from jobs.views.responses import reader_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.http import HttpRequest

    from jobs.filters import MergedRequest, Pin, View
    from jobs.merge import Merged
    from jobs.models import Bucket
    from jobs.problems import Problem
    from jobs.records import Row

DENIED = frozenset({"credentials", "permission"})
"""Classes of problems in which Cloud Infinite says no."""
LONGEST_TICK = 7000
"""Characters of a tick's address: servers refuse longer ones."""
ROW_IN_TICK = 64
"""Characters that a row takes in it, besides its bucket's name."""


@dataclass(frozen=True)
class Merging:
    """What one look at a merged list has brought. `asked` names its buckets, `now` is CI's unix time.

    `around` is the document without it; `scrolls` says that it is one that stands already.
    """

    asked: MergedRequest
    buckets: Sequence[Bucket]
    found: Merged
    now: float
    around: Document
    scrolls: bool = False

    @classmethod
    def look(
        cls,
        request: HttpRequest,
        buckets: Sequence[Bucket],
        asked: MergedRequest,
        *,
        now: float,
        scrolls: bool = False,
        whole: bool = False,
    ) -> Merging:
        """Ask for the pages, all of which are waited for if they are wanted `whole`.

        A place in a list that was opened too long ago opens the newest list.
        """
        view = asked.view.first() if asked.view.is_old_place(now) else asked.view
        places = [Place(bucket) for bucket in buckets]
        if view.places:
            places = [
                Place(bucket, pin, taken, out=pin is None, mark=view.mark)
                for bucket, (pin, taken) in zip(buckets, view.places, strict=True)
            ]
        document = Document.around(request, asked, now) if scrolls else Document.new(asked, now)
        found = merge.look(places, asked.filter, reader=reader_of(request), depth=view.depth, whole=whole)
        return cls(asked.named(bucket.name for bucket in buckets), buckets, found, now, document, scrolls)

    # What was found -------------------------------------------------------------------------------------------------------

    @property
    def outcome(self) -> Literal["ready", "pending", "failed"]:
        """Whether there is something to show. Buckets in trouble are told beside it."""
        if self.pending:
            return "pending"
        return "ready" if self.answered or self.found.rows or self.asked.view.is_continuation else "failed"

    @cached_property
    def pending(self) -> Pending | None:
        """Set while nothing can be shown yet."""
        return None if self.found.again is None else Pending(self.found.again)

    @property
    def retry_after(self) -> float | None:
        """Seconds after which asking again makes sense, None when that isn't known or needed."""
        return self.found.refused.retry_after if self.found.refused else self.found.again

    @property
    def again_in(self) -> str:
        """The same for htmx, which takes milliseconds."""
        return f"{round((self.retry_after or 1) * 1000)}ms"

    @property
    def status(self) -> int:
        """Our HTTP status: trouble only where every bucket is in trouble."""
        if self.pending:
            return 202
        if self.found.refused:
            return self.found.refused.status
        if self.troubles and len(self.troubles) == len(self.buckets) and not self.found.rows:
            return self.troubles[0][1].status
        return 200

    @property
    def names(self) -> list[str]:
        """The jobs that are shown, in order, each as the address names it."""
        return [f"{bucket.name}/{row.job.job_id}" for bucket, row in self.found.rows]

    @property
    def rows(self) -> Sequence[tuple[Bucket, Row]]:
        """The rows that are shown, each with its bucket."""
        return self.found.rows

    @property
    def unique(self) -> int:
        """How many rows are shown."""
        return len(self.found.rows)

    @property
    def is_whole(self) -> bool:
        """Whether these are all jobs of the list: none follow, and every bucket has told of its own."""
        follows = self.found.next or self.asked.view.is_continuation
        return not follows and self.answered == len(self.buckets)

    @property
    def may_miss(self) -> bool:
        """Whether jobs may be missing among them, as the buckets' own lists tell, or because a page was lost."""
        return bool(self.found.doubtful or self.found.lost)

    @property
    def is_known_whole(self) -> bool:
        """Whether these are all jobs of the list, and none may be missing among them."""
        return self.is_whole and not self.may_miss

    @property
    def is_empty(self) -> bool:
        """Whether there is no row and none follows. That the list holds nothing is only known where every bucket answered."""
        return not (self.found.rows or self.found.next or self.asked.view.is_continuation or self.pending)

    @property
    def answered(self) -> int:
        """How many buckets have told of their jobs."""
        if self.found.refused:
            return 0
        return sum(not place.out and place.bucket.name not in self.found.problems for place in self.found.begin)

    @cached_property
    def troubles(self) -> list[tuple[Bucket, Problem]]:
        """The buckets that can't be read now, and why."""
        return self._named(self.found.problems)

    @property
    def denied(self) -> int:
        """How many buckets Cloud Infinite does not let us read."""
        return self._unreadable[True]

    @property
    def unread(self) -> int:
        """How many can't be read for another reason."""
        return self._unreadable[False]

    @cached_property
    def _unreadable(self) -> Counter[bool]:
        problems = [problem for _bucket, problem in (*self.troubles, *self.left_out)]
        return Counter(problem.kind in DENIED for problem in problems if problem)

    @cached_property
    def left_out(self) -> list[tuple[Bucket, Problem | None]]:
        """The buckets that the address says take no part, each with what is last known to go wrong with it."""
        return [(bucket, self.found.known.get(bucket.name)) for bucket in self.found.left_out]

    @property
    def only_left_out(self) -> int:
        """With how many of those nothing is known to go wrong."""
        return sum(problem is None for _bucket, problem in self.left_out)

    @property
    def not_refreshed(self) -> list[tuple[Bucket, Problem]]:
        """The buckets whose rows are shown though they are out of date, and why they could not be refreshed."""
        return self._named(self.found.stale)

    @property
    def lost(self) -> list[tuple[Bucket, Problem]]:
        """The buckets whose rows stand above these, and that don't go on, and why."""
        return [(bucket, self.found.problems[bucket.name]) for bucket in self.found.lost]

    def _named(self, problems: Mapping[str, Problem | None]) -> list[tuple[Bucket, Problem]]:
        return [(bucket, problem) for bucket in self.buckets if (problem := problems.get(bucket.name))]

    # How old it is --------------------------------------------------------------------------------------------------------

    request_id = ""
    """Each bucket's answer has one of its own."""

    @property
    def problem(self) -> Problem | None:
        """Why nothing may be asked at all. What is wrong with a bucket is told by its name."""
        return self.found.refused

    completeness = None
    """What is proven is known of each bucket's own list."""
    first_unknown = True
    end = "missing"

    @property
    def stale(self) -> bool:
        """Whether any of it may have changed since."""
        return bool(self.found.stale)

    @property
    def as_of(self) -> datetime:
        """When the oldest of its pages was asked for; now, where there is none."""
        return datetime.fromtimestamp(self.now if self.found.as_of is None else self.found.as_of, UTC)

    @cached_property
    def age_below(self) -> int:
        """As of `Listing`."""
        return age_below(self.now - self.as_of.timestamp())

    @property
    def age(self) -> str:
        """How old the oldest of the pages is, in words."""
        return age_text(self.age_below)

    @property
    def ages(self) -> list[tuple[str, int]]:
        """How ages are told."""
        return age_patterns()

    # Where it stands ------------------------------------------------------------------------------------------------------

    @cached_property
    def document(self) -> Document:
        """The document that the rows stand in."""
        return self.around.holding(max(1, ceil(self.unique / self.asked.filter.size)))

    @cached_property
    def document_query(self) -> str:
        """The query that shows the whole document again, "" where that can't be told."""
        at = self.document.asked
        if at is None:
            return ""
        view = at.view if self.scrolls else _beginning(self.asked.view, self.found.begin)
        return self.asked.written(self.asked.filter, replace(view, depth=self.document.depth))

    @cached_property
    def next_query(self) -> str:
        """The query of the page that follows, "" at the end."""
        if self.found.next is None:
            return ""
        return self.asked.written(self.asked.filter, _beginning(self.asked.view.showing(""), self.found.next))

    @property
    def without_query(self) -> str:
        """The query that goes on without the buckets that are waited for; "" where no others take part, or none is."""
        waiting = {bucket.pk for bucket in self.found.waiting}
        places = [replace(place, out=place.out or place.bucket.pk in waiting) for place in self.found.begin]
        if not waiting or not any(place.pin and not place.out for place in places):
            return ""
        return self.asked.same_page(_beginning(self.asked.view.showing(""), places, depth=self.asked.view.depth))

    @cached_property
    def before_query(self) -> str:
        """The query of the rows before them, as many as one document holds; "" at the beginning or where that is unknown."""
        if not self.asked.view.is_continuation:
            return ""
        before = merge.rows_before(self.found.begin, self.asked.filter, MOST_ROWS)
        if before is None:
            return ""
        now = {place.bucket.pk: place.taken for place in before}
        stood = sum(place.taken - now[place.bucket.pk] for place in self.found.begin if not place.out)
        view = _beginning(self.asked.view.showing(""), before, depth=ceil(stood / self.asked.filter.size))
        return self.asked.written(self.asked.filter, view)

    @property
    def is_place(self) -> bool:
        """Whether it is the list as it was at its pins, from the first page on, so that newer jobs may be missing."""
        view = self.asked.view
        return bool(view.places) and not view.is_continuation and not view.is_old_place(self.now)

    @property
    def old_place_query(self) -> str:
        """The query of the list as it was, when the link's place was too old to be opened."""
        pins = [pin for pin, _taken in self.asked.view.places if pin]
        return self.asked.frozen_query(max(pins, key=_end)) if self.asked.view.is_old_place(self.now) else ""

    @property
    def _pin(self) -> Pin | None:
        """The latest of the pins: nothing that is shown was created after it."""
        return max((place.pin for place in self.found.begin if place.pin), key=_end, default=None)

    @property
    def frozen_query(self) -> str:
        """The query that always shows the list as it was when it was opened, to hand on."""
        return self.asked.frozen_query(self._pin) if self._pin else self.asked.first_query

    @property
    def window(self) -> tuple[datetime | None, datetime] | None:
        """What a range came to when the list was opened. None where there is no range."""
        return self.asked.filter.window(self._pin.time) if self._pin and self.asked.filter.range else None

    # How it stays what it says --------------------------------------------------------------------------------------------

    @property
    def tick_every(self) -> int:
        """Seconds from one tick to the next, 0 where the list can't be live.

        Where no bucket could be read it asks again as a whole, where nobody may be there to do it: its link says how often.
        """
        live = self.asked.view.live
        if self.outcome == "failed":
            is_worth_it = any(problem.retryable for problem in self._all_problems)
            return tick_every(live) if live not in {"", "off"} and is_worth_it else 0
        return tick_every(live) if self._pin and not self.pending else 0

    @property
    def _all_problems(self) -> list[Problem]:
        return [self.problem] if self.problem else [problem for _bucket, problem in self.troubles]

    @property
    def tick_path(self) -> str:
        """Where a tick is asked for."""
        return reverse("jobs:merged_tick")

    @cached_property
    def tick_query(self) -> str:
        """The query by which a tick says which list this is, and when it was opened."""
        pins = [(place.pin, 0) for place in self.found.begin]
        return self.asked.written(self.asked.filter, self.asked.view.first().beginning(pins))

    @property
    def most_in_tick(self) -> int:
        """How many rows a tick can name."""
        longest = max(len(bucket.name) for bucket in self.buckets)
        return min(100, (LONGEST_TICK - len(self.tick_query)) // (longest + ROW_IN_TICK) // 2 * 2)


def _beginning(view: View, places: Sequence[Place], *, depth: int = 1) -> View:
    """Return a view of the list from `places` on."""
    pairs = [(None if place.out else place.pin, place.taken) for place in places]
    mark = next((place.mark for place in places), None)
    return view.beginning(pairs, depth=depth, mark=mark)


def _end(pin: Pin) -> int:
    return pin.end
