"""Two web processes and three workers over one broker, one cache and one PostgreSQL: one fetch a page, whoever dies."""

from __future__ import annotations

import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import psycopg
import pytest
from bs4 import BeautifulSoup
from django.conf import settings

from jobs import claims
from jobs.queues import key_of
from tests.e2e.fleets import (
    NAMES,
    THREADS,
    WEBS,
    Fleet,
    first_admin_link,
    go_on,
    next_release,
    pause,
    prepare,
    running_fleet,
)
from tests.e2e.looking import list_path
from tests.e2e.sites import Reader, all_at_once
from tests.e2e.staleness import make_stale
from tests.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.processes import Process

    Until = Callable[[Callable[[], object]], None]

READERS = 40
SIZE = 10
SLOWEST = settings.CI_DEADLINE - 0.2
"""Seconds of an answer that is nearly given up: the longest that a call can be kept under way."""
PROMISED = claims.QUEUED_FOR / 1000 + 1.5
"""Seconds in which the page of a dead worker comes: until its claim is free, and then the page's own time."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for all tests of a process."""
    with Postgres() as running:
        yield running


@pytest.fixture(scope="session")
def session_fleet(postgres: Postgres, static_files: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One fleet for all tests of a process."""
    with running_fleet(postgres, tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def fleet(session_fleet: Fleet) -> Fleet:
    """The fleet with all of its processes alive."""
    session_fleet.mend()
    return session_fleet


def twin(bucket: str) -> str:
    """Return the address of the JSON twin of a bucket's first page."""
    return list_path(bucket, f"size={SIZE}", twin=True)


def rows_of(reader: Reader, bucket: str) -> list[str]:
    """Return the JobIds of a bucket's first page, once they are there."""
    return [str(job["JobId"]) for job in reader.json(twin(bucket))["jobs"]]


def test_forty_readers_of_both_webs_make_one_call(fleet: Fleet) -> None:
    bucket = fleet.bucket(jobs=25, latency=0.5)
    readers = itertools.cycle(fleet.readers)

    seen = all_at_once([partial(rows_of, next(readers), bucket) for _ in range(READERS)])

    assert seen == [fleet.emulator.job_ids(bucket)[:SIZE]] * READERS
    assert len(fleet.calls(bucket)) == 1


def test_forty_readers_who_scroll_through_both_webs_make_one_call_a_page(fleet: Fleet) -> None:
    bucket = fleet.bucket(jobs=4 * SIZE + 5, latency=0.3)
    readers = itertools.cycle(fleet.readers)

    seen = all_at_once([partial(next(readers).scroll, twin(bucket)) for _ in range(READERS)])

    assert seen == [fleet.emulator.job_ids(bucket)] * READERS
    calls = fleet.emulator.calls(bucket)
    assert len({call.parameters.get("nextToken") for call in calls}) == len(calls) == 5


def test_page_that_is_out_of_date_is_renewed_once_whoever_looks_through_whichever_web(
    fleet: Fleet, until: Until
) -> None:
    bucket = fleet.bucket(jobs=SIZE)
    readers = [reader for reader in fleet.readers for _ in range(READERS // WEBS)]
    old = fleet.readers[0].json(twin(bucket))
    fleet.emulator.set_latency(3.0, bucket)  # All of them look before it is renewed, on a busy machine, too.
    make_stale(fleet, bucket)

    seen = all_at_once([partial(reader.json, twin(bucket)) for reader in readers])
    until(lambda: not any(reader.json(twin(bucket))["stale"] for reader in fleet.readers))

    assert [(page["stale"], page["pin"]) for page in seen] == [(True, old["pin"])] * READERS
    renewed = [reader.json(twin(bucket)) for reader in fleet.readers]
    assert {page["pin"] for page in renewed} != {old["pin"]}
    assert {page["pin"] for page in renewed} == {renewed[0]["pin"]}
    assert len(fleet.calls(bucket)) == 2


# A worker dies, in each phase of a fetch ---------------------------------------------------------------------------------


@contextmanager
def queued(fleet: Fleet, doomed: Process, bucket: str, until: Until) -> Iterator[None]:
    """The worker has the task, but all of its threads are busy."""
    busy, reader = fleet.bucket(jobs=5, latency=SLOWEST), fleet.readers[0]
    others = [list_path(busy, f"size={size}", twin=True) for size in range(1, THREADS + 1)]
    all_at_once([partial(reader.get, path) for path in others])
    until(lambda: len(fleet.calls(busy)) == THREADS)
    assert reader.get(twin(bucket)).status_code == 202
    with fleet.broker as client:
        until(lambda: not client.exists(key_of("page")))
    assert fleet.phase(bucket) == "queued"
    yield


@contextmanager
def before_the_call(fleet: Fleet, doomed: Process, bucket: str, until: Until) -> Iterator[None]:
    """The worker has begun; the database, which it asks first, does not answer."""
    pause(doomed)
    assert fleet.readers[0].get(twin(bucket)).status_code == 202
    with psycopg.connect(fleet.database_url) as connection:
        connection.execute("LOCK TABLE jobs_bucket IN ACCESS EXCLUSIVE MODE")
        go_on(doomed)
        until(lambda: fleet.phase(bucket) == "running")
        assert fleet.calls(bucket) == []
        yield


@contextmanager
def in_the_call(fleet: Fleet, doomed: Process, bucket: str, until: Until) -> Iterator[None]:
    """Upstream answers slowly."""
    fleet.emulator.set_latency(SLOWEST, bucket)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(fleet.readers[0].get, twin(bucket))
        until(lambda: fleet.calls(bucket))
        assert fleet.phase(bucket) == "running"
        fleet.emulator.set_latency(0.0, bucket)
        yield
        assert asked.result().status_code == 202


@contextmanager
def between_storing_and_waking(fleet: Fleet, doomed: Process, bucket: str, until: Until) -> Iterator[None]:
    """The page is stored; the broker takes no writes, so nobody was woken."""
    fleet.emulator.set_latency(0.5, bucket)
    with ThreadPoolExecutor(1) as pool, fleet.broker as broker, fleet.cache as cache:
        asked = pool.submit(fleet.readers[0].get, twin(bucket))
        until(lambda: fleet.calls(bucket))
        broker.client_pause(10_000, all=False)
        try:
            until(lambda: list(cache.scan_iter(f"*page:{bucket}:*")))
            yield
            assert fleet.phase(bucket) == "running"
        finally:
            broker.client_unpause()
        assert asked.result().status_code in {200, 202}


@pytest.mark.parametrize(
    ("dies", "calls"), [(queued, 1), (before_the_call, 1), (in_the_call, 2), (between_storing_and_waking, 1)]
)
def test_page_comes_though_its_worker_is_killed(
    fleet: Fleet, until: Until, dies: Callable[..., AbstractContextManager[None]], calls: int
) -> None:
    bucket = fleet.bucket(jobs=25)
    doomed = fleet.hands[0]

    with fleet.only(doomed), dies(fleet, doomed, bucket, until):
        doomed.kill()
        killed = time.monotonic()
    seen = all_at_once([partial(rows_of, reader, bucket) for reader in fleet.readers])

    assert time.monotonic() - killed < PROMISED
    assert seen == [fleet.emulator.job_ids(bucket)[:SIZE]] * len(fleet.readers)
    assert len(fleet.calls(bucket)) == calls


# A web process dies ------------------------------------------------------------------------------------------------------


def test_other_web_serves_whose_own_was_killed(fleet: Fleet, until: Until) -> None:
    bucket = fleet.bucket(jobs=25, latency=1.5)
    first, second = fleet.readers
    expected = fleet.emulator.job_ids(bucket)[:SIZE]

    def look(reader: Reader, other: Reader) -> list[str]:
        try:
            return rows_of(reader, bucket)
        except OSError:
            return rows_of(other, bucket)  # as a load balancer does

    with ThreadPoolExecutor(READERS) as pool:
        seen = [pool.submit(look, first, second) for _ in range(READERS // 2)]
        seen += [pool.submit(look, second, second) for _ in range(READERS // 2)]
        until(lambda: fleet.calls(bucket))
        fleet.webs[0][0].kill()
        rows = [one.result() for one in seen]

    assert rows == [expected] * READERS
    assert len(fleet.calls(bucket)) == 1


# PostgreSQL --------------------------------------------------------------------------------------------------------------


def test_machines_that_prepare_one_empty_database_at_once_all_succeed(fleet: Fleet, postgres: Postgres) -> None:
    environment = {**fleet.environment, "DATABASE_URL": postgres.new_database()}

    all_at_once([lambda: prepare(environment)] * 3)

    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM jobs_bucket").fetchone() == (len(NAMES),)


def test_one_of_many_becomes_the_first_admin(fleet: Fleet) -> None:
    link = first_admin_link(fleet.environment)
    together = threading.Barrier(10)

    def become(reader: Reader, number: int) -> int:
        form = BeautifulSoup(reader.get(link).content, "html.parser")
        token = form.select_one("[name=csrfmiddlewaretoken]")
        assert token is not None
        together.wait()
        password = {"password1": "blue-otter-17-hats", "password2": "blue-otter-17-hats"}
        data = {"csrfmiddlewaretoken": token["value"], "username": f"ada-{number}", **password}
        return reader.session.post(reader.address + link, data, timeout=20, allow_redirects=False).status_code

    people = [reader for _ in range(5) for reader in fleet.readers]
    statuses = all_at_once([partial(become, *one) for one in zip(people, range(10), strict=True)])

    assert sorted(statuses) == [302] + [410] * 9
    with psycopg.connect(fleet.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM auth_user WHERE is_superuser").fetchone() == (1,)


# A new release ----------------------------------------------------------------------------------------------------------


@dataclass
class Passers:
    """What people behind a load balancer saw while webs and workers were replaced: times are monotonic."""

    seen: list[float] = field(default_factory=list)
    waited: int = 0
    turned_away: int = 0
    wrong: list[object] = field(default_factory=list)

    def read_on(self, fleet: Fleet, bucket: str, rows: list[str], over: threading.Event) -> None:
        """Look at a bucket through each web in turn, four times a second, until it is over."""
        while not over.wait(0.25):
            for reader in fleet.readers:
                try:
                    answer = reader.get(twin(bucket))
                except OSError:
                    self.turned_away += 1  # this one is being replaced
                    continue
                if answer.status_code == 200:
                    self.seen.append(time.monotonic())
                    if [job["JobId"] for job in answer.json()["jobs"]] != rows:
                        self.wrong.append(answer.json())
                elif answer.status_code == 202:
                    self.waited += 1
                else:
                    self.wrong.append(answer.text)

    @property
    def longest_without(self) -> float:
        """Seconds between two pages, at most."""
        return max(later - earlier for earlier, later in pairwise(self.seen))


class Scroller:
    """Somebody who goes on by the links of pages that a release before may have made."""

    def __init__(self, fleet: Fleet, bucket: str) -> None:
        self._fleet, self._next = fleet, twin(bucket)
        self._turns = itertools.count()
        self.rows: list[str] = []
        self.is_unknown: list[bool] = []
        """Of each page, whether it says that what stood before it is unknown."""

    def go_on(self) -> bool:
        """Open the next page through the other web than the last one; tell whether another follows."""
        page = self._fleet.readers[next(self._turns) % WEBS].json(self._next)
        self.rows += [job["JobId"] for job in page["jobs"]]
        self.is_unknown.append(page["completeness"]["earlier_unknown"])
        self._next = page["next"]
        return bool(self._next)


def test_next_release_takes_over_while_people_read(fleet: Fleet, tmp_path: Path) -> None:
    """Worker, web, worker, web, worker: both versions of what is cached live side by side."""
    tree = next_release(tmp_path)
    warm, long = fleet.bucket(jobs=25), fleet.bucket(jobs=8 * SIZE)
    expected = fleet.emulator.job_ids(warm)[:SIZE]
    over, passers = threading.Event(), Passers()

    def cold() -> None:
        """Look at a page that nobody looked at before through both webs: each version fetches it once."""
        bucket = fleet.bucket(jobs=25)
        rows = all_at_once([partial(rows_of, reader, bucket) for reader in fleet.readers])
        assert rows == [fleet.emulator.job_ids(bucket)[:SIZE]] * len(fleet.readers)
        versions = {process.tree for process, _address in fleet.webs}
        assert len(fleet.calls(bucket)) == len(versions)

    scroller = Scroller(fleet, long)
    old_webs, old_hands = list(fleet.webs), list(fleet.hands)
    try:
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(passers.read_on, fleet, warm, expected, over)
            try:
                assert scroller.go_on()
                for kind in ("worker", "web", "worker", "web", "worker"):
                    fleet.replace_one(kind, tree)
                    cold()
                    assert scroller.go_on()
            finally:
                over.set()
            reading.result()
        while scroller.go_on():
            pass
        assert passers.wrong == []
        assert passers.longest_without < PROMISED
        # Each web is turned away from once or twice, and each release has the page to fetch once.
        assert passers.turned_away <= 2 * WEBS
        assert passers.waited <= 2 * WEBS
        # Who scrolls meets every job once, and where a release does not know the way there, it says so.
        assert scroller.rows == fleet.emulator.job_ids(long)
        assert scroller.is_unknown[0] is False
        assert any(scroller.is_unknown)
        with fleet.cache as client:
            versions = {key.split(b":")[0] for key in client.scan_iter("*page*")}
        assert versions == {settings.CACHE_VERSION.encode(), f"{settings.CACHE_VERSION}-next".encode()}
    finally:
        fleet.put_back(old_webs, old_hands)


def test_walk_goes_on_in_a_worker_that_is_started_after_all_were_killed(fleet: Fleet, until: Until) -> None:
    """On PostgreSQL; nothing of what was committed is asked again."""
    bucket = fleet.bucket(jobs=1030, latency=0.15)
    reader = fleet.readers[0]
    form = BeautifulSoup(reader.patient(f"/buckets/{bucket}/export/").text, "html.parser").select_one("main form")
    assert form is not None
    token = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    started = reader.session.post(reader.address + str(form["action"]), token, timeout=20, allow_redirects=False)
    path = started.headers["Location"]
    until(lambda: len([call for call in fleet.calls_of_walks(bucket) if call.seconds is not None]) >= 3)

    for hand in fleet.hands:
        hand.kill()
    fleet.mend()
    until(lambda: reader.json(path.removesuffix("/") + ".json")["state"] == "done")

    twin = reader.json(path.removesuffix("/") + ".json")
    lines = reader.get(twin["files"]["jsonl"]).text.splitlines()
    assert [json.loads(line)["JobId"] for line in lines[1:]] == fleet.emulator.job_ids(bucket)
    assert twin["pages"] == 11
    assert len(fleet.calls_of_walks(bucket)) <= 12  # the call that was under way is made again
