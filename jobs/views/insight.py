"""What the loaded jobs of a list say together: counts, charts, families of failures, odd ones out. Page and JSON twin."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from jobs import access, filters, twins
from jobs.filters.words import KINDS, ODD_WORDS, STATES
from jobs.regions import region_name
from jobs.views.listing import Listing
from jobs.views.loaded import Loaded
from jobs.views.merged import chosen_buckets
from jobs.views.merging import Merging
from jobs.views.responses import address, as_html, as_twin, ci_time, fragment_target, listed, namespace, reader_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

    from jobs.filters import InsightRequest
    from jobs.models import Bucket

FRAGMENTS = {"results": "#results", "odd-ones": "#odd_ones"}
"""Which part of the page goes where: the id of what htmx replaces, and the partial that replaces it."""
FIRST_KINDS = 10
"""Workflows, templates and tags that are told at once; the others are folded away."""


@require_safe
@listed
def insight(request: HttpRequest, bucket_name: str, *, as_json: bool = False) -> HttpResponse:
    """Show what the jobs say together that a list's address loads."""
    bucket = access.get_bucket(request.user, bucket_name)
    now = ci_time()
    asked = filters.parse_insight(request.GET, now=now)
    frame = {**_frame(request, asked), "bucket": bucket, "region": region_name(bucket.region)}
    if asked.errors:
        return _wrong(request, asked, frame, as_json=as_json)
    if not asked.is_canonical:
        return HttpResponseRedirect(address(request.path, asked.canonical))
    embedded = namespace(request) == "embed"
    listing = Listing.look(bucket, asked, now=now, embedded=embedded, reader=reader_of(request))
    # How long jobs wait grows by the minute.
    version = [*listing.version, int(now // 60)] if listing.outcome == "ready" else None
    return _answer(request, asked, listing, frame, version, as_json=as_json)


@require_safe
@listed
def merged_insight(request: HttpRequest, *, as_json: bool = False) -> HttpResponse:
    """Show what the jobs of several buckets say together that a merged list's address loads."""
    now = ci_time()
    asked = filters.parse_merged_insight(request.GET, now=now)
    buckets: list[Bucket] = []
    if not asked.errors:
        if not asked.is_canonical:
            return HttpResponseRedirect(address(request.path, asked.canonical))
        buckets, asked = chosen_buckets(request.user, asked)
    frame = {**_frame(request, asked), "bucket": ""}
    if asked.errors:
        return _wrong(request, asked, frame, as_json=as_json)
    return _answer(request, asked, Merging.look(request, buckets, asked, now=now), frame, None, as_json=as_json)


def _frame(request: HttpRequest, asked: InsightRequest) -> dict[str, Any]:
    """Return what the page shows whatever was found, but for whose jobs these are."""
    return {"asked": asked, "here": request.get_full_path(), "view": asked.view, "zone": asked.view.zone}


def _template(request: HttpRequest) -> str:
    return f"jobs/insight.html{FRAGMENTS.get(fragment_target(request), '')}"


def _wrong(request: HttpRequest, asked: InsightRequest, frame: dict[str, Any], *, as_json: bool) -> HttpResponse:
    """Say which parameters are wrong, and why; nothing was asked for."""
    if as_json:
        return as_twin(request, twins.wrong(asked.errors), status=400)
    return as_html(request, _template(request), frame, status=400)


def _answer(
    request: HttpRequest,
    asked: InsightRequest,
    listing: Listing | Merging,
    frame: dict[str, Any],
    version: Sequence[object] | None,
    *,
    as_json: bool,
) -> HttpResponse:
    """Tell of what the list holds, or why nothing can be told of it."""
    status, retry_after = listing.status, listing.retry_after
    # Buckets in trouble are told by name, beside what the others have, even where there are no others.
    refused = listing.problem if asked.is_merged or listing.outcome == "failed" else None
    if listing.pending or refused:
        if as_json:
            body = twins.problem(refused) if refused else twins.PENDING
            return as_twin(request, body, status=status, retry_after=retry_after)
        context = {**frame, "listing": listing}
        return as_html(request, _template(request), context, status=status, retry_after=retry_after)
    loaded = Loaded(asked, listing.rows, listing.now)
    if as_json:
        body = twins.insight(
            asked,
            loaded.tallies,
            loaded.families,
            loaded.oddities,
            owner=lambda job: loaded.owner(job).name if asked.is_merged else "",
            is_whole=listing.is_known_whole,
        )
        if isinstance(listing, Merging):
            body["buckets"] = twins.merged_buckets(listing.buckets, listing.found)
        return as_twin(request, body, status=status, version=version)
    context = {**frame, "listing": listing, **_told(loaded)}
    return as_html(request, _template(request), context, status=status, version=version)


def _told(loaded: Loaded) -> dict[str, Any]:
    """Return what the page tells: each number with the query that shows just those jobs, "" where none can."""
    asked, counts = loaded.asked, loaded.tallies
    by_why = Counter(one.why for one in loaded.oddities.odd)
    kinds = [(kind, asked.narrowed(kind=kind.name), count) for kind, count in counts.kinds]
    return {
        "found": loaded,
        "state_rows": [
            (state, asked.query(states=state) if state in STATES else "", count) for state, count in counts.states
        ],
        "type_rows": [
            (type_, asked.query(type=type_) if type_ in KINDS else "", count) for type_, count in counts.types
        ],
        "span_rows": [(span, asked.narrowed(ran=span.name)) for span in counts.ran if span.count],
        "odd_label": next((label for why, label in ODD_WORDS.items() if why == asked.odd), ""),
        "first_kinds": kinds[:FIRST_KINDS],
        "more_kinds": kinds[FIRST_KINDS:],
        "odd_rows": [
            (why, label, by_why[why], asked.narrowed(odd=why)) for why, label in ODD_WORDS.items() if by_why[why]
        ],
        "odd_query": asked.narrowed(odd="any"),
        "first_query": asked.same_page(asked.view.first()),
        "last_column": counts.created[-1] if counts.created else None,
    }
