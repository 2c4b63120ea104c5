"""The pages for what no view answers: a page, JSON where a twin was asked for, and framed where a frame asked."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, HttpResponseServerError
from django.shortcuts import render
from django.template import loader
from django.templatetags.static import static
from django.urls import Resolver404
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dashboard.languages import tag_of
from dashboard.middleware import told_path
from jobs import twins
from jobs.problems import ours
from jobs.views.embed import framed
from jobs.views.responses import as_json, with_list_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

logger = logging.getLogger(__name__)

DATABASE_TROUBLE = (OperationalError, InterfaceError)
"""What means that the database can't do its work now: it is away, or locked for too long."""
LOOKS = {"tokens": "css", "base": "css", "components": "css", "theme": "js"}
"""What all pages of the site have their look from: three style sheets, and the reader's choice of theme."""


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
    trouble = sys.exception()
    if isinstance(trouble, DATABASE_TROUBLE):
        return _database_down(request, trouble)
    if request.path.endswith(".json"):
        return as_json({"problem": _problem("server_error", _("Batchlens failed"))}, status=500)
    return HttpResponseServerError(_bare("500.html", request))


def _database_down(request: HttpRequest, trouble: BaseException) -> HttpResponse:
    """Answer 503, and log one line in place of a traceback for each reader."""
    problem = ours("database_down")

    def page(request: HttpRequest) -> HttpResponse:
        headers = {"Retry-After": str(problem.retry_after)}
        if request.path.endswith(".json"):
            return as_json(twins.problem(problem), status=problem.status, headers=headers)
        return HttpResponse(_bare("503.html", request, problem=problem), status=problem.status, headers=headers)

    response = _framed_if_embedded(page)(request)
    logger.error("%s: the database is down: %s", told_path(request), trouble)
    response._has_been_logged = True  # type: ignore[attr-defined] # Django's own mark; it would log the traceback
    return response


def _answer(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    def page(request: HttpRequest) -> HttpResponse:
        if request.path.endswith(".json"):
            return as_json({"problem": _problem(code, message)}, status=status)
        return render(request, f"{status}.html", {"message": message}, status=status)

    return _framed_if_embedded(page)(request)


def _framed_if_embedded(page: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        match = request.resolver_match
        return framed(page)(request) if match is not None and "embed" in match.namespaces else page(request)

    return answer


def _bare(template: str, request: HttpRequest, **context: object) -> str:
    """Render a page that is told nothing but what stands in the settings: no reader, no address, no database."""
    whole = {
        "demo": settings.DEMO,
        "language": tag_of(get_language()),
        "looks": _looks(),
        "can_reload": request.method in {"GET", "HEAD"},
        **context,
    }
    return loader.get_template(template).render(whole)


def _looks() -> dict[str, str]:
    """Return where the files are that make a page look like the site, none where even that can't be told: it reads well without."""
    with suppress(OSError, ValueError):  # files that can't be read, or were not collected
        return {name: static(f"{kind}/{name}.{kind}") for name, kind in LOOKS.items()}
    return {}


def _problem(code: str, message: str) -> dict[str, Any]:
    return {"class": "ours", "code": code, "message": message, "advice": "", "retryable": False, "request_id": ""}
