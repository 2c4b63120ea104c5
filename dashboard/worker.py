"""The worker of a site that fits on one machine: `celery -A dashboard.worker worker`. Beat runs in it as a thread.

Celery's own `--beat` is a process of its own, which costs 70 MB to look at a clock. Where several workers share a
broker, exactly one beat may run: there, `celery -A dashboard worker` and `celery -A dashboard beat` go apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import bootsteps
from celery.beat import EmbeddedService, Scheduler

from dashboard.celery import app

if TYPE_CHECKING:
    from celery.worker import WorkController

__all__ = ["app"]


class Beat(bootsteps.StartStopStep):
    """Starts and stops beat with the worker; what it knows is forgotten with it, for nothing is due rarely."""

    requires = ("celery.worker.components:Pool",)

    def create(self, worker: WorkController) -> Any:
        """Return the thread; the worker starts and stops it."""
        return EmbeddedService(worker.app, thread=True, scheduler_cls=Scheduler)


app.steps["worker"].add(Beat)
