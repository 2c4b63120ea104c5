"""What Prometheus reads moves with what readers do, through gunicorn and worker as they run in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.looking import list_path
from tests.e2e.sites import Reader, Site, all_at_once, own_database, start_site
from tests.e2e.staleness import make_stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jobs.models import Bucket
    from tests.emulators import Emulator

QUESTIONS = 2


@pytest.fixture
def counted(emulator: Emulator, transactional_db: None, static_files: None, tmp_path: Path) -> Iterator[Site]:
    """A site that lets a reader ask two new questions a minute; its worker's numbers are told by its web server."""
    site = start_site(
        emulator,
        ANONYMOUS_ACCESS="true",
        MISS_BUDGET=str(QUESTIONS),
        PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "numbers"),
        **own_database(7),
    )
    yield site
    site.stop()
    site.forget()


def told(site: Site, name: str, **labels: str) -> float:
    """Return the sum of what is told of a number under these labels, 0 where nothing is."""
    text = requests.get(f"{site.address}/metrics", timeout=10).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


def test_each_number_moves_with_what_it_counts(
    counted: Site, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    quick, slow, other = new_bucket(jobs=3), new_bucket(jobs=3, latency=0.6), new_bucket(jobs=3)

    def lookups(outcome: str) -> float:
        return told(counted, "batchlens_lookups_total", what="page", outcome=outcome)

    def claims(outcome: str) -> float:
        return told(counted, "batchlens_claims_total", outcome=outcome)

    def calls(bucket: Bucket) -> float:
        return told(counted, "batchlens_upstream_seconds_count", bucket=bucket.name, **{"class": "ok"})

    reader = Reader(counted)

    # A miss: it claims the fetch, waits for it, and a worker calls.
    assert reader.patient(list_path(quick)).status_code == 200
    assert (lookups("miss") >= 1, claims("claimed"), calls(quick)) == (True, 1, 1)
    assert told(counted, "batchlens_wait_seconds_count") >= 1
    assert told(counted, "batchlens_queue_seconds_count", lane="person") == 1
    assert told(counted, "batchlens_admission_seconds_count", outcome="go") == 1

    # A hit.
    fresh = lookups("fresh")
    assert reader.get(list_path(quick)).status_code == 200
    assert lookups("fresh") == fresh + 1

    # A page out of date is served, and refreshed behind the reader.
    make_stale(counted, quick)
    assert reader.get(list_path(quick)).status_code == 200
    assert lookups("stale") == 1
    until(lambda: calls(quick) == 2)
    assert told(counted, "batchlens_queue_seconds_count", lane="refresh") == 1

    # Two at once: one claims, the other joins.
    all_at_once([lambda: Reader(counted).patient(list_path(slow))] * 2)
    assert (claims("joined") >= 1, calls(slow)) == (True, 1)

    # The budget is spent.
    assert reader.get(list_path(other)).status_code == 429
    assert (claims("refused"), calls(other)) == (1, 0)

    # All of them were requests.
    answered = told(counted, "batchlens_request_seconds_count", view="jobs:job_list", status="200")
    assert answered >= 5
    assert told(counted, "batchlens_request_seconds_count", view="jobs:job_list", status="429") == 1
    assert told(counted, "batchlens_request_seconds_sum", view="jobs:job_list") > 0
