"""The overview under the limits that the product has by itself: forty slow buckets stand in no person's way, on a small worker either."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from jobs.models import Bucket
from tests.e2e.looking import list_path
from tests.e2e.sites import Reader, Site, own_database, start_site
from tests.emulators import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.emulators import Emulator

LINES = 40
THREADS = 8
"""Of the only worker: fewer than the overview may hold in a fleet."""
ASKED = 6
"""Cold pages that a person asks for, one by one, while the lines come."""
SLOW = 2.0
"""Seconds that upstream takes for a line."""
AT_ONCE = SLOW
"""Seconds within which a person's page is there: upstream takes a twentieth of one. Behind lines it comes after one or two of them."""


@pytest.fixture
def limited(pristine_emulator: Emulator, static_files: None, transactional_db: None) -> Iterator[Site]:
    """A site with the default limits of quota and budget."""
    limits = {"CI_RATE_BUCKET": "5", "CI_RATE_CREDENTIAL": "10", "MISS_BUDGET": "30", "WORKER_THREADS": str(THREADS)}
    site = start_site(pristine_emulator, THREADS, ANONYMOUS_ACCESS="true", **limits, **own_database(10))
    yield site
    site.stop()
    site.forget()


def answered(reader: Reader) -> int:
    """Return how many buckets the overview has counted."""
    return sum(bucket["as_of"] is not None for bucket in reader.json("/buckets.json")["buckets"])


def test_person_s_cold_pages_come_at_once_while_forty_slow_lines_of_the_overview_come(
    limited: Site, until: Callable[[Callable[[], Any]], None]
) -> None:
    person = limited.emulator.create_bucket("person-1250000000", jobs=5, latency=0.05)
    for number in range(LINES):
        name = limited.emulator.create_bucket(f"line-{number:02}-1250000000", jobs=3, latency=SLOW)
        Bucket.objects.create(name=name, region=REGION)
    reader, lead = Reader(limited), Reader(limited)

    def look() -> None:
        """Look at the overview until all of it is there."""
        while answered(lead) < LINES:
            time.sleep(0.2)  # Without a pause it would be this one who keeps the only web process from the person.

    with ThreadPoolExecutor(1) as pool:
        lines = pool.submit(look)
        until(limited.emulator.calls)
        Bucket.objects.create(name=person, region=REGION)
        took = []
        for minutes in range(ASKED):
            began = time.monotonic()
            reader.json(list_path(Bucket.objects.get(name=person), f"range={minutes + 100}m", twin=True))
            took.append(time.monotonic() - began)
        still_coming = not lines.done()
        lines.result()

    assert max(took) < AT_ONCE, took
    assert still_coming  # else they were not in each other's way
