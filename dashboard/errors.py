"""The pages for what no view answers: a page, JSON where a twin was asked for, and framed where a frame asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseServerError, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.urls import Resolver404
from django.utils.translation import gettext as _

from jobs.views.embed import framed
from jobs.views.responses import with_list_headers

if TYPE_CHECKING:
    from django.http import HttpRequest


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    return _answer(request, 403, "forbidden", _("You may not do this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404; a hidden bucket, an unknown one and an unknown address look alike."""
    # A view's own words say more. Those of an address that no view answers list the address table.
    said = str(exception) if isinstance(exception, Http404) and not isinstance(exception, Resolver404) else ""
    message = said or _("The address may be mistyped, or what it named is gone.")
    # At a list's address htmx gets another answer, and the bucket may be shown again: no cache may mix them up.
    return with_list_headers(_answer(request, 404, "not_found", message))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 with a page that needs nothing: whatever broke must not break it too."""
    if request.path.endswith(".json"):
        return JsonResponse({"problem": _problem("server_error", "Batchlens failed.")}, status=500)
    return HttpResponseServerError(loader.get_template("500.html").render())


def _answer(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    def page(request: HttpRequest) -> HttpResponse:
        if request.path.endswith(".json"):
            return JsonResponse({"problem": _problem(code, message)}, status=status)
        return render(request, f"{status}.html", {"message": message}, status=status)

    match = request.resolver_match
    return framed(page)(request) if match is not None and "embed" in match.namespaces else page(request)


def _problem(code: str, message: str) -> dict[str, Any]:
    return {"class": "ours", "code": code, "message": message, "advice": "", "retryable": False, "request_id": ""}
