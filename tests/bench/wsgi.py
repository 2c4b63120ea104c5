"""The product as it is served, with the addresses of the bench, and with requests that count nothing where they ask for it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

from django.conf import settings

settings.ROOT_URLCONF = "tests.bench.urls"

from dashboard.wsgi import application as product  # noqa: E402 - it warms the views up, so the addresses must be set
from jobs import metrics  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["application"]

UNCOUNTED = "HTTP_BENCH_UNCOUNTED"
"""The header, as WSGI names it, that says whether a request counts nothing: every request of `bench.counting` has it, so that both
kinds take the same way."""
COUNTING = ("lookup", "claim", "wait", "request")
"""What web counts, of `jobs.metrics`."""

_now = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    """Serve one request."""
    _now.uncounted = environ.get(UNCOUNTED) == "1"
    return product(environ, start_response)


def _unless_uncounted(count: Callable[..., None]) -> Callable[..., None]:
    def counted(*arguments: Any) -> None:
        if not getattr(_now, "uncounted", False):
            count(*arguments)

    return counted


for _name in COUNTING:
    setattr(metrics, _name, _unless_uncounted(getattr(metrics, _name)))
