"""Makes what is cached old, or gone, so that no test waits a minute for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis

from jobs.servers import cache_key

if TYPE_CHECKING:
    from jobs.models import Bucket
    from tests.e2e.fleets import Fleet
    from tests.e2e.sites import Site

AGE = 61_000
"""Milliseconds: more than any first page counts as fresh."""


def make_stale(site: Site | Fleet, bucket: Bucket | str) -> None:
    """Let every page of `bucket` be a minute older."""
    name = bucket if isinstance(bucket, str) else bucket.name
    with redis.Redis.from_url(site.cache_url) as client:
        pages = list(client.scan_iter(cache_key(f"page:{name}:*")))
        assert pages
        for page in pages:
            client.hincrby(page, "began", -AGE)


def forget_pages(site: Site, bucket: Bucket, but: int) -> None:
    """Let the cache have lost every page of `bucket`'s lists behind the first `but` ones."""
    with redis.Redis.from_url(site.cache_url) as client:
        pages = list(client.scan_iter(cache_key(f"page:{bucket.name}:*")))
        lost = [page for page in pages if int(client.hget(page, "n") or 0) > but]
        assert lost
        client.delete(*lost)


def forget_trouble(site: Site, bucket: Bucket) -> None:
    """Let the time be over for which `bucket`'s problems are kept."""
    with redis.Redis.from_url(site.cache_url) as client:
        assert client.delete(cache_key(f"problem:bucket:{bucket.name}"))
