"""Whether this process lives, whether the whole can serve, and the numbers behind it. Nobody needs to sign in for these.

Each part is asked in a thread of its own and awaited together, so one that hangs can't hold the answer up.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseProblem
from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from dashboard import scrape
from jobs import claims, clock, refresh, servers, status
from jobs.insight import COUNTED
from jobs.models import Bucket
from jobs.queues import lanes_by_queue
from jobs.views.responses import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest

PATIENCE = 0.5
"""Seconds for all parts together; /readyz promises its answer within one."""

OK = "ok"


class Down(Exception):
    """A part can't do its work; the text says so in a few words and holds no address."""


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers; touches nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether everything a page needs is there, and name what is down."""
    parts = probe()
    down = [name for name, state in parts.items() if state != OK]
    return as_json({"ready": not down, "down": down, "parts": parts}, status=503 if down else 200)


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the numbers for Prometheus: what was counted, and what is read now."""
    registry = CollectorRegistry()
    registry.register(_Gauges())
    text = generate_latest(scrape.counted()) + generate_latest(registry)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


class _Gauges:
    """The gauges that are read when they are asked for. They are the same from every web process: take one, or the max."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("batchlens_up", "Whether a part that pages need is up", labels=["part"])
        parts = probe()
        for name, state in parts.items():
            up.add_metric([name], 1.0 if state == OK else 0.0)
        yield up
        if {parts["broker"], parts["database"]} == {OK}:
            yield from _limits()
        if settings.OVERVIEW_REFRESH and {parts["broker"], parts["cache"], parts["database"]} == {OK}:
            yield from _jobs()


def _limits() -> Iterator[GaugeMetricFamily]:
    """Yield what is left of upstream's limits, and what waits; nothing where a part went away just now."""
    try:
        buckets = list(Bucket.objects.filter(hidden=False).values_list("name", flat=True))
    except DatabaseProblem:
        buckets = []  # It isn't migrated yet, or locked: what needs no bucket is told all the same.
    found = status.scraped(buckets)
    if found is None:
        return
    living = GaugeMetricFamily("batchlens_workers", "Workers with a fresh heartbeat")
    living.add_metric([], found.workers)
    length = GaugeMetricFamily("batchlens_queue_length", "Tasks that no worker has taken yet", labels=["queue"])
    of_lanes = "; ".join(f"{name} holds the lanes {lanes}" for name, lanes in lanes_by_queue().items())
    age = GaugeMetricFamily("batchlens_queue_age_seconds", f"Age of the oldest of them ({of_lanes})", labels=["queue"])
    for name, queue in found.queues.items():
        length.add_metric([name], queue.length)
        age.add_metric([name], queue.age)
    lane_age = GaugeMetricFamily(
        "batchlens_lane_age_seconds", "Age of the oldest of them of each lane", labels=["lane"]
    )
    for lane, seconds in found.lanes.items():
        lane_age.add_metric([lane], seconds)
    in_flight = GaugeMetricFamily("batchlens_calls_in_flight", "Leases that are out", labels=["bucket"])
    quiet = GaugeMetricFamily("batchlens_cooling_seconds", "Seconds that a bucket still cools down", labels=["bucket"])
    for name, quota in found.quotas.items():
        in_flight.add_metric([name], quota.in_flight or 0)
        quiet.add_metric([name], quota.quiet)
    yield from (living, length, age, lane_age, in_flight, quiet)


def _jobs() -> Iterator[GaugeMetricFamily]:
    """Yield what the overview knows of each bucket; nothing where a part went away just now.

    Only where beat keeps it fresh: a gauge that nobody refreshes would tell of the last reader's day.
    """
    lines = refresh.known()
    if lines is None:
        return
    now = clock.now()
    interval = GaugeMetricFamily("batchlens_overview_refresh_seconds", "The interval that OVERVIEW_REFRESH sets")
    interval.add_metric([], settings.OVERVIEW_REFRESH)
    counts = GaugeMetricFamily(
        "batchlens_jobs",
        "Jobs created in the last 24 hours that failed or are not over, by state. One page is counted: where a bucket's"
        " states add up to 100 there may be more, and the newest 100 are told",
        labels=["bucket", "state"],
    )
    waiting = GaugeMetricFamily(
        "batchlens_oldest_waiting_seconds",
        "How long the oldest of these jobs in the state Submitted has waited, 0 where none does",
        labels=["bucket"],
    )
    access = GaugeMetricFamily(
        "batchlens_bucket_access",
        "1 under the class of the bucket's last answer: ok, or a class of problem; no other class is told",
        labels=["bucket", "class"],
    )
    age = GaugeMetricFamily(
        "batchlens_overview_age_seconds",
        "Seconds since the bucket was asked for what batchlens_jobs and batchlens_oldest_waiting_seconds tell",
        labels=["bucket"],
    )
    for line in lines:
        name, summary = line.bucket.name, line.summary
        if line.problem or summary:
            access.add_metric([name, line.problem.kind if line.problem else "ok"], 1)
        if summary is None or line.as_of is None:
            continue
        age.add_metric([name], max(0.0, now - line.as_of))
        waiting.add_metric([name], max(0.0, now - summary.waiting.at) if summary.waiting else 0)
        for state in COUNTED:
            counts.add_metric([name, state], summary.counts[state])
    yield from (interval, counts, waiting, access, age)


# The parts ------------------------------------------------------------------------------------------------------------


def probe() -> dict[str, str]:
    """Return the state of each part, "ok" or what is wrong, within `PATIENCE` seconds."""
    asked = {name: _ask(name) for name in PROBES}
    wait(asked.values(), timeout=PATIENCE)
    return {name: _state(future) for name, future in asked.items()}


def _broker() -> None:
    servers.ping(servers.broker())


def _cache() -> None:
    servers.ping(servers.cache_server())


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseProblem:
        raise Down("does not answer") from None
    finally:
        connection.close()


def _worker() -> None:
    try:
        alive = claims.heartbeats()
    except servers.ServerDown:
        raise Down("unknown while the broker is down") from None
    if not alive:
        raise Down("no heartbeat")


PROBES: dict[str, Callable[[], None]] = {"broker": _broker, "cache": _cache, "database": _database, "worker": _worker}

_running: dict[str, Future[None]] = {}


@cache
def _pool() -> ThreadPoolExecutor:
    # Made by the first request, not by the import: threads don't survive gunicorn's fork.
    return ThreadPoolExecutor(max_workers=len(PROBES), thread_name_prefix="probe")


def _ask(name: str) -> Future[None]:
    # One probe per part at a time: where a part hangs, the next request waits for the same one instead of adding to it.
    running = _running.get(name)
    if running is None or running.done():
        running = _running[name] = _pool().submit(PROBES[name])
    return running


def _state(future: Future[None]) -> str:
    if not future.done():
        return "no answer in time"
    error = future.exception()
    if error is None:
        return OK
    # Any other error is shown by its kind alone: its text may hold an address with a password.
    return (
        str(error)
        if isinstance(error, Down)
        else "down"
        if isinstance(error, servers.ServerDown)
        else type(error).__name__
    )
