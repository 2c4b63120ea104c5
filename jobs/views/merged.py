"""The list of several buckets' jobs in one: page, fragments, drawer, JSON twin."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from django_htmx.http import push_url, retarget

from jobs import access, filters, twins
from jobs.filters import MergedRequest, ParameterError
from jobs.filters.reading import MOST_MERGED
from jobs.filters.values import listed as joined
from jobs.filters.values import shortened
from jobs.views.document import ADDRESS, PAGES, SHOWN_BY
from jobs.views.drawer import drawer_alone, drawer_beside, is_drawer_alone
from jobs.views.form import form_html
from jobs.views.lists import FRAGMENTS
from jobs.views.merging import Merging
from jobs.views.responses import address, as_html, as_twin, ci_time, fragment_target, listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import AnonymousUser, User
    from django.http import HttpRequest

    from jobs.models import Bucket


Asked = TypeVar("Asked", bound=MergedRequest)


@require_safe
@listed
def merged_list(request: HttpRequest, *, as_json: bool = False) -> HttpResponse:
    """Show one page, or `depth` pages together, of the jobs of several buckets, newest or oldest first."""
    asked = filters.parse_merged(request.GET, now=ci_time())
    buckets: list[Bucket] = []
    if not asked.errors:
        if not asked.is_canonical:
            return HttpResponseRedirect(address(request.path, asked.canonical))
        buckets, asked = chosen_buckets(request.user, asked)
    if asked.errors:
        return _wrong_list(request, asked, as_json=as_json)
    drawn = next((bucket for bucket in buckets if bucket.name == asked.drawn[0]), None)
    if drawn and not as_json and is_drawer_alone(request, asked):
        return drawer_alone(request, drawn, asked)
    scrolls = not as_json and fragment_target(request) == "more"
    listing = Merging.look(request, buckets, asked, now=ci_time(), scrolls=scrolls)
    if as_json:
        return _twin(request, listing)
    context = {**_frame(request, asked), "listing": listing}
    if drawn and not fragment_target(request):
        context |= drawer_beside(request, drawn, asked, listing.pending, listing.names) | {"bucket": ""}
    response = as_html(request, _template(request), context, status=listing.status, retry_after=_again(context))
    if listing.scrolls:
        patch_vary_headers(response, [ADDRESS, PAGES])
        if listing.document_query and not listing.pending and not listing.problem:
            response[SHOWN_BY] = address(request.path, listing.document_query)
    return response


def _twin(request: HttpRequest, listing: Merging) -> HttpResponse:
    if listing.pending:
        return as_twin(request, twins.PENDING, status=listing.status, retry_after=listing.retry_after)
    if listing.problem:
        return as_twin(request, twins.problem(listing.problem), status=listing.status, retry_after=listing.retry_after)
    following = address(request.path, listing.next_query) if listing.next_query else None
    body = twins.merged(listing.asked, listing.buckets, listing.found, following)
    return as_twin(request, body, status=listing.status)


def _wrong_list(request: HttpRequest, asked: MergedRequest, *, as_json: bool) -> HttpResponse:
    """Say which parameters are wrong, and why; nothing was asked for."""
    if as_json:
        return as_twin(request, twins.wrong(asked.errors), status=400)
    response = as_html(request, _template(request, wrong=True), _frame(request, asked), status=400)
    if fragment_target(request) == "results":
        # The form says what is wrong, so it is replaced together with the results.
        push_url(response, address(request.path, urlencode(asked.given)))
        retarget(response, "#list")
    return response


def _template(request: HttpRequest, *, wrong: bool = False) -> str:
    target = fragment_target(request)
    return f"jobs/merged.html{FRAGMENTS.get('list' if wrong and target == 'results' else target, '')}"


def _frame(request: HttpRequest, asked: MergedRequest) -> dict[str, Any]:
    """Return what the page shows whatever was found. It is of no one bucket."""
    return {
        "asked": asked,
        "bucket": "",
        "form": partial(form_html, asked, "", embedded=False),
        "text_box": partial(form_html, asked, "", embedded=False, part="text_box"),
        "fragment": fragment_target(request),
        "here": request.get_full_path(),
        "view": asked.view,
        "zone": asked.view.zone,
    }


def _again(context: dict[str, Any]) -> float | None:
    """Return seconds after which the list or the drawer beside it makes sense to be asked for again."""
    listing, look = context["listing"], context.get("look")
    return listing.retry_after or (look.retry_after if look and look.pending else None)


def chosen_buckets(user: User | AnonymousUser, asked: Asked) -> tuple[list[Bucket], Asked]:
    """Return the buckets that are asked for, in order, and the request with what is wrong about them."""
    visible = access.visible_buckets(user)
    if asked.buckets:
        by_name = {bucket.name: bucket for bucket in visible.filter(name__in=asked.buckets)}
        if unknown := [name for name in asked.buckets if name not in by_name]:
            text = ngettext(
                "There is no such bucket, or you may not see it: %(names)s.",
                "There are no such buckets, or you may not see them: %(names)s.",
                len(unknown),
            )
            known = [name for name in asked.buckets if name in by_name]
            return [], _wrong(asked, "bucket", text % {"names": joined(map(shortened, unknown))}, known)
        return _with_drawn([by_name[name] for name in asked.buckets], asked)
    chosen = [bucket for bucket in visible if asked.group in {"", bucket.label}]
    name = "group" if asked.group else "bucket"
    if not chosen:
        return [], _wrong(asked, name, _("No bucket that you may see has this label."), ())
    if len(chosen) > MOST_MERGED:
        text = _("At most %(most)s buckets can stand in one list; these are %(count)s.")
        return [], _wrong(asked, name, text % {"most": MOST_MERGED, "count": len(chosen)}, ())
    return _with_drawn(chosen, asked)


def _with_drawn(buckets: list[Bucket], asked: Asked) -> tuple[list[Bucket], Asked]:
    """Return the same, but for a job in the drawer that is of none of the buckets."""
    name = asked.drawn[0]
    if not name or any(bucket.name == name for bucket in buckets):
        return buckets, asked
    text = _("This list is not of the bucket %(name)s.") % {"name": shortened(name)}
    error = ParameterError(text, "", "", asked.drawer_query(""))
    return [], replace(asked, errors={"job": (error,)})


def _wrong(asked: Asked, name: str, text: str, known: Iterable[str]) -> Asked:
    names = tuple(known)
    without = asked.named(names).first_query if names else ""
    return replace(asked, errors={name: (ParameterError(text, "", "", without),)})
