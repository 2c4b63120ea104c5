"""A card for a portal's frame: counts and the worst job of a filter. Page, the part of it that is replaced, JSON twin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from jobs import card, filters, twins
from jobs.filters.words import STATES, range_label
from jobs.templatetags.jobs import list_path
from jobs.views.merged import chosen_buckets
from jobs.views.responses import (
    address,
    as_html,
    as_twin,
    ci_time,
    fragment_target,
    listed,
    namespace,
    reader_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.http import HttpRequest

    from jobs.card import Card
    from jobs.filters import CardRequest
    from jobs.models import Bucket

REFRESH = 60.0
"""Seconds after which a card that is whole looks again."""


@dataclass(frozen=True)
class Sheet:
    """One card in the terms that its template needs. Its links lead out of the frame, to the pages that people sign in to."""

    asked: CardRequest
    buckets: Sequence[Bucket]
    card: Card
    now: float

    @property
    def heading(self) -> str:
        """Whose jobs are counted."""
        if len(self.buckets) == 1:
            return self.buckets[0].label or self.buckets[0].name
        count = ngettext("%(buckets)s bucket", "%(buckets)s buckets", len(self.buckets)) % {
            "buckets": len(self.buckets)
        }
        return f"{self.asked.group} ({count})" if self.asked.group else count

    @property
    def range(self) -> str:
        """The stretch of time in words, "" where the address names its ends."""
        return range_label(self.asked.question.range) if self.asked.question.range else ""

    @property
    def chips(self) -> list[filters.Chip]:
        """What else narrows it; states are told by their counts."""
        return [chip for chip in self.asked.chips if chip.name not in {"states", "range"}]

    @property
    def counts(self) -> Iterator[dict[str, Any]]:
        """Yield how many jobs are in each state that is asked for, with the list of them."""
        states = self.asked.question.states
        for state, count in self.card.counts.items():
            if state in states:
                number = f"{count}{'+' if self.card.is_least else ''}"
                yield {
                    "state": state,
                    "label": STATES[state],
                    "number": number,
                    "any": count,
                    "url": self.list_url(state),
                }

    def list_url(self, state: str = "") -> str:
        """Return where the jobs that are counted are listed, those in one state where one is named."""
        if len(self.buckets) == 1:
            return address(list_path("jobs", self.buckets[0].name), self.asked.jobs_query(state))
        return address(reverse("jobs:merged"), self.asked.together_query(state))

    @property
    def waited(self) -> timedelta | None:
        """How long the oldest waiting job has waited."""
        return self._since(self.card.waiting[1].at) if self.card.waiting else None

    @property
    def waiting_url(self) -> str:
        """The oldest waiting job beside the list of those that wait."""
        if self.card.waiting is None:
            return ""
        bucket, one = self.card.waiting
        return self._beside(bucket, "Submitted", one.job_id)

    @property
    def failed_at(self) -> datetime | None:
        """When the newest failure was."""
        return datetime.fromtimestamp(self.card.failure[1].at, UTC) if self.card.failure else None

    @property
    def worst_url(self) -> str:
        """The worst job beside the list of those in its state."""
        worst = self.card.worst
        return self._beside(worst.bucket, worst.state, worst.job_id) if worst else ""

    @property
    def worst_for(self) -> timedelta | None:
        """How long the worst job has waited or run; None where it failed."""
        worst = self.card.worst
        return self._since(worst.at) if worst and worst.state != "Failed" else None

    @property
    def as_of(self) -> datetime | None:
        """When the oldest of what is told was asked for."""
        return None if self.card.as_of is None else datetime.fromtimestamp(self.card.as_of, UTC)

    @property
    def again(self) -> float:
        """Seconds after which to look again."""
        return self.card.again or REFRESH

    @property
    def again_in(self) -> str:
        """The same for htmx, which takes milliseconds."""
        return f"{round(self.again * 1000)}ms"

    def _since(self, at: float) -> timedelta:
        return timedelta(seconds=max(0.0, self.now - at))

    def _beside(self, bucket: Bucket, state: str, job_id: str) -> str:
        query = self.asked.jobs_query(state, job_id, oldest=state != "Failed")
        return address(list_path("jobs", bucket.name), query)


@require_safe
@listed
def show(request: HttpRequest, *, as_json: bool = False) -> HttpResponse:
    """Show how many jobs of a filter failed or aren't over, and which is the worst."""
    now = ci_time()
    asked = filters.parse_card(request.GET, now=now)
    buckets: list[Bucket] = []
    if not asked.errors:
        if not asked.is_canonical:
            return HttpResponseRedirect(address(request.path, asked.canonical))
        buckets, chosen = chosen_buckets(request.user, asked)
        asked = replace(asked, errors=chosen.errors)
    frame = {"asked": asked, "here": request.get_full_path(), "view": asked.view, "zone": asked.view.zone}
    template = f"jobs/card.html{'#results' if fragment_target(request) == 'results' else ''}"
    if asked.errors:
        if as_json:
            return as_twin(request, twins.wrong(asked.errors), status=400)
        return as_html(request, template, frame, status=400)
    found = card.look(buckets, asked.question, reader=reader_of(request), now=now)
    sheet = Sheet(asked, buckets, found, now)
    if as_json:
        return _twin(request, sheet)
    # Trouble of a bucket is told on the card, which is well itself, and looks again like any other.
    return as_html(request, template, {**frame, "sheet": sheet}, retry_after=sheet.again)


def _twin(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    found = sheet.card
    if found.again is not None and not found.answered:
        return as_twin(request, twins.PENDING, status=202, retry_after=found.again)
    paths = [reverse(f"{namespace(request)}:job_list_json", args=[bucket.name]) for bucket in sheet.buckets]
    return as_twin(request, twins.card(sheet.asked, found, paths), retry_after=sheet.again)
