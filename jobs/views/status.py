"""How things stand, for people: page, fragment that refreshes itself, and JSON twin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from jobs import access, filters, twins
from jobs import status as standings
from jobs.claims import LEASES
from jobs.filters import job_query
from jobs.regions import region_name
from jobs.views.responses import address, as_html, as_twin, ci_time, fragment_target, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

    from jobs.models import Bucket
    from jobs.problems import Problem
    from jobs.status import Standing, Status
    from jobs.throttle import Quota

WORDS: dict[str, tuple[str, _StrPromise]] = {
    "well": ("good", _("Well")),
    "trouble": ("bad", _("Trouble")),
    "quiet": ("warn", _("Cooling down")),
    "unasked": ("calm", _("Not asked yet")),
    "unknown": ("calm", _("Unknown")),
}
"""State -> its tone and its word."""
WORST_FIRST = ("trouble", "quiet", "unknown", "unasked", "well")


@dataclass(frozen=True, slots=True)
class Row:
    """One bucket or credential, in the terms of the template."""

    standing: Standing
    now: float

    @property
    def name(self) -> str:
        """Its name."""
        return self.standing.name

    @property
    def bucket(self) -> Bucket | None:
        """The bucket, None for a credential."""
        return self.standing.bucket

    @property
    def region(self) -> str:
        """Where the bucket is, in words if there are any."""
        return region_name(self.bucket.region) or self.bucket.region if self.bucket else ""

    @property
    def tone(self) -> str:
        """The colour of its state."""
        return WORDS[self.standing.state][0]

    @property
    def word(self) -> _StrPromise:
        """Its state."""
        return WORDS[self.standing.state][1]

    @property
    def quota(self) -> Quota | None:
        """What it may still ask."""
        return self.standing.quota

    @property
    def quiet(self) -> timedelta | None:
        """How long it still cools down."""
        return timedelta(seconds=self.quota.quiet) if self.quota and self.quota.quiet else None

    @property
    def quiet_until(self) -> datetime | None:
        """Until when it cools down."""
        return _time(self.now + self.quota.quiet) if self.quota and self.quota.quiet else None

    @property
    def well(self) -> datetime | None:
        """When it last answered well."""
        return _time(self.standing.well_at)

    @property
    def well_ago(self) -> timedelta | None:
        """How long ago that was."""
        return self._ago(self.standing.well_at)

    @property
    def well_id(self) -> str:
        """The RequestId of that answer."""
        return self.standing.tally.well_id if self.standing.tally else ""

    @property
    def problem(self) -> Problem | None:
        """Its last trouble, over or not."""
        return self.standing.problem

    @property
    def problem_at(self) -> datetime | None:
        """When that was."""
        return _time(self.problem.at) if self.problem else None

    @property
    def problem_ago(self) -> timedelta | None:
        """How long ago that was."""
        return self._ago(self.problem.at) if self.problem else None

    @property
    def calls(self) -> int:
        """Calls it has cost."""
        return self.standing.tally.calls if self.standing.tally else 0

    @property
    def answers(self) -> int:
        """Answers given from them."""
        return self.standing.tally.answers if self.standing.tally else 0

    @property
    def saved(self) -> int:
        """Calls saved by sharing."""
        return self.standing.saved

    def _ago(self, at: float | None) -> timedelta | None:
        return timedelta(seconds=max(0.0, self.now - at)) if at else None


@access.for_people_only
@require_safe
@listed
def status(request: HttpRequest, *, as_json: bool = False) -> HttpResponse:
    """Show how the buckets that the reader may see stand, and what is behind them."""
    asked = filters.parse_job(request.GET)
    if asked.errors:
        if as_json:
            return as_twin(request, twins.wrong(asked.errors), status=400)
        return as_html(request, "jobs/status.html", {"asked": asked, "view": asked.view}, status=400)
    if not asked.is_canonical:
        return HttpResponseRedirect(address(request.path, asked.canonical))
    found, now = standings.look(access.visible_buckets(request.user)), ci_time()
    workers = None if found.workers is None else list(_workers(request, found))
    if as_json:
        return as_twin(request, twins.status(found, now, workers))
    fragment = "#status" if fragment_target(request) == "status" else ""
    context = {
        "asked": asked,
        "view": asked.view,
        "zone": asked.view.zone,
        "here": address(request.path, job_query(asked.view)),
        "now": _time(now),
        "found": found,
        "workers": None if workers is None else [(name, timedelta(seconds=age)) for name, age in workers],
        "queues": found.queues
        and [(name, queue.length, timedelta(seconds=queue.age)) for name, queue in found.queues.items()],
        "groups": [
            ("credentials", _("Credentials"), _rows(found.credentials, now)),
            ("buckets", _("Buckets"), _rows(found.buckets, now)),
        ],
        "leases": LEASES,
    }
    return as_html(request, f"jobs/status.html{fragment}", context)


def _rows(found: Iterable[Standing], now: float) -> list[Row]:
    """Return what stands on the page, the worst first: among many, few are in trouble."""
    return [Row(one, now) for one in sorted(found, key=lambda one: WORST_FIRST.index(one.state))]


def _workers(request: HttpRequest, found: Status) -> Iterator[tuple[str, float]]:
    """Yield each worker with the age of its heartbeat. A name holds its machine's, which is for staff alone."""
    for number, (name, age) in enumerate(sorted((found.workers or {}).items()), 1):
        yield name if request.user.is_staff else str(number), age


def _time(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at else None
