"""Lists of several buckets: their addresses, and what they say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reading import one

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

    from jobs.models import Bucket


def path(*buckets: Bucket, query: str = "", twin: bool = False) -> str:
    """Return the path of the list of these buckets, or of its twin."""
    names = ",".join(sorted(bucket.name for bucket in buckets))
    return f"/jobs{'.json' if twin else '/'}?bucket={names}{'&' * bool(query)}{query}"


def loaded(page: BeautifulSoup) -> str:
    """Return what stands first above the rows: how many are loaded, of how many buckets, and what is missing."""
    return " ".join(one(page, ".meta > :first-child").get_text().split()).removesuffix(" ·")
