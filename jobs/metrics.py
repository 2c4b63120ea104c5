"""The numbers that Prometheus reads. Every label's values are bounded: buckets that exist, and words listed here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from django.conf import settings
from prometheus_client import Counter, Histogram, disable_created_metrics

if TYPE_CHECKING:
    from jobs.claims import Lane, Reason

if settings.PROMETHEUS_MULTIPROC_DIR:
    # Each number's file is opened when it is first counted: without the folder that would fail a fetch.
    Path(settings.PROMETHEUS_MULTIPROC_DIR).mkdir(parents=True, exist_ok=True)

# One process alone would tell when each number began, several together can't: the same series either way.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it unannotated

UPSTREAM_SECONDS = Histogram(
    "batchlens_upstream_seconds",
    "Seconds that Cloud Infinite took for one call, by the class of its answer (ok, or a class of problem)",
    ["bucket", "class"],
    buckets=(0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 5, 8),
)
LOOKUPS = Counter("batchlens_lookups", "Look-ups in the cache", ["what", "outcome"])
CLAIMS = Counter("batchlens_claims", "Misses, by whether they started a fetch or joined one", ["outcome"])
WAIT_SECONDS = Histogram(
    "batchlens_wait_seconds",
    "Seconds that a request waited for a fetch, by what it got",
    ["outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2),
)

# Every metric has a label: one without opens its file at import, where the folder may not be there yet.
ADMISSION_SECONDS = Histogram(
    "batchlens_admission_seconds",
    "Seconds that a call waited until it was let through (go), or until it was known that it would not be, and why",
    ["outcome"],
    buckets=(0.001, 0.005, 0.01, 0.02, 0.05, 0.1),
)
HELD_SECONDS = Histogram(
    "batchlens_held_seconds",
    "Seconds from when upstream's limits first held a call back until it was let through, by lane and by what held it back"
    " first (none: it was let through at once). Who gave up meanwhile is not among them",
    ["lane", "reason"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
COOL_DOWNS = Counter("batchlens_cool_downs", "Answers that asked to slow down", ["bucket"])
COOL_DOWN_SECONDS = Counter("batchlens_cool_down_seconds", "Seconds that a bucket was told to keep still", ["bucket"])
QUEUE_SECONDS = Histogram(
    "batchlens_queue_seconds",
    "Seconds between the claim of a fetch and its start in a worker, by lane",
    ["lane"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
WALKS = Counter("batchlens_walks", "Walks through whole lists that came to an end, by which", ["outcome"])
REQUEST_SECONDS = Histogram(
    "batchlens_request_seconds",
    "Seconds that web took for an answer, by the name of the view and the status",
    ["view", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)


def upstream_call(bucket: str, kind: str, seconds: float) -> None:
    """Count one call to Cloud Infinite.

    Args:
        bucket: the bucket's name; it must be one that exists.
        kind: "ok" or the class of the problem.
        seconds: how long it took.
    """
    UPSTREAM_SECONDS.labels(bucket, kind).observe(seconds)


def throttled(outcome: Literal["go", "cool", "lease", "token"], seconds: float) -> None:
    """Count one call that wanted to go out: whether it was let through or what held it back, and how long that took."""
    ADMISSION_SECONDS.labels(outcome).observe(seconds)


def let_through(lane: Lane, reason: Reason | None, seconds: float) -> None:
    """Count one question whose call may go out.

    Args:
        lane: who waits for it.
        reason: what held it back when it was first tried, None where nothing did.
        seconds: since then.
    """
    HELD_SECONDS.labels(lane, reason or "none").observe(seconds)


def cool_down(bucket: str, seconds: float) -> None:
    """Count one answer that asked to slow down, and how long the bucket keeps still for it."""
    COOL_DOWNS.labels(bucket).inc()
    COOL_DOWN_SECONDS.labels(bucket).inc(seconds)


def lookup(what: Literal["page", "job"], outcome: Literal["fresh", "stale", "miss", "problem"]) -> None:
    """Count one look into the cache."""
    LOOKUPS.labels(what, outcome).inc()


def claim(outcome: Literal["claimed", "joined", "later", "ended", "refused"]) -> None:
    """Count one asking after a miss."""
    CLAIMS.labels(outcome).inc()


def wait(outcome: Literal["ready", "pending", "failed"], seconds: float) -> None:
    """Count one request that waited for a fetch."""
    WAIT_SECONDS.labels(outcome).observe(seconds)


def queued(lane: Lane, seconds: float) -> None:
    """Count one fetch that a worker began, and how long it had been in its queue."""
    QUEUE_SECONDS.labels(lane).observe(seconds)


def walk(outcome: Literal["done", "failed"]) -> None:
    """Count one walk that came to an end in the worker."""
    WALKS.labels(outcome).inc()


def request(view: str, status: int, seconds: float) -> None:
    """Count one answer of web.

    Args:
        view: the view's name in the address table; "" where no view was found.
        status: the HTTP status.
        seconds: how long it took.
    """
    REQUEST_SECONDS.labels(view or "none", status).observe(seconds)
