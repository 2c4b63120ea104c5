"""The overview kept fresh by beat where OVERVIEW_REFRESH says so: what it asks, what that costs, what it knows.

Beat sends a tick every two seconds. Each looks at every bucket and has some of what is missing or older than the interval
fetched, as a reader's look does; the next tick goes on. So calls are spread, and what was held back is asked for again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.db import DatabaseError, connection

from jobs import clock, overview
from jobs.beats import Tick
from jobs.costs import costs, stated
from jobs.models import Bucket
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from jobs.overview import Line

logger = logging.getLogger(__name__)

RANGE = "24h"
"""The stretch of time that is told of: the overview's own, so that both share their calls."""


def known() -> list[Line] | None:
    """Return what is known of every bucket that isn't hidden, in one round trip; None where it can't be known now."""
    try:
        return overview.tell(_buckets(), overview.question(RANGE), now=clock.now())
    except (ServerDown, DatabaseError):
        return None


@shared_task(name="jobs.refresh_overview", base=Tick, bind=True)
def refresh_overview(tick: Tick) -> None:
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
        tick.done()
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
