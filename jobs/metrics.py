"""The numbers that Prometheus reads. Every label's values are bounded: buckets that exist, and words listed here."""

from __future__ import annotations

from typing import Literal

from prometheus_client import Counter, Histogram

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


def upstream_call(bucket: str, kind: str, seconds: float) -> None:
    """Count one call to Cloud Infinite.

    Args:
        bucket: the bucket's name; it must be one that exists.
        kind: "ok" or the class of the problem.
        seconds: how long it took.
    """
    UPSTREAM_SECONDS.labels(bucket, kind).observe(seconds)


def lookup(what: Literal["page", "job"], outcome: Literal["fresh", "stale", "miss", "problem"]) -> None:
    """Count one look into the cache."""
    LOOKUPS.labels(what, outcome).inc()


def claim(outcome: Literal["claimed", "joined", "later", "ended"]) -> None:
    """Count one asking after a miss."""
    CLAIMS.labels(outcome).inc()


def wait(outcome: Literal["ready", "pending", "failed"], seconds: float) -> None:
    """Count one request that waited for a fetch."""
    WAIT_SECONDS.labels(outcome).observe(seconds)
