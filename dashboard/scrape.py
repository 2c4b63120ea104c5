"""What Prometheus gets: the numbers of all processes that share a folder, and the gauges read when they are asked for.

Web tells its numbers at /metrics. A worker that shares web's folder is in there too; one on another machine, or in
another container, tells its own on METRICS_PORT.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)


class WholeFiles(MultiProcessCollector):
    """Reads the numbers of all processes, but for a file that one of them is about to make: it has no length for a moment.

    A process that is stopped or killed in that moment would else take everybody's numbers away.
    """

    def collect(self) -> Iterable[Any]:
        """Return the metrics."""
        files = [str(path) for path in Path(self._path).glob("*.db") if path.stat().st_size]
        return self.merge(files, accumulate=True)  # type: ignore[no-any-return,no-untyped-call] # the library left it unannotated


def counted() -> CollectorRegistry:
    """Return what was counted: by all processes where they share a folder, else by this one."""
    if not settings.PROMETHEUS_MULTIPROC_DIR:
        return REGISTRY
    registry = CollectorRegistry()
    WholeFiles(registry)  # type: ignore[no-untyped-call] # the library left it unannotated
    return registry


def serve() -> None:
    """Serve the numbers of this process on METRICS_PORT, if that is set, in a thread of its own."""
    if not settings.METRICS_PORT:
        return
    try:
        start_http_server(settings.METRICS_PORT, settings.METRICS_BIND, registry=counted())
    except OSError as error:
        # A worker without numbers is better than none.
        logger.error("METRICS_PORT %d can't be served: %s", settings.METRICS_PORT, error.strerror)
