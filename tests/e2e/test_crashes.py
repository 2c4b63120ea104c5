"""Processes die and come back empty, and the page still comes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.conf import settings
from playwright.sync_api import expect

from jobs import servers
from jobs.cloudinfinite.schema import format_time
from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import list_path, wait_for_rows
from tests.e2e.sites import Reader, Site, start_site
from tests.e2e.staleness import make_stale
from tests.ports import free_port
from tests.services import start_valkey

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.emulators import Emulator

SLOWEST = settings.CI_DEADLINE - 0.2
"""Seconds of an answer that is nearly given up: the longest that a call can be kept under way."""


def test_page_comes_though_the_worker_is_killed_in_mid_fetch(
    page: Page, site: Site, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    bucket = new_bucket(jobs=5, latency=SLOWEST)
    page.goto(list_path(bucket))
    until(lambda: site.emulator.calls(bucket.name))

    assert site.emulator.calls(bucket.name)[0].seconds is None  # it is under way
    site.worker.kill()
    site.emulator.set_latency(0.0, bucket.name)
    site.worker.start()

    page.wait_for_selector("#more", timeout=15_000)
    wait_for_rows(page, 5)


def test_page_comes_though_both_valkeys_are_emptied_and_their_connections_cut(
    page: Page, site: Site, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    bucket = new_bucket(jobs=5, latency=SLOWEST)
    page.goto(list_path(bucket))
    until(lambda: site.emulator.calls(bucket.name))
    assert site.emulator.calls(bucket.name)[0].seconds is None
    site.emulator.set_latency(0.0, bucket.name)

    for server in (servers.broker(), servers.cache_server()):
        with server.connection() as client:
            client.flushall()
            client.client_kill_filter(_type="normal", skipme=True)

    page.wait_for_selector("#more", timeout=15_000)
    wait_for_rows(page, 5)
    until(lambda: Reader(site).get("/readyz").status_code == 200)


class Valkey:
    """A Valkey that can be killed and started anew on its port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it empty."""
        self.process = start_valkey(self.port)

    def kill(self) -> None:
        """End it at once."""
        if self.process:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def valkeys() -> Iterator[tuple[Valkey, Valkey]]:
    """A broker and a cache of the test's own."""
    pair = Valkey(), Valkey()
    for valkey in pair:
        valkey.start()
    yield pair
    for valkey in pair:
        valkey.kill()


@pytest.fixture
def mortal(
    valkeys: tuple[Valkey, Valkey], emulator: Emulator, static_files: None, transactional_db: None
) -> Iterator[Site]:
    """A site on those two."""
    broker, cache = valkeys
    site = start_site(emulator, ANONYMOUS_ACCESS="true", REDIS_URL=broker.url, REDIS_CACHE_URL=cache.url)
    yield site
    site.stop()


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_page_comes_after_both_valkeys_were_down_and_came_back_empty(
    mortal: Site,
    valkeys: tuple[Valkey, Valkey],
    new_bucket: Callable[..., Bucket],
    emulator: Emulator,
    new_context: Callable[..., BrowserContext],
) -> None:
    reader, page = Reader(mortal), new_context(base_url=mortal.address).new_page()
    bucket, other = new_bucket(jobs=25), new_bucket(jobs=7)
    assert reader.scroll(list_path(bucket, "size=10", twin=True)) == emulator.job_ids(bucket.name)

    for valkey in valkeys:
        valkey.kill()
    answers = [reader.get(list_path(bucket, "size=10")) for _ in range(3)]
    page.goto(list_path(other))
    expect(page.locator("#results [role=alert]")).to_have_attribute("data-code", "redis_down")
    assert [answer.status_code for answer in answers] == [503] * 3
    assert reader.get("/readyz").status_code == 503
    assert reader.get("/healthz").status_code == 200

    for valkey in valkeys:
        valkey.start()
    assert status_in_the_end(reader, list_path(bucket, "size=10")) == 200
    assert reader.scroll(list_path(bucket, "size=10", twin=True)) == emulator.job_ids(bucket.name)
    page.reload()
    wait_for_rows(page, 7)


def test_cached_pages_are_shown_while_the_broker_is_down(
    mortal: Site, valkeys: tuple[Valkey, Valkey], new_bucket: Callable[..., Bucket]
) -> None:
    reader, bucket = Reader(mortal), new_bucket(jobs=5)
    assert reader.patient(list_path(bucket)).status_code == 200

    valkeys[0].kill()
    answers = [reader.get(list_path(bucket)) for _ in range(3)]

    assert [(answer.status_code, answer.text.count('<tr id="job-')) for answer in answers] == [(200, 5)] * 3
    assert max(answer.elapsed.total_seconds() for answer in answers) < 1.5


def test_old_rows_stay_while_a_worker_dies_in_the_middle_of_a_refresh_and_new_ones_follow(
    mortal: Site, new_bucket: Callable[..., Bucket], until: Callable[[Callable[[], object]], None]
) -> None:
    reader, bucket, emulator = Reader(mortal), new_bucket(jobs=5), mortal.emulator
    path = list_path(bucket, twin=True)
    old = job_ids(reader.json(path))
    created = datetime.fromtimestamp(emulator.now() - 10, UTC)
    new = emulator.add_job(bucket.name, CreationTime=format_time(created))
    emulator.set_latency(SLOWEST, bucket.name)
    make_stale(mortal, bucket)
    assert reader.json(path)["stale"]
    until(lambda: len(emulator.calls(bucket.name)) == 2)

    assert emulator.calls(bucket.name)[1].seconds is None  # it is under way
    mortal.worker.kill()
    meanwhile = [reader.json(path) for _ in range(3)]
    emulator.set_latency(0.0, bucket.name)
    mortal.worker.start()

    assert [(job_ids(page), page["stale"]) for page in meanwhile] == [(old, True)] * 3
    until(lambda: set(job_ids(reader.json(path))) == {new, *old})


def job_ids(page: Any) -> list[str]:
    return [job["JobId"] for job in page["jobs"]]


def status_in_the_end(reader: Reader, path: str, *, seconds: float = 25) -> int:
    """Ask until the page is there: a worker finds its broker again after a few seconds."""
    deadline = time.monotonic() + seconds
    while (status := reader.get(path).status_code) in {202, 503} and time.monotonic() < deadline:
        time.sleep(0.2)
    return status


def test_valkey_of_the_tests_holds_nothing_after_a_restart(valkeys: tuple[Valkey, Valkey]) -> None:
    """What the test above relies on."""
    broker, _cache = valkeys
    with redis.Redis.from_url(broker.url) as client:
        client.set("a", "1")
    broker.kill()
    broker.start()
    with redis.Redis.from_url(broker.url) as client:
        assert client.dbsize() == 0
