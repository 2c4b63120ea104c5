"""What every template may know about the site and its reader."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from dashboard import languages


def site(request: HttpRequest) -> dict[str, object]:
    """Return what kind of site it is, whether the page is in a portal's frame, and what concerns its language."""
    match = request.resolver_match
    return {
        "demo": settings.DEMO,
        "embedded": match is not None and "embed" in match.namespaces,
        "language": languages.tag_of(get_language()),
        "kept_language": languages.kept(request),
        # Called by the one template that has them; fragments don't.
        "languages": partial(languages.switches, request),
    }
