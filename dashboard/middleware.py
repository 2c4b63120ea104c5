"""How a request is followed, and what happens to somebody who has not signed in."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.encoding import escape_uri_path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from dashboard.languages import link_language
from jobs import access, metrics, trails
from jobs.views.embed import framed
from jobs.views.responses import as_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

LONGEST_NEXT = 4000
"""Characters of the address to come back to; a longer one would make the sign-in page's own address too long."""

LONGEST_PATH = 300
"""Characters of a path that a log line shows."""
TOKEN_PATH = re.compile(r"^/welcome/.+")
"""A path that is itself a secret: with it, whoever comes first becomes the admin."""
PROBES = ("/healthz", "/readyz", "/metrics")

log = logging.getLogger("dashboard.access")


def told_path(request: HttpRequest) -> str:
    """Return a request's path as a log line may show it.

    Without the query, which holds what people search for, and without a secret; escaped, so that it can't begin a line of its own.
    """
    return escape_uri_path(TOKEN_PATH.sub("/welcome/...", request.path))[:LONGEST_PATH]


class TrailMiddleware:
    """Gives each request an id, which its log lines, its tasks and its answer carry, and writes one line about it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        # Probes ask every few seconds and static files come by the dozen: neither tells anything.
        self._quiet = (*PROBES, f"/{settings.STATIC_URL.strip('/')}/")

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and tell under which id."""
        trail = trails.new(request.headers.get("X-Request-ID", "") if settings.TRUST_REQUEST_ID else "")
        with trails.following(trail):
            began = time.perf_counter()
            response = self._get_response(request)
            response.headers["X-Request-ID"] = trail
            if not request.path.startswith(self._quiet):
                self._tell(request, response.status_code, time.perf_counter() - began)
        return response

    def _tell(self, request: HttpRequest, status: int, seconds: float) -> None:
        match = request.resolver_match
        metrics.request(match.view_name if match else "", status, seconds)
        path = told_path(request)
        facts = {"method": request.method, "path": path, "status": status, "seconds": round(seconds, 4)}
        log.info("%s %s %d in %.3f s", request.method, path, status, seconds, extra=facts)


class SignInMiddleware(LoginRequiredMiddleware):
    """Sends strangers to sign in, in the form that who asks can use: page, fragment, JSON, or a portal's frame."""

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """Return None where the request may go on, else what answers it."""
        # First what needs no session: a probe must not wait for the database. Django's admin would show strangers a
        # sign-in page of its own.
        if not getattr(view_func, "login_required", True) and not _is_admin(request):
            return None
        if settings.ANONYMOUS_ACCESS and not _is_admin(request) and not getattr(view_func, access.PEOPLE_ONLY, False):
            return None
        if request.user.is_authenticated:
            return None
        return self.answer_stranger(request)

    def answer_stranger(self, request: HttpRequest) -> HttpResponse:
        """Return what a stranger gets instead of the page."""
        sign_in = sign_in_link(request, resolve_url(settings.LOGIN_URL))
        embedded = _is_embedded(request)
        response: HttpResponse
        if request.path.endswith(".json"):
            response = framed(sign_in_problem)(request) if embedded else sign_in_problem(request)
        elif request.headers.get("HX-Request") == "true":
            # htmx would follow a redirect and paste the sign-in form into the table. Inside a frame the page is only
            # asked again: it then shows the card.
            response = HttpResponseClientRedirect(page_of(request) if embedded else sign_in)
        elif embedded:
            response = framed(sign_in_card)(request, sign_in)
        else:
            response = HttpResponseRedirect(sign_in)
        add_never_cache_headers(response)
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        return response


def sign_in_problem(request: HttpRequest) -> JsonResponse:
    """Return what a program gets instead of a form."""
    problem = {
        "class": "ours",
        "code": "sign_in",
        "message": _("You are not signed in."),
        "advice": _("Sign in, then ask again."),
        "retryable": False,
        "request_id": "",
    }
    return as_json({"problem": problem}, status=401, headers={"WWW-Authenticate": 'Session realm="Batchlens"'})


def sign_in_card(request: HttpRequest, sign_in: str) -> HttpResponse:
    """Return the small page that a portal's frame shows: framing a form for passwords is denied everywhere."""
    return render(request, "registration/sign_in_card.html", {"sign_in": sign_in}, status=401)


def sign_in_link(request: HttpRequest, address: str) -> str:
    """Return the sign-in page's address, with the way back and the link's language."""
    query = {"next": page_of(request)}
    if language := link_language(request):
        query["lang"] = language
    return f"{address}?{urlencode(query, safe='/')}"


def page_of(request: HttpRequest) -> str:
    """Return the path of the page the request belongs to: a fragment's page, a form's page, or itself.

    It is never another host's, whatever a header says.
    """
    if request.headers.get("HX-Request") == "true":
        page = _path_here(request, request.headers.get("HX-Current-URL", ""))
    elif request.method in {"GET", "HEAD"}:
        page = request.get_full_path()
    else:
        page = _path_here(request, request.headers.get("Referer", ""))
    if not page and request.method in {"GET", "HEAD"}:
        page = request.get_full_path()
    safe = len(page) <= LONGEST_NEXT and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return page if page and safe else resolve_url(settings.LOGIN_REDIRECT_URL)


def _path_here(request: HttpRequest, url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    # The scheme isn't compared: behind a proxy that ends TLS, ours and the browser's differ.
    if parts.scheme not in {"http", "https"} or parts.netloc != request.get_host():
        return ""
    return urlunsplit(("", "", parts.path or "/", parts.query, ""))


def _is_admin(request: HttpRequest) -> bool:
    return request.resolver_match is not None and "admin" in request.resolver_match.namespaces


def _is_embedded(request: HttpRequest) -> bool:
    return request.resolver_match is not None and "embed" in request.resolver_match.namespaces
