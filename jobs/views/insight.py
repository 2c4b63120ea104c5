"""What the loaded jobs of a list say together: counts, charts, families of failures, odd ones out. Page and JSON twin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from jobs import access, filters, twins
from jobs import insight as insights
from jobs.details import codes
from jobs.filters.words import KINDS, ODD_WORDS, STATES
from jobs.regions import region_name
from jobs.views.listing import Listing
from jobs.views.responses import address, as_html, as_twin, ci_time, fragment_target, listed, namespace, reader_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

    from jobs.filters import InsightRequest
    from jobs.insight import Family, Odd, Oddities, Tallies
    from jobs.records import Row

FRAGMENTS = {"results": "#results", "odd-ones": "#odd_ones"}
"""Which part of the page goes where: the id of what htmx replaces, and the partial that replaces it."""
FIRST_ODD = 20
"""Odd ones that are told at once; the others are behind a link."""


@dataclass(frozen=True)
class Insight:
    """What one look at a list's loaded rows says, to be told at `now`, CI's unix time."""

    asked: InsightRequest
    listing: Listing
    now: float

    @cached_property
    def rows(self) -> list[Row]:
        """All rows that are loaded: the pages that the address asks for, as far as they are there."""
        return [row for answer in self.listing.ready for row in answer.page.rows]

    @property
    def is_whole(self) -> bool:
        """Whether these are all jobs of the list."""
        return not self.listing.next_query and not self.asked.view.is_continuation

    @cached_property
    def tallies(self) -> Tallies:
        """Their counts."""
        return insights.tally(row.job for row in self.rows)

    @cached_property
    def families(self) -> list[Family]:
        """The families of those that failed."""
        return insights.families(row.job for row in self.rows)

    @cached_property
    def told_families(self) -> list[tuple[Family, _StrPromise | str]]:
        """The same with what each code means and what usually mends it; "" where there is no code."""
        return [(family, codes.advice(family.code) if family.code else "") for family in self.families]

    @cached_property
    def oddities(self) -> Oddities:
        """The odd ones among them."""
        return insights.oddities((row.job for row in self.rows), datetime.fromtimestamp(self.now, UTC))

    @cached_property
    def odd(self) -> list[Odd]:
        """The odd ones that are asked for; all where none are."""
        return [one for one in self.oddities.odd if self.asked.odd in {"", "any", one.why}]

    @cached_property
    def chosen(self) -> Family | None:
        """The family whose jobs are shown."""
        return next((family for family in self.families if family.name == self.asked.family), None)

    @cached_property
    def shown(self) -> list[Row]:
        """The rows of the jobs that are shown: of the chosen family, or of the odd ones."""
        if self.asked.family:
            ids = {job.job_id for job in self.chosen.jobs} if self.chosen else set()
        else:
            ids = {one.job.job_id for one in self.odd} if self.asked.odd else set()
        return [row for row in self.rows if row.job.job_id in ids]

    @property
    def told_rows(self) -> list[tuple[Row, Odd | None]]:
        """The same, each with what is odd about it, where the odd ones are asked for."""
        odd = {one.job.job_id: one for one in self.odd} if self.asked.odd else {}
        return [(row, odd.get(row.job.job_id)) for row in self.shown]

    @property
    def first_odd(self) -> list[Odd]:
        """The odd ones that are told at once."""
        return self.odd[:FIRST_ODD]

    @property
    def version(self) -> Sequence[object]:
        """All that the page depends on, besides the reader: how long jobs wait grows by the minute."""
        return [*self.listing.version, self.asked.canonical, int(self.now // 60)]


@require_safe
@listed
def insight(request: HttpRequest, bucket_name: str, *, as_json: bool = False) -> HttpResponse:
    """Show what the jobs say together that a list's address loads."""
    bucket = access.get_bucket(request.user, bucket_name)
    now = ci_time()
    asked = filters.parse_insight(request.GET, now=now)
    frame: dict[str, Any] = {
        "asked": asked,
        "bucket": bucket,
        "region": region_name(bucket.region),
        "here": request.get_full_path(),
        "view": asked.view,
        "zone": asked.view.zone,
    }
    template = f"jobs/insight.html{FRAGMENTS.get(fragment_target(request), '')}"
    if asked.errors:
        if as_json:
            return as_twin(request, twins.wrong(asked.errors), status=400)
        return as_html(request, template, frame, status=400)
    if not asked.is_canonical:
        return HttpResponseRedirect(address(request.path, asked.canonical))
    embedded = namespace(request) == "embed"
    listing = Listing.look(bucket, asked, now=now, embedded=embedded, reader=reader_of(request))
    status, retry_after = listing.status, listing.retry_after
    if listing.outcome != "ready":
        if as_json:
            body = twins.problem(listing.problem) if listing.problem else twins.PENDING
            return as_twin(request, body, status=status, retry_after=retry_after)
        return as_html(request, template, {**frame, "listing": listing}, status=status, retry_after=retry_after)
    found = Insight(asked, listing, now)
    if as_json:
        body = twins.insight(
            asked, found.tallies, found.told_families, found.oddities, loaded=len(found.rows), is_whole=found.is_whole
        )
        return as_twin(request, body, version=found.version)
    return as_html(request, template, {**frame, "listing": listing, **_told(found)}, version=found.version)


def _told(found: Insight) -> dict[str, Any]:
    """Return what the page tells: each number with the query that shows just those jobs, "" where none can."""
    asked, counts = found.asked, found.tallies
    by_why = Counter(one.why for one in found.oddities.odd)
    return {
        "found": found,
        "state_rows": [
            (state, asked.query(states=state) if state in STATES else "", count) for state, count in counts.states
        ],
        "type_rows": [
            (type_, asked.query(type=type_) if type_ in KINDS else "", count) for type_, count in counts.types
        ],
        "odd_rows": [
            (why, label, by_why[why], asked.narrowed(odd=why)) for why, label in ODD_WORDS.items() if by_why[why]
        ],
        "odd_query": asked.narrowed(odd="any"),
        "last_column": counts.created[-1] if counts.created else None,
    }
