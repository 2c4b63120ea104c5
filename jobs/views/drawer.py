"""The drawer beside a list: the job that the list's address names, inside the list's own document or as a fragment of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.filters import TABS, job_query
from jobs.searches import Pending
from jobs.templatetags.jobs import job_folder, job_path
from jobs.views.job import job_context, version_of
from jobs.views.look import Look
from jobs.views.responses import address, as_html, fragment_target, namespace, reader_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from jobs.filters import ListRequest
    from jobs.models import Bucket


def is_drawer_alone(request: HttpRequest, asked: ListRequest) -> bool:
    """Tell whether the drawer is wanted without the list, which is there already."""
    return bool(asked.view.job) and fragment_target(request) == "drawer"


def drawer_alone(request: HttpRequest, bucket: Bucket, asked: ListRequest) -> HttpResponse:
    """Answer with what stands inside the drawer. The script finds the neighbours among the rows that are shown.

    Args:
        request: htmx's.
        bucket: whose job it is, which the reader may see.
        asked: the list, and which job.
    """
    look = _look(request, bucket, asked)
    context = _context(request, look, asked)
    version = version_of(look, context)
    return as_html(
        request,
        "jobs/drawer.html#inside",
        context,
        status=look.status,
        retry_after=look.retry_after,
        version=None if version is None else [asked.canonical, *version],
    )


def drawer_beside(
    request: HttpRequest, bucket: Bucket, asked: ListRequest, wait: Pending | None, names: Sequence[str]
) -> dict[str, Any]:
    """Return what shows the drawer in the list's own document; its `look` says whether it is there.

    Args:
        request: the reader's.
        bucket: whose job it is, which the reader may see.
        asked: the list, and which job.
        wait: set while the list is still fetched: its rows are waited for, which hold most jobs that a link names.
        names: the jobs that the list shows, in order, each as the address names it.
    """
    if wait:
        look = Look(bucket, asked.drawn[1], _part(asked), asked.view, Pending(wait.retry_after))
    else:
        look = _look(request, bucket, asked)
    at = names.index(asked.view.job) if asked.view.job in names else None
    context = _context(request, look, asked) | {"beside": True}
    if at is not None:
        context["previous_id"] = names[at - 1] if at else ""
        context["next_id"] = names[at + 1] if at + 1 < len(names) else ""
    return context


def drawer_version(context: dict[str, Any]) -> list[object] | None:
    """Return all that a document with `context`'s drawer depends on besides its list; None while something is missing."""
    return version_of(context["look"], context)


def _look(request: HttpRequest, bucket: Bucket, asked: ListRequest) -> Look:
    return Look.take(bucket, asked.drawn[1], _part(asked), asked.view, reader_of(request))


def _part(asked: ListRequest) -> str:
    return "" if asked.view.tab == TABS[0] else asked.view.tab


def _context(request: HttpRequest, look: Look, asked: ListRequest) -> dict[str, Any]:
    path = job_path(job_folder(namespace(request), look.bucket.name), look.job_id)
    twin = address(f"{path.removesuffix('/')}.json", job_query(asked.view)) if path else ""
    return {**job_context(look), "drawer": asked, "twin": twin}
