"""The job list: page, fragment and JSON twin."""

from __future__ import annotations

from contextlib import suppress
from functools import cache as once
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import push_url, retarget

from jobs import access, filters, pages, twins
from jobs.regions import region_name
from jobs.servers import ServerDown
from jobs.views.document import ADDRESS, PAGES, SHOWN_BY, Document
from jobs.views.drawer import drawer_alone, drawer_beside, drawer_version, is_drawer_alone
from jobs.views.form import form_html
from jobs.views.links import bucket_links
from jobs.views.listing import Listing
from jobs.views.reproduce import list_snippets_of
from jobs.views.responses import (
    address,
    as_html,
    as_html_of,
    as_twin,
    ci_time,
    fragment_target,
    listed,
    namespace,
    reader_of,
)
from jobs.views.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from jobs.filters import ListRequest
    from jobs.models import Bucket
    from jobs.views.links import Link

FRAGMENTS = {"more": "#rows", "results": "#results", "list": "#list"}
"""Which part of the page goes where: the id of what htmx replaces, and the partial that replaces it."""


@require_safe
@listed
def job_list(request: HttpRequest, bucket_name: str, *, as_json: bool = False) -> HttpResponse:
    """Show one page, or `depth` pages together, of a bucket's jobs."""
    bucket = access.get_bucket(request.user, bucket_name)
    asked = filters.parse_list(request.GET, now=ci_time())
    if asked.errors:
        return _wrong_list(request, bucket, asked, as_json=as_json)
    if not asked.is_canonical:
        return HttpResponseRedirect(address(request.path, asked.canonical))
    if not as_json and is_drawer_alone(request, asked):
        return drawer_alone(request, bucket, asked)
    now = ci_time()
    scrolls = not as_json and fragment_target(request) == "more"
    # Asked of the database at most once, and only when needed: a page that must be fetched is under way by then.
    links = once(partial(bucket_links, bucket))
    shell = None if as_json else _shell(request, asked, {**_frame(request, bucket, asked), "bucket_links": links})
    listing = Listing.look(
        bucket,
        asked,
        now=now,
        embedded=namespace(request) == "embed",
        around=Document.around(request, asked, now) if scrolls else None,
        reader=reader_of(request),
        meanwhile=shell.prepare if shell else None,
    )
    if shell is None:
        return _listing_twin(request, listing)
    response = _listing_page(request, listing, shell, links)
    return _scrolled(request, response, listing) if scrolls else response


@require_POST
@listed
def retry(request: HttpRequest, bucket_name: str) -> HttpResponse:
    """Forget what is known to go wrong with a bucket, and go back to where the reader came from."""
    bucket = access.get_bucket(request.user, bucket_name)
    # While Redis is down nothing is kept either, and the list says what is down.
    with suppress(ServerDown):
        pages.drop_problems(bucket)
    back = request.POST.get("next", "")
    if not (back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)):
        back = reverse("jobs:job_list", args=[bucket.name], current_app=namespace(request))
    return HttpResponseRedirect(back, status=303)


def _shell(request: HttpRequest, asked: ListRequest, frame: dict[str, Any]) -> Shell:
    """Return the page around the results. What a sentinel gets is nothing but results; a drawer waits for them, too."""
    target = fragment_target(request)
    inside = "" if target == "more" or _with_drawer(request, asked) else "jobs/job_list.html#answer"
    ahead = {"zone_switch": "jobs/job_list.html#zones"}
    return Shell(request, f"jobs/job_list.html{FRAGMENTS.get(target, '')}", inside, frame, ahead)


def _with_drawer(request: HttpRequest, asked: ListRequest) -> bool:
    return bool(asked.view.job) and not fragment_target(request)


def _listing_page(
    request: HttpRequest, listing: Listing, shell: Shell, links: Callable[[], tuple[Link, ...]]
) -> HttpResponse:
    context: dict[str, Any] = {"listing": listing, "snippets": once(partial(list_snippets_of, listing))}
    status, retry_after = listing.status, listing.retry_after
    version = None
    if listing.outcome == "ready":
        version = [*listing.version, () if fragment_target(request) == "more" else links()]
    if _with_drawer(request, listing.asked):
        names = [row.job.job_id for answer in listing.ready for row in answer.page.rows]
        drawer = drawer_beside(request, listing.bucket, listing.asked, listing.pending, names)
        context |= drawer
        version = version and (parts := drawer_version(drawer)) and [*version, *parts]
        if listing.outcome == "ready" and drawer["look"].pending:
            status, retry_after = drawer["look"].status, drawer["look"].retry_after
    return as_html_of(shell, context, status=status, retry_after=retry_after, version=version or None)


def _scrolled(request: HttpRequest, response: HttpResponse, listing: Listing) -> HttpResponse:
    """Return what a sentinel gets, and let the address show as much as the document then does: no entry of the history."""
    patch_vary_headers(response, [ADDRESS, PAGES])
    if listing.outcome == "ready" and listing.document_query:
        response[SHOWN_BY] = address(request.path, listing.document_query)
    return response


def _listing_twin(request: HttpRequest, listing: Listing) -> HttpResponse:
    if listing.outcome != "ready":
        body = twins.problem(listing.problem) if listing.problem else twins.PENDING
        return as_twin(request, body, status=listing.status, retry_after=listing.retry_after)
    next_path = address(request.path, listing.next_query) if listing.next_query else None
    body = twins.job_list(listing.bucket, listing.asked, listing.ready, listing.completeness, next_path=next_path)
    return as_twin(request, body, version=listing.version)


def _wrong_list(request: HttpRequest, bucket: Bucket, asked: ListRequest, *, as_json: bool) -> HttpResponse:
    """Say which parameters are wrong, and why; nothing was asked for."""
    if as_json:
        return as_twin(request, twins.wrong(asked.errors), status=400)
    target = fragment_target(request)
    # The form says what is wrong, so it is replaced together with the results; its empty fields stay out of the address.
    fragment = FRAGMENTS["list"] if target == "results" else FRAGMENTS.get(target, "")
    response = as_html(request, f"jobs/job_list.html{fragment}", _frame(request, bucket, asked), status=400)
    if target == "results":
        push_url(response, address(request.path, urlencode(asked.given)))
        retarget(response, "#list")
    return response


def _frame(request: HttpRequest, bucket: Bucket, asked: ListRequest) -> dict[str, Any]:
    """Return what the page shows whatever was found: the bucket, the form, the sentence."""
    embedded = namespace(request) == "embed"
    return {
        "asked": asked,
        "bucket": bucket,
        "region": region_name(bucket.region),
        "form": partial(form_html, asked, bucket.name, embedded=embedded),
        "text_box": partial(form_html, asked, bucket.name, embedded=embedded, part="text_box"),
        "fragment": fragment_target(request),
        "here": request.get_full_path(),
        "view": asked.view,
        "zone": asked.view.zone,
    }
