"""One look at a list, in the terms its template and its twin need: which pages are there, and what comes after them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

from django.http import QueryDict
from django.urls import reverse

from jobs import filters, fragments, overview, pages
from jobs.completeness import ENDS, Completeness, told
from jobs.searches import Failed, Pending, Ready
from jobs.views.ages import age_below, age_patterns, age_text, tick_every
from jobs.views.document import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from django.utils.functional import _StrPromise
    from django.utils.safestring import SafeString

    from jobs.filters import Chip, ListRequest
    from jobs.models import Bucket
    from jobs.problems import Problem
    from jobs.records import Page, Row


@dataclass(frozen=True)
class Listing:
    """What one look at a bucket's list has brought, for `around`, the document without it. `now` is CI's unix time."""

    bucket: Bucket
    asked: ListRequest
    answers: Sequence[Ready | Pending | Failed]
    now: float
    embedded: bool
    around: Document

    @classmethod
    def look(
        cls,
        bucket: Bucket,
        asked: ListRequest,
        *,
        now: float,
        embedded: bool,
        around: Document | None = None,
        reader: str = "",
        meanwhile: Callable[[], object] | None = None,
    ) -> Listing:
        """Ask for the pages. A place in a list that was opened too long ago opens the newest list.

        `around` is the document that they will stand in, a new one unless given; `reader` is whose budget a new question
        costs; `meanwhile` is done while upstream is waited for, if it is.
        """
        view = asked.view.first() if asked.view.is_old_place(now) else asked.view
        answers = pages.get_pages(bucket, asked.filter, view, reader=reader, meanwhile=meanwhile)
        return cls(bucket, asked, answers, now, embedded, around or Document.new(asked, now))

    @property
    def outcome(self) -> Literal["ready", "pending", "failed"]:
        """Which of the three the first page is."""
        first = self.answers[0]
        return "ready" if isinstance(first, Ready) else "pending" if isinstance(first, Pending) else "failed"

    @cached_property
    def ready(self) -> list[Ready]:
        """The pages that are there, in order."""
        return [answer for answer in self.answers if isinstance(answer, Ready)]

    @property
    def pending(self) -> Pending | None:
        """Set while the first page is being fetched."""
        first = self.answers[0]
        return first if isinstance(first, Pending) else None

    @cached_property
    def seed(self) -> Page | None:
        """What the overview knows of the list while its first page is being fetched."""
        return overview.seed(self.bucket, self.asked.filter) if self.pending and not self.asked.view.pin else None

    @property
    def seed_as_of(self) -> datetime:
        """When the overview asked for that."""
        return datetime.fromtimestamp(self.seed.as_of if self.seed else 0.0, UTC)

    @property
    def problem(self) -> Problem | None:
        """What is wrong, with or without older rows to show beside it."""
        first = self.answers[0]
        if isinstance(first, Failed):
            return first.problem
        return next((answer.problem for answer in self.ready if answer.problem), None)

    @property
    def status(self) -> int:
        """Our HTTP status."""
        first = self.answers[0]
        return first.problem.status if isinstance(first, Failed) else 202 if isinstance(first, Pending) else 200

    @property
    def retry_after(self) -> float | None:
        """Seconds after which asking again makes sense, None when that isn't known or needed."""
        first = self.answers[0]
        if isinstance(first, Failed):
            return first.problem.retry_after
        return first.retry_after if isinstance(first, Pending) else None

    @property
    def again_in(self) -> str:
        """The same for htmx, which takes milliseconds."""
        return f"{round((self.retry_after or 1) * 1000)}ms"

    # The pages that are there ---------------------------------------------------------------------------------------------

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which times are shown."""
        return self.asked.view.zone

    @property
    def row_fragments(self) -> list[Callable[[], SafeString]]:
        """What renders the rows of each page, or takes them from the cache."""
        return [
            partial(fragments.rows_html, answer.page, self.asked.view, embedded=self.embedded, new=answer.new)
            for answer in self.ready
        ]

    @property
    def rows(self) -> list[tuple[Bucket, Row]]:
        """The rows that are shown, each with its bucket."""
        return [(self.bucket, row) for answer in self.ready for row in answer.page.rows]

    @property
    def is_whole(self) -> bool:
        """Whether these are all jobs of the list."""
        return not self.next_query and not self.asked.view.is_continuation

    @property
    def may_miss(self) -> bool:
        """Whether jobs may be missing among them, as the list itself tells."""
        return any(answer.page.may_miss for answer in self.ready)

    @property
    def is_known_whole(self) -> bool:
        """Whether these are all jobs of the list, and none may be missing among them."""
        return self.is_whole and not self.may_miss

    @property
    def cut_short(self) -> _StrPromise | None:
        """What is told of the list's end where more may follow behind it."""
        return ENDS.get(self.end)

    @property
    def doubts(self) -> dict[str, _StrPromise]:
        """What can't be proven of the list so far, and the sentence for it."""
        return told(self.completeness.doubts, self.end)

    @property
    def unique(self) -> int:
        """How many rows are shown."""
        return sum(answer.page.unique for answer in self.ready)

    @property
    def is_empty(self) -> bool:
        """Whether it is known that the list holds nothing: a page that goes on without rows is the end of one that does."""
        is_whole = bool(self.ready) and not self.asked.view.is_continuation
        return is_whole and not self.unique and not self.next_query

    @cached_property
    def relaxing(self) -> list[tuple[Chip, int, bool]]:
        """The conditions without which there are jobs, as far as others have looked: how many, and whether more; most first."""
        chips = self.asked.chips
        wanted = [filters.parse_list(QueryDict(chip.query_without), now=self.now).filter for chip in chips]
        known = zip(chips, pages.known_sizes(self.bucket, wanted), strict=True)
        found = [(chip, jobs, more) for chip, (jobs, more) in known if jobs]
        return sorted(found, key=lambda one: (one[2], one[1]), reverse=True)

    @property
    def received(self) -> int:
        """How many rows Cloud Infinite sent for them."""
        return sum(answer.page.received for answer in self.ready)

    @property
    def repeats(self) -> int:
        """How many of those stood on an earlier page already."""
        return sum(answer.page.repeats for answer in self.ready)

    @property
    def stale(self) -> bool:
        """Whether any of it may have changed since."""
        return any(answer.stale for answer in self.ready)

    @cached_property
    def as_of(self) -> datetime:
        """When the oldest of the pages was asked for."""
        return datetime.fromtimestamp(min(answer.page.as_of for answer in self.ready), UTC)

    @cached_property
    def age_below(self) -> int:
        """Seconds that the oldest of the pages is younger than, in steps: asked again within one, it is "not modified".

        0 where it is over a day old.
        """
        return age_below(self.now - self.as_of.timestamp())

    @cached_property
    def age(self) -> str:
        """How old the oldest of the pages is, in words."""
        return age_text(self.age_below)

    @cached_property
    def ages(self) -> list[tuple[str, int]]:
        """How ages are told: each pattern with the seconds of its unit, the longest first."""
        return age_patterns()

    @property
    def request_id(self) -> str:
        """Upstream's name for the answer that the last page is from."""
        return self.ready[-1].page.request_id

    @property
    def first_unknown(self) -> bool:
        """Whether earlier pages are forgotten, so that repeats could not be removed."""
        return any(answer.page.n is None for answer in self.ready)

    @cached_property
    def completeness(self) -> Completeness:
        """What is known of the list up to the last page shown; of these pages alone where earlier ones are unknown."""
        last = self.ready[-1].page
        doubts = {doubt: None for answer in self.ready for doubt in answer.page.doubts}
        return last.so_far or Completeness(len(self.ready), self.received, self.unique, tuple(doubts))

    # What comes after them, and before ------------------------------------------------------------------------------------

    @cached_property
    def document(self) -> Document:
        """The document that they stand in."""
        return self.around.holding(len(self.ready))

    @cached_property
    def document_query(self) -> str:
        """The query that shows the whole document again, "" where that can't be told."""
        return self.document.query(self.ready[-1].page.pin)

    @property
    def end(self) -> str:
        """Why nothing follows, "" when something does."""
        return self.ready[-1].page.end

    @cached_property
    def next_query(self) -> str:
        """The query of the page that follows, "" at the end."""
        last = self.ready[-1].page
        return self.asked.next_query(last.pin, last.next) if last.next else ""

    @cached_property
    def before_query(self) -> str:
        """The query of the rows before them, as many as one document holds; "" at the beginning or where that is unknown."""
        first = self.ready[0].page
        before = pages.pages_before(self.bucket, self.asked.filter, first, self.document.most)
        return self.asked.place_query(first.pin, before[0], depth=before[1]) if before else ""

    @property
    def is_place(self) -> bool:
        """Whether it is the list as it was at its pin, from the first page on, so that newer jobs may be missing."""
        view = self.asked.view
        return view.pin is not None and not view.is_continuation and not view.is_old_place(self.now)

    @property
    def old_place_query(self) -> str:
        """The query of the list as it was, when the link's place was too old to be opened."""
        view = self.asked.view
        return self.asked.frozen_query(view.pin) if view.pin and view.is_old_place(self.now) else ""

    @property
    def window(self) -> tuple[datetime | None, datetime] | None:
        """What a range came to when the list was opened: its first and last creation time. None where there is no range."""
        return self.asked.filter.window(self.ready[0].page.pin.time) if self.ready and self.asked.filter.range else None

    @cached_property
    def frozen_query(self) -> str:
        """The query that always shows the list as it was when it was opened, to hand on."""
        return self.asked.frozen_query(self.ready[0].page.pin)

    # How it stays what it says ------------------------------------------------------------------------------------------

    @property
    def tick_every(self) -> int:
        """Seconds from one tick to the next, 0 where the list can't be live.

        A list that failed asks again as a whole, where nobody may be there to do it: its link says how often.
        """
        live = self.asked.view.live
        asks_again = self.outcome == "failed" and live not in {"", "off"} and self.problem and self.problem.retryable
        return tick_every(live) if self.outcome == "ready" or asks_again else 0

    @property
    def tick_path(self) -> str:
        """Where a tick is asked for."""
        return reverse("embed:tick" if self.embedded else "jobs:tick", args=[self.bucket.name])

    @property
    def tick_query(self) -> str:
        """The query by which a tick says which list this is, and when it was opened."""
        return self.asked.pinned_query(self.ready[0].page.pin)

    @property
    def version(self) -> list[object]:
        """All that its page depends on, besides the reader."""
        answers = [(answer.page.version, answer.page.repeats, answer.stale, answer.problem) for answer in self.ready]
        bucket = (self.bucket.label, self.bucket.region)
        document = (self.document.pages, self.document.goal, self.document_query)
        hints = [(chip.name, *known) for chip, *known in self.relaxing] if self.is_empty else []
        return [self.asked.canonical, bucket, self.age, self.old_place_query, document, answers, hints]
