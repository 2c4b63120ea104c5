"""What Prometheus reads: every label is bounded, workers tell theirs too, and what waits is told."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
import requests
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dashboard.scrape import counted
from jobs import claims, overview, problems, queues, refresh, servers, throttle
from jobs.insight import COUNTED
from tests.factories import jobs_in, make_bucket, make_staff
from tests.ports import free_port
from tests.processes import ROOT, worker
from tests.test_merge import forget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.samples import Sample
    from pytest_django import Settings

    from jobs.claims import Lane
    from jobs.models import Bucket
    from tests.emulators import Emulator
    from tests.services import Valkeys

pytestmark = pytest.mark.usefixtures("patient_probes")

BUCKET = "media-1250000000"


def samples(text: str) -> dict[str, list[Sample]]:
    """Return what was scraped, by the sample's name."""
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def scrape(client: Client) -> dict[str, list[Sample]]:
    return samples(client.get("/metrics").content.decode())


def value(found: dict[str, list[Sample]], name: str, **labels: str) -> float:
    (one,) = [sample.value for sample in found[name] if labels.items() <= sample.labels.items()]
    return one


def labels_of(text: str) -> dict[str, set[str]]:
    """Return every value that each label of our own numbers has."""
    labels: dict[str, set[str]] = {}
    for sample in (sample for found in samples(text).values() for sample in found):
        if sample.name.startswith("batchlens_"):
            for name, told in sample.labels.items():
                labels.setdefault(name, set()).add(told)
    return labels


