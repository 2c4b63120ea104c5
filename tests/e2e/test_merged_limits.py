"""A merged list under the limits that the product has by itself: none of its buckets is left out by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup

from jobs.models import Bucket
from tests.e2e.sites import Reader, Site, own_database, start_site
from tests.emulators import REGION
from tests.factories import jobs_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def test_all_that_failed_in_forty_buckets_comes_with_one_click_though_calls_are_limited(
    limited: Site, until: Callable[..., None]
) -> None:
    names = [f"many-{number:02}-1250000000" for number in range(40)]
    for name in names:
        limited.emulator.create_bucket(name, given=jobs_in("Failed"))
        Bucket.objects.create(name=name, region=REGION)
    reader = Reader(limited)
    until(lambda: all(bucket["as_of"] for bucket in reader.json("/buckets.json")["buckets"]), 30)
    page = BeautifulSoup(reader.get("/").text, "html.parser")
    (link,) = [link for link in page.select("#fill a") if "All that failed" in link.get_text()]
    path = str(link["href"]).replace("/jobs/?", "/jobs.json?")

    clicked = reader.json(path)
    until(lambda: not any(bucket["late"] for bucket in reader.json(path)["buckets"]), 30)
    whole = reader.json(path)

    # At once those whose turn it was; the others are named, and there a moment later.
    late = {bucket["name"] for bucket in clicked["buckets"] if bucket["late"]}
    assert {bucket["name"] for bucket in clicked["buckets"]} == set(names)
    assert {bucket["problem"] for bucket in clicked["buckets"]} == {None}
    assert {job["_bucket"] for job in clicked["jobs"]} == set(names) - late
    assert 0 < len(late) < 40  # more than a burst of two seconds can't be asked at once
    assert sorted(job["_bucket"] for job in whole["jobs"]) == names


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
