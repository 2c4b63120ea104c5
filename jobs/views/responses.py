"""How every view answers: the headers of list data, conditional answers, fragments, JSON twins.

List data is private, is asked for anew each time, and costs nothing when it hasn't changed: `Cache-Control: private,
no-cache` with a weak ETag over everything the answer depends on.
"""

from __future__ import annotations

import hashlib
import math
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import get_language

from jobs import clock
from jobs.release import release
from jobs.servers import ServerDown
from jobs.views.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.http.response import HttpResponseBase

    Answer = TypeVar("Answer", bound=HttpResponseBase)


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx wants a part of the page. A restored history entry needs the whole."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def fragment_target(request: HttpRequest) -> str:
    """Return the id of the element a fragment is for; "" when the whole page is wanted."""
    return request.headers.get("HX-Target", "") if is_fragment(request) else ""


def namespace(request: HttpRequest) -> str:
    """Return the namespace in which links stay: `jobs`, or `embed` inside a portal's frame."""
    return request.resolver_match.namespace if request.resolver_match else "jobs"


def address(path: str, query: str) -> str:
    """Return a path with its query."""
    return f"{path}?{query}" if query else path


def reader_of(request: HttpRequest) -> str:
    """Return whose budget of new questions a request costs: the person's, else that of the address it comes from."""
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"address:{request.META.get('REMOTE_ADDR', '')}"


def ci_time() -> float:
    """Return CI's time in unix seconds, or this machine's while Redis was never reached: enough to judge a link by."""
    try:
        return clock.now()
    except ServerDown:
        return time.time()


def listed(view: Callable[..., Answer]) -> Callable[..., Answer | HttpResponse]:
    """Return the view with the headers that all list data carries, whatever it answers.

    Where a fragment's bucket can't be seen any more, the page around it reloads: it is gone as well. A whole page's 404 is
    made elsewhere, with `with_list_headers`.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Answer | HttpResponse:
        response: Answer | HttpResponse
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            if not is_fragment(request):
                raise
            response = HttpResponse(status=404, headers={"HX-Refresh": "true"})
        return with_list_headers(response)

    return answer


def with_list_headers(response: Answer) -> Answer:
    """Return the response, private to its reader, asked for anew each time, and another one for htmx."""
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def as_html(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    retry_after: float | None = None,
    version: Sequence[object] | None = None,
) -> HttpResponse:
    """Return a rendered page or fragment.

    Args:
        request: what is answered.
        template: a template, or `template#partial` for a fragment.
        context: for the template; callables in it are only called when the body is needed.
        status: the true one.
        retry_after: seconds after which asking again makes sense; a whole page then reloads itself without JavaScript.
        version: what the content depends on, besides template, reader, language and release. None: never "not modified".
    """
    return as_html_of(
        Shell(request, template, "", context), {}, status=status, retry_after=retry_after, version=version
    )


def as_html_of(
    shell: Shell,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    retry_after: float | None = None,
    version: Sequence[object] | None = None,
) -> HttpResponse:
    """Return what `shell` makes of `context`; the other arguments are those of `as_html`."""
    request = shell.request
    headers = _later(retry_after)
    # A page that waits for more loads itself anew; after an upstream's "no" the reader decides.
    if retry_after is not None and status in {200, 202, 503} and not is_fragment(request):
        headers["Refresh"] = headers["Retry-After"]
    return _conditional(
        request,
        (shell.template, *version) if version is not None else None,
        headers,
        lambda: shell.render(context, status),
    )


def as_twin(
    request: HttpRequest,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    retry_after: float | None = None,
    version: Sequence[object] | None = None,
) -> HttpResponse:
    """Return a JSON twin; the arguments are those of `as_html`."""
    return _conditional(
        request,
        ("json", *version) if version is not None else None,
        _later(retry_after),
        lambda: as_json(data, status=status),
    )


def as_json(data: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """Return data for programs. Demo data says that it is."""
    return JsonResponse(
        {"demo": True, **data} if settings.DEMO else dict(data),
        status=status,
        headers=headers,
        json_dumps_params={"ensure_ascii": False},
    )


def _later(seconds: float | None) -> dict[str, str]:
    """Return the header that says when to ask again; HTTP knows whole seconds only."""
    return {} if seconds is None else {"Retry-After": str(max(1, math.ceil(seconds)))}


def _conditional(
    request: HttpRequest,
    version: Sequence[object] | None,
    headers: Mapping[str, str],
    build: Callable[[], HttpResponse],
) -> HttpResponse:
    """Return what `build` makes, or 304 without building it when the reader has this very version."""
    if version is None:
        response = build()
    else:
        bare = HttpResponse(headers={"ETag": _etag(request, version), "Cache-Control": "private, no-cache"})
        unchanged = get_conditional_response(request, etag=bare.headers["ETag"], response=bare)
        response = build() if unchanged is bare or unchanged is None else unchanged
        response.headers["ETag"] = bare.headers["ETag"]
    for name, value in headers.items():
        response.headers[name] = value
    # Upstream's trouble is told where it was met; Django would write a line of its own for each reader who is told of it.
    response._has_been_logged = True  # type: ignore[attr-defined] # Django's own mark
    return response


def _etag(request: HttpRequest, version: Sequence[object]) -> str:
    """Return a weak ETag over the version, the reader, the language and the release.

    The CSRF cookie counts, because forms on the page work only with the cookie they were rendered for.
    """
    parts = (
        *version,
        getattr(request.user, "pk", None),
        get_language(),
        request.COOKIES.get(settings.CSRF_COOKIE_NAME, ""),
        release(),
    )
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'