def view_names(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """Yield the names of all views that there are."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from view_names(pattern, prefix + (f"{pattern.namespace}:" if pattern.namespace else ""))
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", pattern.callback)
            yield prefix + (pattern.name or f"{view.__module__}.{view.__name__}")  # as a request's resolver calls it


def test_file_that_a_process_is_about_to_make_takes_nobody_s_numbers_away(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    settings.PROMETHEUS_MULTIPROC_DIR = str(tmp_path)
    (tmp_path / "counter_1.db").touch()

    assert generate_latest(counted()) == b""


@pytest.mark.django_db(transaction=True)
def test_nothing_that_somebody_asks_for_becomes_a_label(client: Client, empty_redis: None, settings: Settings) -> None:
    """A stranger, or a person, who tries addresses must not make numbers without end."""
    settings.FIRST_WAIT = 0.02
    make_bucket(BUCKET)
    client.force_login(make_staff())
    for path in ("/admin/nowhere/", "/admin/jobs/bucket/1/"):  # views without a name: a function, and a class
        client.get(path)
    before = labels_of(client.get("/metrics").content.decode())
    dice, asked = random.Random(11), []
    for _ in range(60):
        asked.append("".join(dice.choices("abcdefghij", k=12)))
        word = asked[-1]
        path = dice.choice(
            [f"/buckets/{word}-1250000000/jobs/", f"/buckets/{BUCKET}/jobs/{word}/", f"/{word}/", f"/?q={word}",
             f"/buckets/{BUCKET}/jobs/?{word}={word}", f"/status/?{word}=1", f"/embed/buckets/{word}/jobs/"]
        )  # fmt: skip
        client.get(path, HTTP_HX_REQUEST="true" if dice.random() < 0.3 else "", HTTP_X_REQUEST_ID=word)

    labels = labels_of(client.get("/metrics").content.decode())
    told = "\n".join(sorted(value for values in labels.values() for value in values))
    assert [word for word in asked if word in told] == []
    assert labels.pop("view") <= {*view_names(), "none"}
    assert labels.pop("bucket") - before.get("bucket", set()) <= {BUCKET}
    assert labels.pop("status") <= {str(status.value) for status in HTTPStatus}
    labels.pop("le")
    assert labels.pop("class", set()) <= {"ok", "error", *problems.RULES}
    assert labels.pop("lane", set()) <= set(claims.LANES)
    assert labels.pop("queue") == set(queues.QUEUES.values())
    assert labels.pop("reason", set()) <= {"none", *get_args(claims.Reason)}
    assert labels.pop("what") <= {"page", "job"}
    assert labels.pop("part") == {"broker", "cache", "database", "worker"}
    assert labels.pop("outcome") <= {
        "fresh", "stale", "miss", "problem", "claimed", "joined", "later", "ended", "refused", "ready", "pending",
        "failed", "done", "go", "cool", "lease", "token",
    }  # fmt: skip
    assert labels == {}


ENQUEUE = """
import sys
import django
django.setup()
from jobs import claims, tasks, throttle
from jobs.filters import JobFilter
from jobs.records import PageQuestion
for size in range(int(sys.argv[2]), 0, -1):
    question = PageQuestion(sys.argv[1], JobFilter(size=size))
    asking = claims.ask(question.key, throttle.gate(sys.argv[1], "default"), lane="person")
    tasks.enqueue_page(question, asking.enqueued_at - int(sys.argv[3]) * size, sys.argv[4])
"""
"""Enqueues so many pages of a bucket as web does; the first is so many milliseconds older than it is, times their number."""


def enqueue(settings: Settings, bucket: str, count: int, older: int = 0, lane: Lane = "person") -> None:
    """Put pages into the queue of the test's own broker, of which this process's Celery knows nothing."""
    run_python(ENQUEUE, bucket, str(count), str(older), lane, REDIS_URL=settings.REDIS_URL)


def run_python(code: str, *arguments: str, **variables: str) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings", **variables}
    subprocess.run([sys.executable, "-c", code, *arguments], env=environment, cwd=ROOT, check=True)


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_told_with_its_age(client: Client, valkeys: Valkeys, settings: Settings) -> None:
    enqueue(settings, BUCKET, count=2, older=7000)

    found = scrape(client)

    assert value(found, "batchlens_queue_length", queue="page") == 2
    assert value(found, "batchlens_queue_length", queue="ahead") == 0
    # The older of the two waits at the end from which workers take.
    assert 14 <= value(found, "batchlens_queue_age_seconds", queue="page") < 30
    assert value(found, "batchlens_queue_age_seconds", queue="ahead") == 0


@pytest.mark.django_db(transaction=True)
def test_lanes_that_share_a_queue_are_told_apart(client: Client, valkeys: Valkeys, settings: Settings) -> None:
    enqueue(settings, BUCKET, count=2, older=20_000, lane="refresh")
    enqueue(settings, BUCKET.replace("media", "other"), count=2, older=4000)

    found = scrape(client)

    assert 8 <= value(found, "batchlens_lane_age_seconds", lane="person") < 20
    assert 40 <= value(found, "batchlens_lane_age_seconds", lane="refresh") < 60
    assert value(found, "batchlens_queue_age_seconds", queue="page") >= 40
    assert {value(found, "batchlens_lane_age_seconds", lane=lane) for lane in ("overview", "ahead", "walk")} == {0}


def test_lane_behind_very_many_others_is_told_to_be_as_old_as_it_may_be(
    valkeys: Valkeys, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "MOST_READ", 2)
    enqueue(settings, BUCKET, count=3, older=5000, lane="refresh")

    ages = queues.lane_ages()

    # Of 15, 10 and 5 seconds the third is not read.
    assert 15 <= ages["refresh"] < 20
    assert 10 <= ages["person"] < 15


@pytest.mark.django_db(transaction=True)
def test_age_of_a_queue_says_whose_it_is(client: Client) -> None:
    """People and refreshes wait in one queue: who reads its age as that of a lane must be told."""
    text = client.get("/metrics").content.decode()

    (said,) = [line for line in text.splitlines() if line.startswith("# HELP batchlens_queue_age_seconds")]
    assert "page holds the lanes person and refresh" in said
    assert set(queues.lanes_by_queue()) == set(queues.QUEUES.values())


@pytest.mark.django_db(transaction=True)
def test_strange_message_in_a_queue_is_counted_and_has_no_age(client: Client, valkeys: Valkeys) -> None:
    with servers.broker().connection() as broker:
        for message in (b"no json", b'{"body": 1}', b'{"body": "W10="}', b"[]"):
            broker.lpush(queues.key_of("ahead"), message)
            broker.rpush(queues.key_of("page"), message)
            assert queues.queued()["page"].age == 0.0

    assert value(scrape(client), "batchlens_queue_length", queue="page") == 4


@pytest.mark.django_db(transaction=True)
def test_leases_and_cool_downs_are_told(client: Client, empty_redis: None) -> None:
    make_bucket(BUCKET)
    make_bucket("hidden-1250000000", hidden=True)
    with servers.broker().connection() as broker:
        broker.hset(f"cool:bucket:{BUCKET}", "until", str(time.time() * 1000 + 30_000))

        found_quiet = value(scrape(client), "batchlens_cooling_seconds", bucket=BUCKET)
        broker.delete(f"cool:bucket:{BUCKET}")

    with throttle.permit(BUCKET, "default", "person", 5.0):
        found = scrape(client)
    assert 25 < found_quiet <= 30
    assert value(found, "batchlens_calls_in_flight", bucket=BUCKET) == 1
    assert value(found, "batchlens_cooling_seconds", bucket=BUCKET) == 0
    assert [sample.labels["bucket"] for sample in found["batchlens_calls_in_flight"]] == [BUCKET]


# What the overview knows ------------------------------------------------------------------------------------------------

DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}
OVERVIEW = ("jobs", "oldest_waiting_seconds", "bucket_access", "overview_age_seconds", "overview_refresh_seconds")


def told_of(found: dict[str, list[Sample]], name: str, bucket: str) -> dict[str, float]:
    """Return a gauge's values of one bucket, by its other label."""
    samples = [sample for sample in found.get(name, ()) if sample.labels["bucket"] == bucket]
    return {sample.labels.get("state") or sample.labels.get("class", ""): sample.value for sample in samples}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
def test_jobs_are_told_as_the_overview_knows_them(
    client: Client, new_bucket: Callable[..., Bucket], settings: Settings, until: Callable[[Callable[[], object]], None]
) -> None:
    settings.OVERVIEW_REFRESH = 60
    well, empty, many = (new_bucket(given=given) for given in (
        jobs_in("Failed", "Failed", "Running", "Submitted", "Success"), (), jobs_in(*["Failed"] * 130)
    ))  # fmt: skip
    denied = new_bucket(faults=(DENIED,))
    asked_for = [well.name, empty.name, many.name, denied.name]
    assert told_of(scrape(client), "batchlens_bucket_access", well.name) == {}

    def are_told() -> bool:
        refresh.refresh_overview()
        found = scrape(client)
        return all(told_of(found, "batchlens_bucket_access", name) for name in asked_for)

    until(are_told)
    found = scrape(client)

    counts = {name: told_of(found, "batchlens_jobs", name) for name in asked_for}
    assert counts[well.name] == {"Failed": 2, "Running": 1, "Submitted": 1, "Pause": 0}
    assert counts[empty.name] == dict.fromkeys(COUNTED, 0)
    assert (counts[many.name]["Failed"], counts[denied.name]) == (100, {})
    waiting = {name: told_of(found, "batchlens_oldest_waiting_seconds", name) for name in asked_for}
    assert 90 * 60 < waiting[well.name][""] < 95 * 60
    assert (waiting[empty.name], waiting[denied.name]) == ({"": 0}, {})
    access = {name: told_of(found, "batchlens_bucket_access", name) for name in asked_for}
    assert access == {well.name: {"ok": 1}, empty.name: {"ok": 1}, many.name: {"ok": 1}, denied.name: {"permission": 1}}
    assert 0 <= told_of(found, "batchlens_overview_age_seconds", well.name)[""] < 30
    assert value(found, "batchlens_overview_refresh_seconds") == 60


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
def test_bucket_that_can_be_read_again_is_told_so(
    client: Client,
    new_bucket: Callable[..., Bucket],
    emulator: Emulator,
    settings: Settings,
    until: Callable[[Callable[[], object]], None],
) -> None:
    settings.OVERVIEW_REFRESH = 60
    bucket = new_bucket(given=jobs_in("Failed"), faults=(DENIED,))

    def access() -> dict[str, float]:
        refresh.refresh_overview()
        return told_of(scrape(client), "batchlens_bucket_access", bucket.name)

    until(lambda: access() == {"permission": 1})
    emulator.set_faults(bucket.name)
    forget("problem:*")  # as they are in a minute

    until(lambda: access() == {"ok": 1})


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
def test_jobs_are_told_only_where_beat_keeps_them_fresh(
    client: Client, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))
    question = overview.question("24h")
    until(lambda: overview.look([bucket], question, now=time.time()).again is None)

    text = client.get("/metrics").content.decode()

    assert [name for name in OVERVIEW if f"batchlens_{name}" in text] == []
    assert "batchlens_cooling_seconds" in text


