"""What Prometheus reads moves with what readers do, through gunicorn and worker as they run in production."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import redis
import requests
from prometheus_client.parser import text_string_to_metric_families

from jobs.claims import LEASES
from tests.e2e.fleets import go_on, pause
from tests.e2e.looking import job_path, list_path
from tests.e2e.sites import Reader, Site, all_at_once, own_database, start_site
from tests.e2e.staleness import make_stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jobs.models import Bucket
    from tests.emulators import Emulator

QUESTIONS = 2


@contextmanager
def counting(emulator: Emulator, folder: Path, *threads: int, **variables: str) -> Iterator[Site]:
    """Lend a site whose worker's numbers are told by its web server, with these variables and a worker of so many threads."""
    numbers = str(folder / "numbers")
    site = start_site(
        emulator, *threads, ANONYMOUS_ACCESS="true", PROMETHEUS_MULTIPROC_DIR=numbers, **own_database(7), **variables
    )
    try:
        yield site
    finally:
        site.stop()
        site.forget()


@pytest.fixture
def counted(emulator: Emulator, transactional_db: None, static_files: None, tmp_path: Path) -> Iterator[Site]:
    """A site that lets a reader ask two new questions a minute."""
    with counting(emulator, tmp_path, MISS_BUDGET=str(QUESTIONS)) as site:
        yield site


@pytest.fixture
def narrow(emulator: Emulator, transactional_db: None, static_files: None, tmp_path: Path) -> Iterator[Site]:
    """A site whose worker does one fetch at a time, and that lets a bucket have one call in two seconds."""
    with counting(emulator, tmp_path, 1, CI_RATE_BUCKET="0.6") as site:
        yield site


@pytest.fixture
def impatient(emulator: Emulator, transactional_db: None, static_files: None, tmp_path: Path) -> Iterator[Site]:
    """A site that gives a question up between its first try, which may last a second, and the second one."""
    with counting(emulator, tmp_path, CI_DEADLINE="1", FETCH_DEADLINE="1.1", FIRST_WAIT="0.3") as site:
        yield site


def blocked(site: Site) -> list[object]:
    """Return the clients that wait at a site's broker for something to come."""
    with redis.Redis.from_url(site.broker_url) as client:
        mine = [one for one in client.client_list() if one["db"] == site.broker_url.rpartition("/")[2]]
    return [one for one in mine if "b" in one["flags"]]


@contextmanager
def asked_while_the_worker_pauses(
    site: Site, paths: list[str], until: Callable[[Callable[[], object]], None]
) -> Iterator[None]:
    """Let each of `paths` have a patient reader, and the worker find all their fetches in its queue."""
    with ThreadPoolExecutor(len(paths)) as readers:
        pause(site.worker)
        try:
            until(lambda: not blocked(site))  # What it waits for at the broker would still be handed to it.
            asked = [readers.submit(Reader(site).patient, path) for path in paths]
            until(lambda: told(site, "batchlens_queue_length", queue="page") == len(paths))
        finally:
            go_on(site.worker)
        yield
        for one in asked:
            one.result()


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


def test_bucket_that_asks_to_slow_down_is_told_and_holds_back_what_waits(
    narrow: Site, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    throttled = new_bucket(faults=({"kind": "error", "status": 429, "code": "SlowDown"},))
    lists = [list_path(throttled, f"size={size}") for size in (10, 20)]

    with asked_while_the_worker_pauses(narrow, lists, until):
        until(lambda: told(narrow, "batchlens_admission_seconds_count", outcome="cool"))

    cool_downs = told(narrow, "batchlens_cool_downs_total", bucket=throttled.name)
    assert cool_downs >= 1
    assert told(narrow, "batchlens_cool_down_seconds_total", bucket=throttled.name) > 0.7 * cool_downs
    calls = told(narrow, "batchlens_upstream_seconds_count", bucket=throttled.name, **{"class": "throttled"})
    assert calls >= cool_downs
    # Who waited for the end of the cool-down asked meanwhile.
    assert told(narrow, "batchlens_claims_total", outcome="later") >= 1


def test_call_for_which_there_is_no_token_is_told(
    narrow: Site, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    busy = new_bucket(jobs=3)

    with asked_while_the_worker_pauses(narrow, [list_path(busy, f"size={size}") for size in (10, 20)], until):
        until(lambda: told(narrow, "batchlens_admission_seconds_count", outcome="token"))

    until(lambda: told(narrow, "batchlens_held_seconds_count", lane="person", reason="token") >= 1)
    assert told(narrow, "batchlens_upstream_seconds_count", bucket=busy.name, **{"class": "ok"}) == 2
    assert told(narrow, "batchlens_held_seconds_sum", lane="person", reason="token") > 0.05


def test_bucket_that_hangs_is_told_with_who_waits_for_a_lease_and_who_gives_up(
    impatient: Site, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    hanging = new_bucket(faults=({"kind": "hang", "seconds": 60},))
    lists = [list_path(hanging, f"size={size}") for size in range(1, LEASES + 3)]

    with asked_while_the_worker_pauses(impatient, lists, until):
        until(lambda: told(impatient, "batchlens_admission_seconds_count", outcome="lease"))

    assert told(impatient, "batchlens_admission_seconds_count", outcome="go") >= LEASES
    assert told(impatient, "batchlens_upstream_seconds_count", bucket=hanging.name, **{"class": "timeout"}) >= LEASES
    assert told(impatient, "batchlens_upstream_seconds_sum", bucket=hanging.name) >= LEASES
    assert told(impatient, "batchlens_wait_seconds_count", outcome="pending") >= len(lists)
    # Those that waited for a lease were let out when the first calls were given up.
    until(lambda: told(impatient, "batchlens_held_seconds_count", lane="person", reason="lease") >= 1)
    assert told(impatient, "batchlens_held_seconds_sum", lane="person", reason="lease") > 0.05
    assert told(impatient, "batchlens_claims_total", outcome="ended") >= 1
    assert told(impatient, "batchlens_wait_seconds_count", outcome="failed") >= 1


def test_look_ups_of_jobs_and_of_problems_are_told(
    counted: Site, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    bucket = new_bucket(jobs=25)
    denied = new_bucket(faults=({"kind": "error", "status": 403, "code": "AccessDenied"},))

    def lookups(what: str, outcome: str) -> float:
        return told(counted, "batchlens_lookups_total", what=what, outcome=outcome)

    reader = Reader(counted)
    job = job_path(bucket, counted.emulator.job_ids(bucket.name)[0])

    # A job by itself, twice.
    assert reader.patient(job).status_code == 200
    assert (lookups("job", "miss") >= 1, lookups("job", "stale")) == (True, 0)
    fresh = lookups("job", "fresh")
    assert reader.get(job).status_code == 200
    assert lookups("job", "fresh") == fresh + 1

    # A list that may not be read, twice.
    assert reader.patient(list_path(denied)).status_code == 403
    known = lookups("page", "problem")
    assert reader.get(list_path(denied)).status_code == 403
    assert lookups("page", "problem") == known + 1
    assert told(counted, "batchlens_upstream_seconds_count", bucket=denied.name, **{"class": "permission"}) == 1


def test_page_that_is_fetched_ahead_is_told_in_its_lane(
    counted: Site, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    long = new_bucket(jobs=25)

    assert Reader(counted).patient(list_path(long, "size=10")).status_code == 200

    until(lambda: told(counted, "batchlens_queue_seconds_count", lane="ahead") == 1)
