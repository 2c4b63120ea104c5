"""The overview kept fresh by beat where OVERVIEW_REFRESH says so: what it asks, what that costs, what it knows.

Beat sends a tick every two seconds. Each looks at every bucket and has some of what is missing or older than the interval
fetched, as a reader's look does; the next tick goes on. So calls are spread, and what was held back is asked for again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import Task, shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.db import DatabaseError, connection
from kombu.exceptions import OperationalError

from jobs import clock, overview, servers
from jobs.claims import TASK_LIFE
from jobs.costs import costs, stated
from jobs.models import Bucket
from jobs.servers import ServerDown
from jobs.tasks import AT_ONCE

if TYPE_CHECKING:
    from jobs.overview import Line

logger = logging.getLogger(__name__)

RANGE = "24h"
"""The stretch of time that is told of: the overview's own, so that both share their calls."""
WAITING = f"tick:{settings.CACHE_VERSION}:overview"
"""Stands on the broker while a tick waits or runs."""


def known() -> list[Line] | None:
    """Return what is known of every bucket that isn't hidden, in one round trip; None where it can't be known now."""
    try:
        return overview.tell(_buckets(), overview.question(RANGE), now=clock.now())
    except (ServerDown, DatabaseError):
        return None


class Tick(Task[Any, Any]):
    """A task of which one waits at a time: while no worker takes them, ticks must not fill the broker."""

    def apply_async(self, *arguments: Any, **options: Any) -> Any:
        """Enqueue a tick, unless one waits already or the broker can't take it; the next will do."""
        try:
            with servers.broker().connection() as client:
                if client.set(WAITING, 1, nx=True, px=TASK_LIFE):
                    return super().apply_async(*arguments, **{**options, **AT_ONCE})
        except Exception as error:
            if not isinstance(error, (OperationalError, ServerDown)) and not servers.is_trouble(error):
                raise
            logger.warning("the overview is not refreshed: the broker can't be reached")
        return None


@shared_task(name="jobs.refresh_overview", base=Tick, bind=True)
def refresh_overview(_: Tick) -> None:
    """Have some of what is missing or out of date fetched, of each credential's buckets no more than it may cost."""
    if not settings.OVERVIEW_REFRESH:
        return  # One that was enqueued before it was switched off.
    try:
        buckets = _buckets()
        for cost in costs(buckets):
            ours = [bucket for bucket in buckets if bucket.credential == cost.credential]
            # Buckets may have been added since the check at the start.
            every = max(settings.OVERVIEW_REFRESH, cost.shortest)
            overview.renew(ours, overview.question(RANGE), every=every, now=clock.now())
        with servers.broker().connection() as client:
            client.delete(WAITING)
    except (ServerDown, DatabaseError) as error:
        logger.warning("the overview is not refreshed: %s", error)


@worker_ready.connect
def tell_cost(**_: object) -> None:
    """Say in the log, as a worker starts, what refreshing costs."""
    if not settings.OVERVIEW_REFRESH:
        return
    try:
        logger.info(stated(costs(_buckets())))
    except DatabaseError as error:
        logger.warning("what OVERVIEW_REFRESH costs can't be told: %s", error)
    finally:
        connection.close()


def _buckets() -> list[Bucket]:
    return list(Bucket.objects.filter(hidden=False))