def test_folder_of_the_numbers_is_made_where_it_is_missing(tmp_path: Path) -> None:
    """A worker in a container of its own has no gunicorn that makes it, and must fetch all the same."""
    folder = tmp_path / "not" / "there"
    code = "import django; django.setup(); from jobs import metrics; metrics.upstream_call('b', 'ok', 0.1)"
    run_python(code, PROMETHEUS_MULTIPROC_DIR=str(folder))

    assert list(folder.glob("*.db"))


@pytest.mark.parametrize("shared", [True, False])
def test_worker_tells_its_own_numbers(
    new_bucket: Callable[..., Bucket],
    process_environment: dict[str, str],
    valkeys: Valkeys,
    settings: Settings,
    tmp_path: Path,
    until: Callable[[Callable[[], object]], None],
    shared: bool,
) -> None:
    bucket, port = new_bucket(jobs=1), free_port()
    variables = {
        **process_environment,
        "METRICS_PORT": str(port),
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_CACHE_URL": settings.REDIS_CACHE_URL,
    }
    if shared:
        variables["PROMETHEUS_MULTIPROC_DIR"] = str(tmp_path / "numbers")
    own = worker(tmp_path / "worker.log", variables)
    own.start()

    def told() -> dict[str, list[Sample]]:
        return samples(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text)

    try:
        enqueue(settings, bucket.name, count=1)
        until(lambda: told().get("batchlens_upstream_seconds_count"))
        found = told()
    finally:
        own.stop()

    assert value(found, "batchlens_upstream_seconds_count", bucket=bucket.name, **{"class": "ok"}) == 1
    assert value(found, "batchlens_queue_seconds_count", lane="person") == 1
    assert value(found, "batchlens_admission_seconds_count", outcome="go") == 1
    assert value(found, "batchlens_held_seconds_count", lane="person", reason="none") == 1


def test_worker_whose_port_is_taken_works_all_the_same(
    process_environment: dict[str, str], empty_redis: None, tmp_path: Path
) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        own = worker(
            tmp_path / "worker.log", {**process_environment, "METRICS_PORT": str(taken.getsockname()[1])}, name="taken"
        )
        own.start()
        own.stop()

    assert "can't be served: Address already in use" in own.text()
