"""What can be had of a list: the jobs that are loaded, at once, and all of them, for which a walk is started."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from jobs import access, filters, orders, pages, twins
from jobs.filters import job_query
from jobs.problems import Problem
from jobs.regions import region_name
from jobs.searches import Failed, Pending, Ready
from jobs.views.files import as_file
from jobs.views.listing import Listing
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
from jobs.views.walking import Walking, as_of, file_name, loaded_scope, told
from jobs.views.walks import path_of

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from jobs.filters import ListRequest, Pin
    from jobs.models import Bucket
    from jobs.views.files import Form


@require_http_methods(["GET", "HEAD", "POST"])
@listed
def export(request: HttpRequest, bucket_name: str, *, as_json: bool = False) -> HttpResponse:
    """Offer what can be had of a list; or start a walk through it, by POST."""
    bucket = access.get_bucket(request.user, bucket_name)
    now = ci_time()
    asked = filters.parse_list(request.GET, now=now)
    if asked.errors:
        if as_json:
            return as_twin(request, twins.wrong(asked.errors), status=400)
        return _page(request, bucket, asked, status=400)
    if request.method == "POST" and not as_json and asked.view.pin:
        return _start(request, bucket, asked, asked.view.pin)
    if not asked.is_canonical or request.method == "POST":
        # Nothing is started without a pin: the same click would be another list each time.
        return HttpResponseRedirect(address(request.path, asked.canonical), status=303 if request.POST else 302)
    listing, missing = _loaded(request, bucket, asked, now)
    if missing is not None:
        problem = missing.problem if isinstance(missing, Failed) else None
        retry_after = problem.retry_after if problem else missing.retry_after if isinstance(missing, Pending) else None
        status = problem.status if problem else 202
        if as_json:
            body = twins.problem(problem) if problem else twins.PENDING
            return as_twin(request, body, status=status, retry_after=retry_after)
        return _page(
            request, bucket, asked, status=status, retry_after=retry_after, problem=problem, pending=not problem
        )
    walks = [Walking(walk, asked.view, now) for walk in orders.of_user(bucket, request.user)]
    if as_json:
        return as_twin(request, _twin(request, listing, walks))
    return _page(request, bucket, asked, listing=listing, walks=walks)


@require_safe
@listed
def loaded_file(request: HttpRequest, bucket_name: str, form: Form) -> HttpResponseBase:
    """Send the jobs that a list's address loads."""
    bucket = access.get_bucket(request.user, bucket_name)
    now = ci_time()
    asked = filters.parse_list(request.GET, now=now)
    if asked.errors:
        return _page(request, bucket, asked, status=400)
    listing, missing = _loaded(request, bucket, asked, now)
    if missing is not None or asked.view.is_old_place(now):
        # The page of exports says what is wrong, waits for what is missing, and tells that the list is another one by now.
        return HttpResponseRedirect(address(_url(request, bucket, "export"), asked.canonical))
    rows = [row for answer in listing.ready for row in answer.page.rows]
    at, zone = listing.as_of, asked.view.zone
    scope = loaded_scope(listing.unique, is_whole=listing.is_known_whole, goes_on=not listing.is_whole)
    head = {
        "bucket": bucket.name,
        "region": bucket.region,
        "filter": asked.filter.params(),
        "summary": asked.summary,
        "pin": str(listing.ready[0].page.pin),
        "scope": "loaded",
        "list_goes_on": not listing.is_whole,
        "jobs": len(rows),
        "as_of": at.isoformat(timespec="seconds"),
        "doubts": {doubt: str(sentence) for doubt, sentence in listing.doubts.items()},
    }
    sentence = told(f"{scope}, {as_of(at, zone)}", asked.summary, bucket.name, list(listing.doubts.values()))
    name = file_name(bucket.name, "loaded", len(rows), at)
    return as_file(form, rows, name=name, told=sentence, head=head, zone=zone)


def _start(request: HttpRequest, bucket: Bucket, asked: ListRequest, pin: Pin) -> HttpResponse:
    started = orders.start(bucket, request.user, reader_of(request), asked.filter, pin)
    if isinstance(started, Problem):
        return _page(request, bucket, asked, status=started.status, retry_after=started.retry_after, problem=started)
    return HttpResponseRedirect(path_of(request, started, job_query(asked.view)), status=303)


def _loaded(
    request: HttpRequest, bucket: Bucket, asked: ListRequest, now: float
) -> tuple[Listing, Pending | Failed | None]:
    """Return the pages that the address asks for; and, where one of them isn't there, what became of it.

    The cache may have lost a page since the list was looked at. It is fetched as its sentinel would.
    """
    reader = reader_of(request)
    listing = Listing.look(bucket, asked, now=now, embedded=namespace(request) == "embed", reader=reader)
    answers = list(listing.answers)
    depth = 1 if asked.view.is_old_place(now) else asked.view.depth
    until = time.monotonic() + settings.FIRST_WAIT
    while isinstance(last := answers[-1], Ready) and len(answers) < depth and (following := last.page.next):
        view = asked.view.at(last.page.pin, next_token=following.next_token, after=following.after)
        if time.monotonic() > until:
            return listing, Pending(1.0)
        answers.append(pages.get_page(bucket, asked.filter, view, reader=reader, person=False))
    return replace(listing, answers=answers), None if isinstance(last, Ready) else last


def _url(request: HttpRequest, bucket: Bucket, name: str) -> str:
    return reverse(f"{namespace(request)}:{name}", args=[bucket.name])


def _page(
    request: HttpRequest,
    bucket: Bucket,
    asked: ListRequest,
    *,
    status: int = 200,
    retry_after: float | None = None,
    **more: Any,
) -> HttpResponse:
    listing = more.get("listing")
    context = {
        "asked": asked,
        "bucket": bucket,
        "region": region_name(bucket.region),
        "here": request.get_full_path(),
        "view": asked.view,
        "zone": asked.view.zone,
        "again_in": f"{round((retry_after or 1) * 1000)}ms",
        **more,
    }
    if listing:
        pinned = asked.pinned_query(listing.ready[0].page.pin)
        context |= {
            "start": address(_url(request, bucket, "export"), pinned),
            "csv": address(_url(request, bucket, "loaded_csv"), listing.document_query),
            "jsonl": address(_url(request, bucket, "loaded_jsonl"), listing.document_query),
        }
    fragment = "#results" if fragment_target(request) == "results" else ""
    return as_html(request, f"jobs/export.html{fragment}", context, status=status, retry_after=retry_after)


def _twin(request: HttpRequest, listing: Listing, walks: list[Walking]) -> dict[str, Any]:
    query = listing.document_query
    return {
        "bucket": listing.bucket.name,
        "region": listing.bucket.region,
        "filter": listing.asked.filter.params(),
        "summary": listing.asked.summary,
        **twins.notes(listing.asked),
        "pin": str(listing.ready[0].page.pin),
        "loaded": listing.unique,
        "is_whole": listing.is_known_whole,
        "doubts": {doubt: str(sentence) for doubt, sentence in listing.doubts.items()},
        "files": {form: address(_url(request, listing.bucket, f"loaded_{form}"), query) for form in ("csv", "jsonl")},
        "walks": [path_of(request, look.walk, "").removesuffix("/") + ".json" for look in walks],
    }
