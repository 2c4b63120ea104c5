"""What every template may know about the site."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """Return whether this is demo data, whether strangers may look, and whether the page is in a portal's frame."""
    match = request.resolver_match
    return {
        "demo": settings.DEMO,
        "open_to_all": settings.ANONYMOUS_ACCESS,
        "embedded": match is not None and "embed" in match.namespaces,
    }
