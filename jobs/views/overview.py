"""The overview: a line for each bucket that the reader may see. Page, fragment, the lines that have changed, JSON twin."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from jobs import access, filters, overview, twins
from jobs.filters import LARGEST_SIZE, JobFilter
from jobs.filters.reading import MOST_MERGED
from jobs.filters.words import STATES, range_label
from jobs.insight import COUNTED
from jobs.models import Bucket
from jobs.regions import region_name
from jobs.views.responses import address, as_html, as_twin, ci_time, fragment_target, listed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django.http import HttpRequest

    from jobs.filters import OverviewRequest
    from jobs.overview import Line, Overview

PER_PAGE = MOST_MERGED
"""Buckets of a page: all of them fit into one list."""
SINCE = "Batchlens-Since"
"""The header in which a page says when its lines were told, in CI's unix seconds."""
SHOWN = "Batchlens-Lines"
"""The header in which a page says which lines it shows, by their buckets' numbers."""
MARGIN = 20.0
"""Seconds that an answer may take from its question to its being told: a line's time is when it was asked for."""

_NUMBERS = re.compile(r"[0-9]{1,10}(,[0-9]{1,10}){0,99}")
_SECONDS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,3})?")


class Entry(NamedTuple):
    """What a line needs of its bucket. Of hundreds that one may see, only those of a page are made into more than this."""

    # In the model's order, which from_db relies on.
    id: int
    name: str
    region: str
    label: str
    credential: str

    def bucket(self) -> Bucket:
        """Return the bucket; what else there is of it, the database is asked for."""
        return Bucket.from_db(DEFAULT_DB_ALIAS, self._fields, self)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines of one page, out of `pages`. `answered` of the `asked` buckets have told something."""

    lines: Sequence[Line]
    pages: int
    answered: int
    asked: int
    again: float | None

    @property
    def again_in(self) -> str:
        """When to look again, for htmx, which takes milliseconds."""
        return f"{round((self.again or 0) * 1000)}ms"

    @property
    def shown(self) -> str:
        """Which lines these are, for the header SHOWN."""
        return ",".join(str(line.bucket.pk) for line in self.lines)


@require_safe
@listed
def show(request: HttpRequest, *, as_json: bool = False) -> HttpResponse:
    """Show what failed, hangs or waits in each bucket that the reader may see; the query narrows and sorts."""
    asked = filters.parse_overview(request.GET)
    if asked.errors and as_json:
        return as_twin(request, twins.wrong(asked.errors), status=400)
    if not asked.is_canonical:
        return HttpResponseRedirect(address(request.path, asked.canonical))
    visible = [Entry(*entry) for entry in access.visible_buckets(request.user).values_list(*Entry._fields)]
    found = [] if asked.errors else _wanted(visible, asked)
    now = ci_time()
    job_filter = overview.question(asked.range)
    if not as_json and fragment_target(request) == "fill":
        return _fill(request, asked, found, job_filter, now)
    sheet = _sheet(asked, found, job_filter, now)
    status = 400 if asked.errors else 404 if asked.page > sheet.pages else 200
    if as_json:
        return _twin(request, asked, sheet, status)
    context = {
        **_frame(request, asked, sheet, now),
        "groups": _groups(visible),
        "visible": len(visible),
        "ranges": [(written, range_label(written)) for written in filters.OVERVIEW_RANGES],
        "counted": [STATES[state] for state in COUNTED],
        "previous": str(asked.page - 1),
        "following": str(asked.page + 1),
    }
    fragment = "#results" if fragment_target(request) == "results" else ""
    template = f"jobs/overview.html{fragment}"
    return as_html(request, template, context, status=status, retry_after=None if status != 200 else sheet.again)


def _wanted(visible: Sequence[Entry], asked: OverviewRequest) -> Sequence[Entry]:
    """Return what label and search leave of the buckets that the reader may see."""
    wanted = [entry for entry in visible if entry.label == asked.group] if asked.group else visible
    if not asked.search:
        return wanted
    return [one for one in wanted if asked.matches(one.name, one.label, one.region, region_name(one.region))]


def _groups(visible: Sequence[Entry]) -> list[str]:
    """Return the labels that buckets share or differ by; none where there is no choice."""
    labels = sorted({entry.label for entry in visible if entry.label})
    return labels if len(visible) > 1 else []


def _sheet(asked: OverviewRequest, found: Sequence[Entry], job_filter: JobFilter, now: float) -> Sheet:
    """Look at the buckets of one page; at all where the worst come first, for nobody knows before which they are."""
    ours = slice((asked.page - 1) * PER_PAGE, asked.page * PER_PAGE)
    worst = asked.sort == "worst"
    looked = overview.look([entry.bucket() for entry in (found if worst else found[ours])], job_filter, now=now)
    lines = sorted(looked.lines, key=lambda line: line.severity(now), reverse=True)[ours] if worst else looked.lines
    return Sheet(lines, _pages(found), looked.answered, len(looked.lines), looked.again)


def _pages(found: Sequence[Entry]) -> int:
    return max(1, -(-len(found) // PER_PAGE))


def _fill(
    request: HttpRequest, asked: OverviewRequest, found: Sequence[Entry], job_filter: JobFilter, now: float
) -> HttpResponse:
    """Answer a page that looks again: the lines that have changed since, each for its place, and when to look next.

    What the page says of itself is a stranger's word: it chooses among the buckets that the reader may see, and no more.
    """
    told, shown = request.headers.get(SINCE, ""), request.headers.get(SHOWN, "")
    since = float(told) if _SECONDS.fullmatch(told) else 0.0
    numbers = {int(number) for number in shown.split(",")} if _NUMBERS.fullmatch(shown) else set()
    buckets = [entry.bucket() for entry in found if asked.sort == "worst" or entry.id in numbers]
    looked = overview.look(buckets, job_filter, now=now)
    lines = _shown(looked, numbers)
    sheet = Sheet(lines, _pages(found), looked.answered, len(looked.lines), looked.again)
    changed = [line for line in lines if _changed_at(line) > since - MARGIN]
    response = as_html(request, "jobs/overview.html#filled", {**_frame(request, asked, sheet, now), "changed": changed})
    if numbers - {entry.id for entry in found}:
        response.headers["HX-Refresh"] = "true"  # A bucket stands there that may not be seen any more.
    return response


def _shown(looked: Overview, numbers: Collection[int]) -> list[Line]:
    return [line for line in looked.lines if line.bucket.pk in numbers]


def _changed_at(line: Line) -> float:
    return max(line.as_of or 0.0, line.problem.at if line.problem else 0.0)


def _frame(request: HttpRequest, asked: OverviewRequest, sheet: Sheet, now: float) -> dict[str, Any]:
    return {
        "asked": asked,
        "question": overview.question(asked.range),
        "sheet": sheet,
        "now": now,
        "now_time": datetime.fromtimestamp(now, UTC),
        "since": f"{now:.3f}",
        "failed_query": _one_list(asked, sheet.lines, JobFilter(states=("Failed",))),
        "why_query": _one_list(asked, sheet.lines, JobFilter(states=("Failed",), size=LARGEST_SIZE)),
        "open_query": _one_list(asked, sheet.lines, JobFilter(states=("Submitted", "Running"), order="Asc")),
        "here": request.get_full_path(),
        "view": asked.view,
        "zone": asked.view.zone,
    }


def _one_list(asked: OverviewRequest, lines: Sequence[Line], wanted: JobFilter) -> str:
    """Return the query of one list of the jobs of `lines` that are in a state of `wanted`, "" where no two buckets have any."""
    names = sorted(
        line.bucket.name
        for line in lines
        if line.summary and any(line.summary.counts[state] for state in wanted.states)
    )
    if len(names) < 2:
        return ""
    return f"bucket={','.join(names)}&{filters.list_query(replace(wanted, range=asked.range), asked.view)}"


def _twin(request: HttpRequest, asked: OverviewRequest, sheet: Sheet, status: int) -> HttpResponse:
    paths = [reverse("jobs:job_list_json", args=[line.bucket.name]) for line in sheet.lines]
    more = asked.page < sheet.pages
    following = address(request.path, asked.query(page=str(asked.page + 1))) if more else None
    body = twins.overview(
        asked, zip(sheet.lines, paths, strict=True), pending=sheet.again is not None, following=following
    )
    return as_twin(request, body, status=status, retry_after=sheet.again)
