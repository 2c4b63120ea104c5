"""Addresses of lists of several buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.models import Bucket


def path(*buckets: Bucket, query: str = "", twin: bool = False) -> str:
    """Return the path of the list of these buckets, or of its twin."""
    names = ",".join(sorted(bucket.name for bucket in buckets))
    return f"/jobs{'.json' if twin else '/'}?bucket={names}{'&' * bool(query)}{query}"
