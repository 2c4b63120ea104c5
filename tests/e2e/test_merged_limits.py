"""A merged list under the limits that the product has by itself: none of its buckets is left out by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.models import Bucket
from tests.e2e.sites import Reader, Site, own_database, start_site
from tests.emulators import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators import Emulator

BUCKETS = 20


@pytest.fixture
def limited(pristine_emulator: Emulator, static_files: None, transactional_db: None) -> Iterator[Site]:
    """A site with the default limits of quota and budget."""
    limits = {"CI_RATE_BUCKET": "5", "CI_RATE_CREDENTIAL": "10", "MISS_BUDGET": "30"}
    site = start_site(pristine_emulator, ANONYMOUS_ACCESS="true", **limits, **own_database(8))
    yield site
    site.stop()
    site.forget()


def test_two_changes_of_the_filter_leave_no_bucket_of_twenty_out(limited: Site) -> None:
    names = [f"many-{number:02}-1250000000" for number in range(BUCKETS)]
    for number, name in enumerate(names):
        limited.emulator.create_bucket(name, jobs=3, seed=number)
        Bucket.objects.create(name=name, region=REGION)
    reader = Reader(limited)

    for query in ("", "&range=24h", "&orderByTime=Asc&range=24h"):
        path = f"/jobs.json?bucket={','.join(names)}{query}"
        # Whom upstream's limits let wait is late, and takes part once the list is opened again.
        page = reader.json(path)
        while any(bucket["late"] for bucket in page["buckets"]):
            page = reader.json(path)
        assert [bucket["problem"] for bucket in page["buckets"]] == [None] * BUCKETS
