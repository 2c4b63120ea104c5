"""One job and the parts it is drilled into: page, fragment and JSON twin of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.encoding import escape_uri_path
from django.views.decorators.http import require_safe

from jobs import access, filters, twins
from jobs.cloudinfinite.tree import nodes
from jobs.filters import job_query
from jobs.views.links import job_links
from jobs.views.look import Look
from jobs.views.responses import address, as_html, as_twin, fragment_target, listed, reader_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from jobs.cloudinfinite.tree import Node, Tree

FRAGMENTS = frozenset({"look", "drill"})
"""Elements of the page that htmx may ask for: all of it but the frame, or the parts alone."""

ON_TOP = {"operation": "Operation", "input": "Input"}
IN_OPERATION = {"output": "Output", "time-interval": "TimeInterval"}
"""Which element each part is about, and where that stands."""


@require_safe
@listed
def job(request: HttpRequest, bucket_name: str, job_id: str, *, as_json: bool = False) -> HttpResponse:
    """Show one job, its first part open."""
    return _show(request, bucket_name, job_id, "", as_json=as_json)


@require_safe
@listed
def job_part(request: HttpRequest, bucket_name: str, job_id: str, part: str, *, as_json: bool = False) -> HttpResponse:
    """Show one job with one of its parts open."""
    return _show(request, bucket_name, job_id, part, as_json=as_json)


def _show(request: HttpRequest, bucket_name: str, job_id: str, part: str, *, as_json: bool) -> HttpResponse:
    bucket = access.get_bucket(request.user, bucket_name)
    asked = filters.parse_job(request.GET)
    if asked.errors:
        return _wrong(request, {"asked": asked, "bucket": bucket, "job_id": job_id}, as_json=as_json)
    if not asked.is_canonical:
        return HttpResponseRedirect(address(escape_uri_path(request.path), asked.canonical))
    look = Look.take(bucket, job_id, part, asked.view, reader_of(request))
    return _twin(request, look) if as_json else _page(request, look)


def job_context(look: Look) -> dict[str, Any]:
    """Return what the templates of a job show, on its page and in the drawer beside a list."""
    context = {"look": look, "bucket": look.bucket, "job_id": look.job_id, "view": look.view, "zone": look.view.zone}
    if look.record is None:
        return context
    as_of = datetime.fromtimestamp(look.record.as_of, UTC)
    links = job_links(look.bucket, look.record.row.job, as_of)
    return {**context, **look.details(), "links": links}


def version_of(look: Look, context: dict[str, Any]) -> list[object] | None:
    """Return all that what shows `context` depends on, besides the reader; None while something is missing."""
    return None if look.version is None else [*look.version, context["links"]]


def _page(request: HttpRequest, look: Look) -> HttpResponse:
    target = fragment_target(request)
    fragment = f"#{target}" if target in FRAGMENTS else ""
    context = job_context(look)
    context["is_fragment"] = bool(fragment)
    context["twin"] = address(escape_uri_path(request.path.removesuffix("/")) + ".json", job_query(look.view))
    return as_html(
        request,
        f"jobs/job.html{fragment}",
        context,
        status=look.status,
        retry_after=look.retry_after,
        version=version_of(look, context),
    )


def _twin(request: HttpRequest, look: Look) -> HttpResponse:
    record = look.record
    if record is None or look.failed or look.pending:
        body = twins.problem(look.failed) if look.failed else twins.PENDING
        return as_twin(request, body, status=look.status, retry_after=look.retry_after)
    about = {"as_of": twins.moment(record.as_of), "stale": look.stale, "request_id": record.request_id}
    if not look.part:
        return as_twin(request, {"job": twins.job(record.row), **about}, version=look.version)
    job_id, masked = record.row.job.job_id, list(record.row.masked)
    if look.part == "raw":
        part: dict[str, Any] = {"raw": record.raw} if record.raw else {"raw": None, "raw_missing": record.raw_missing}
    else:
        part = {look.part.replace("-", "_"): _node(record.row.job.tree, look.part)}
    return as_twin(request, {"job_id": job_id, **part, "_masked": masked, **about}, version=look.version)


def _node(tree: Tree, part: str) -> Node | None:
    """Return the element that a part is about, None where the job has none."""
    if part in ON_TOP:
        return tree.get(ON_TOP[part])
    operation = next(iter(nodes(tree, "Operation")), "")
    return None if isinstance(operation, str) else operation.get(IN_OPERATION[part])


def _wrong(request: HttpRequest, context: dict[str, Any], *, as_json: bool) -> HttpResponse:
    """Say which parameters are wrong, and why; nothing was asked for."""
    if as_json:
        return as_twin(request, twins.wrong(context["asked"].errors), status=400)
    return as_html(request, "jobs/job.html", context, status=400)
