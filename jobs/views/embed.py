"""Who may show a page in a frame: the portals of `EMBED_ORIGINS`, under `/embed/` only."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from csp.decorators import csp_replace
from django.conf import settings
from django.views.decorators.clickjacking import xframe_options_exempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    Answer = TypeVar("Answer", bound=HttpResponseBase)


def framed(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """Return the view, allowed in the frames of `EMBED_ORIGINS`.

    Without such origins the answer keeps the headers that deny all framing. `X-Frame-Options` can't name an origin, so
    it goes where `frame-ancestors` names them.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Answer:
        if not settings.EMBED_ORIGINS:
            return view(request, *args, **kwargs)
        allowed = csp_replace({"frame-ancestors": settings.EMBED_ORIGINS})(xframe_options_exempt(view))
        return cast("Answer", allowed(request, *args, **kwargs))

    return answer
