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
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from jobs import claims, servers

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
    return JsonResponse({"ready": not down, "down": down, "parts": parts}, status=503 if down else 200)


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the numbers for Prometheus: of all processes where they share a folder, else of this one."""
    registry = CollectorRegistry()
    registry.register(_Parts())
    if settings.PROMETHEUS_MULTIPROC_DIR:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library left it unannotated
        text = generate_latest(registry)
    else:
        text = generate_latest(REGISTRY) + generate_latest(registry)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


class _Parts:
    """The gauges that are read when they are asked for."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("batchlens_up", "Whether a part that pages need is up", labels=["part"])
        for name, state in probe().items():
            up.add_metric([name], 1.0 if state == OK else 0.0)
        yield up


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
