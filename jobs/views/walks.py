"""A walk through a whole list: its progress as page, fragment and twin, its end, and the files that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from jobs import access, filters, orders, twins
from jobs.filters import job_query
from jobs.problems import Problem, ours
from jobs.regions import region_name
from jobs.servers import ServerDown
from jobs.views.files import as_file
from jobs.views.responses import address, as_html, as_twin, ci_time, fragment_target, listed, namespace
from jobs.views.walking import LOOK_AGAIN, Walking

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from jobs.models import Walk
    from jobs.views.files import Form


@require_safe
@listed
def walk(request: HttpRequest, bucket_name: str, walk_id: str, *, as_json: bool = False) -> HttpResponse:
    """Show how far a walk is. Who looks also sees to it that it goes on."""
    found = access.get_walk(request.user, bucket_name, walk_id)
    asked = filters.parse_job(request.GET)
    if asked.errors and as_json:
        return as_twin(request, twins.wrong(asked.errors), status=400)
    if not asked.is_canonical:
        return HttpResponseRedirect(address(request.path, asked.canonical))
    look = Walking(found, asked.view, ci_time())
    if asked.errors:
        return _page(request, look, status=400, asked=asked)
    if found.is_under_way and look.now - found.touched > LOOK_AGAIN:
        orders.keep_going(found)
    if as_json:
        return as_twin(request, _twin(request, look), retry_after=look.retry_after)
    return _page(request, look, asked=asked)


@require_POST
@listed
def cancel(request: HttpRequest, bucket_name: str, walk_id: str) -> HttpResponse:
    """Stop a walk."""
    found = access.get_walk(request.user, bucket_name, walk_id)
    asked = filters.parse_job(request.GET)
    try:
        refused = orders.cancel(found)
    except ServerDown:
        refused = ours("redis_down")
    if refused:
        return _refused(request, found, refused)
    return HttpResponseRedirect(path_of(request, found, job_query(asked.view)), status=303)


@require_POST
@listed
def resume(request: HttpRequest, bucket_name: str, walk_id: str) -> HttpResponse:
    """Let a walk go on from where it stopped."""
    found = access.get_walk(request.user, bucket_name, walk_id)
    asked = filters.parse_job(request.GET)
    try:
        resumed = orders.resume(found)
    except ServerDown:
        resumed = ours("redis_down")
    if isinstance(resumed, Problem):
        return _refused(request, found, resumed)
    return HttpResponseRedirect(path_of(request, resumed, job_query(asked.view)), status=303)


@require_safe
@listed
def walk_file(request: HttpRequest, bucket_name: str, walk_id: str, form: Form) -> HttpResponseBase:
    """Send what a walk brought. What isn't whole is not sent at all."""
    found = access.get_walk(request.user, bucket_name, walk_id)
    asked = filters.parse_job(request.GET)
    look = Walking(found, asked.view, ci_time())
    if asked.errors:
        return _page(request, look, status=400, asked=asked)
    if not look.is_done:
        return _page(request, look, status=409, asked=asked)
    if not orders.is_whole(found):
        return _refused(request, found, ours("not_stored"))
    return as_file(form, orders.rows(found), name=look.file_name, told=look.told, head=look.head, zone=asked.view.zone)


def path_of(request: HttpRequest, found: Walk, query: str) -> str:
    """Return the address of a walk's page, inside the frame where the request is inside it."""
    return address(reverse(f"{namespace(request)}:walk", args=[found.bucket.name, found.pk]), query)


def _refused(request: HttpRequest, found: Walk, problem: Problem) -> HttpResponse:
    asked = filters.parse_job(request.GET)
    look = Walking(found, asked.view, ci_time())
    return _page(request, look, status=problem.status, asked=asked, refused=problem)


def _page(request: HttpRequest, look: Walking, *, status: int = 200, **more: Any) -> HttpResponse:
    fragment = "#walk" if fragment_target(request) == "walk" else ""
    name, query = namespace(request), job_query(look.view)
    arguments = [look.walk.bucket.name, look.walk.pk]
    urls = {
        action: address(reverse(f"{name}:{action}", args=arguments), query)
        for action in ("walk", "walk_cancel", "walk_resume", "walk_csv", "walk_jsonl")
    }
    context = {
        "bucket": look.walk.bucket,
        "region": region_name(look.walk.bucket.region),
        "here": urls["walk"],
        "urls": urls,
        "look": look,
        "walk": look.walk,
        "view": look.view,
        "zone": look.view.zone,
        **more,
    }
    return as_html(request, f"jobs/walk.html{fragment}", context, status=status, retry_after=look.retry_after)


def _twin(request: HttpRequest, look: Walking) -> dict[str, Any]:
    files = None
    if look.is_done:
        arguments = [look.walk.bucket.name, look.walk.pk]
        query = job_query(look.view)
        files = {
            form: address(reverse(f"{namespace(request)}:walk_{form}", args=arguments), query)
            for form in ("csv", "jsonl")
        }
    return twins.walk(
        look.walk,
        summary=look.summary,
        fraction=look.fraction,
        rate=look.rate,
        left=look.left,
        doubts=look.doubts,
        problem=look.problem,
        files=files,
    )
