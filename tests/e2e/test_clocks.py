"""Clocks that are an hour wrong: Cloud Infinite's, one worker's, the web server's. Pages, pins and ages stay right."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.conf import settings

from jobs import claims, clock
from jobs.filters import Pin
from tests.clocks import wall_clock
from tests.e2e.looking import ids, job_path, list_path, wait_for_rows
from tests.e2e.sites import Reader, Site, all_at_once, own_database, start_site
from tests.e2e.staleness import make_stale
from tests.emulators import REGION, SECRET_ID, SECRET_KEY, Emulator
from tests.processes import web, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext

    from jobs.models import Bucket

HOUR = 3600
OTHER = ("EXAMPLE-SECRET-ID-0002", "EXAMPLE-SECRET-KEY-0002")
"""The credential of the worker whose clock is wrong: the journal shows which of the two asked."""
DAY = 86_000
"""Seconds, a little less than a day: a clock that is off by more isn't believed."""
LINKS = LIVE, FROZEN = "Copy live link", "Copy frozen link"
LOST = claims.QUEUED_FOR / 1000
"""Seconds after which a task that was lost is enqueued again: until then a page must be there."""


@pytest.fixture(scope="module")
def running(django_db_setup: None, static_files: None) -> Iterator[Site]:
    """A site with right clocks and an emulator of its own, on a broker that others join."""
    with Emulator(credentials=((SECRET_ID, SECRET_KEY), OTHER)) as emulator:
        site = start_site(emulator, ANONYMOUS_ACCESS="true", **own_database(4))
        yield site
        site.stop()


@pytest.fixture
def right(running: Site, transactional_db: None) -> Site:
    """The same, as at its start."""
    running.emulator.reset()
    running.forget()
    return running


@pytest.fixture(params=[HOUR, -HOUR], ids=["ahead", "behind"])
def offset(request: pytest.FixtureRequest) -> int:
    """By how much a clock is wrong."""
    return int(request.param)


def new_buckets(emulator: Emulator, count: int, **spec: Any) -> list[Bucket]:
    """Make buckets that both the emulator and the database know."""
    from jobs.models import Bucket

    names = [emulator.create_bucket(f"clock-{number}-1250000000", **spec) for number in range(count)]
    return [Bucket.objects.create(name=name, region=REGION) for name in names]


def beats(site: Site, name: str) -> bool:
    """Tell whether a worker of that name has written its heartbeat."""
    with redis.Redis.from_url(site.broker_url) as client:
        return any(key.startswith(f"{name}@".encode()) for key in client.hkeys(claims.HEARTBEATS))


def timed(reader: Reader, path: str) -> tuple[Any, float]:
    """Return the twin at `path` and the seconds it took to come."""
    began = time.monotonic()
    return reader.json(path), time.monotonic() - began


def assert_right(page: Any, began: float, ended: float) -> None:
    """Assert that a page's times are those of a fetch between two moments of CI's clock."""
    pin = Pin.parse(page["pin"])
    assert int(began - 2) <= pin.end <= ended - 2
    assert began <= pin.opened / 1000 <= ended
    assert began <= datetime.fromisoformat(page["as_of"]).timestamp() <= ended
    assert (page["stale"], page["problem"]) == (False, None)


# Cloud Infinite's clock -------------------------------------------------------------------------------------------------


@pytest.fixture
def misled(offset: int, django_db_setup: None, static_files: None, transactional_db: None) -> Iterator[Site]:
    """A site that has just started, beside a Cloud Infinite whose clock is wrong."""
    with Emulator() as emulator:
        emulator.shift_clock(offset)
        site = start_site(emulator, ANONYMOUS_ACCESS="true", **own_database(5))
        site.forget()
        yield site
        site.stop()


def test_list_is_right_though_ci_s_clock_is_not_ours(misled: Site, offset: int) -> None:
    reader, emulator = Reader(misled), misled.emulator
    first, second = new_buckets(emulator, 2, jobs=30, newest=5)

    # The first list teaches all processes CI's time, at the price of one refused call and one with the wrong pin.
    began = emulator.now()
    page = reader.json(list_path(first, "size=10", twin=True))
    assert_right(page, began - clock.TOLERANCE, emulator.now() + clock.TOLERANCE)
    assert began == pytest.approx(time.time() + offset, abs=60)
    assert [call.status == 200 for call in emulator.calls(first.name)][:3] == [False, True, True]
    html = reader.get(list_path(first, "size=10"))
    assert "just asked" in html.text or "less than 5 s old" in html.text

    # It goes on at once, with links that lie in no process's future, and nothing is refused or asked twice any more.
    jobs = reader.scroll(list_path(first, "size=10", twin=True))
    assert jobs == emulator.job_ids(first.name)
    again = reader.json(list_path(first, "size=10", twin=True))
    assert (again["pin"], again["stale"]) == (page["pin"], False)
    calls = emulator.calls(first.name)[3:]
    assert [call.status for call in calls] == [200] * len(calls)
    # Pages 2 and 3, and no other: the first was fresh each time.
    assert len({call.parameters["nextToken"] for call in calls}) == len(calls) == 2

    # Another list costs one call; its range counts back from CI's time.
    began = emulator.now()
    page = reader.json(list_path(second, "range=1h", twin=True))
    assert_right(page, began - clock.TOLERANCE, emulator.now() + clock.TOLERANCE)
    (call,) = emulator.calls(second.name)
    end = datetime.fromtimestamp(Pin.parse(page["pin"]).end, UTC)
    asked = [
        datetime.strptime(call.parameters[name], "%Y-%m-%dT%H:%M:%S%z")
        for name in ("startCreationTime", "endCreationTime")
    ]
    assert (call.status, asked[1], (asked[1] - asked[0]).total_seconds()) == (200, end, HOUR)


# A day later ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def today(django_db_setup: None, static_files: None, transactional_db: None) -> Iterator[Site]:
    """A site whose time can go on: Cloud Infinite's, which is the one that counts."""
    with Emulator() as emulator:
        site = start_site(emulator, ANONYMOUS_ACCESS="true", **own_database(6))
        site.forget()
        yield site
        site.stop()


def test_a_day_later_a_live_link_shows_that_day_and_a_frozen_one_the_same_jobs(
    today: Site, new_context: Callable[..., BrowserContext], until: Callable[[Callable[[], object]], None]
) -> None:
    (bucket,) = new_buckets(today.emulator, 1, jobs=5, newest=600, spread=3600)
    page, began = new_context(base_url=today.address).new_page(), today.emulator.now()
    page.goto(list_path(bucket, "range=24h&tz=UTC"))
    wait_for_rows(page, 5)
    jobs, said = ids(page), page.locator(".chips").inner_text()
    links = {name: page.get_by_role("button", name=name).get_attribute("data-copy") for name in LINKS}

    today.emulator.shift_clock(DAY)
    reader = Reader(today)
    reader.json(list_path(bucket, "range=1h", twin=True))  # and so all learn which day it is
    until(lambda: not reader.json(list_path(bucket, "range=24h&tz=UTC", twin=True))["stale"])
    page.goto(str(links[LIVE]))
    page.get_by_role("heading", name="No job matches this filter").wait_for()
    moved = page.locator(".chips").inner_text()
    page.goto(str(links[FROZEN]))
    wait_for_rows(page, 5)
    kept = page.locator(".chips").inner_text()

    assert ids(page) == jobs
    assert [first_and_last(told) for told in (said, moved, kept)] == [
        pytest.approx((end - 86_400, end), abs=60) for end in (began, began + DAY, began)
    ]


def first_and_last(chips: str) -> tuple[float, float]:
    """Return the ends of the stretch that a chip tells, in unix seconds."""
    first, last = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?", chips)
    assert "UTC" in chips
    return datetime.fromisoformat(f"{first}Z").timestamp(), datetime.fromisoformat(f"{last}Z").timestamp()


# A worker's clock -------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_a_wrong_worker(right: Site, offset: int) -> Iterator[Site]:
    """The site with a second worker, whose clock is wrong."""
    variables = {**right.environment, **wall_clock(offset), "CI_SECRET_ID": OTHER[0], "CI_SECRET_KEY": OTHER[1]}
    log = Path(settings.VAR_DIR) / f"worker-{os.getpid()}-clock{offset}.log"
    wrong = worker(log, variables, name="wrong", threads=4)
    wrong.ready = lambda: beats(right, "wrong")
    wrong.start()
    try:
        yield right
    finally:
        wrong.stop()


def test_pages_are_right_whichever_worker_fetches_them(with_a_wrong_worker: Site) -> None:
    site = with_a_wrong_worker
    buckets = new_buckets(site.emulator, 12, jobs=3, newest=600, latency=0.3)
    began = time.time()
    reader = Reader(site)

    answers = all_at_once(partial(timed, reader, list_path(bucket, twin=True)) for bucket in buckets)

    ended = time.time()
    assert max(seconds for _page, seconds in answers) < LOST
    for page, _seconds in answers:
        assert_right(page, began - 1, ended + 1)
    calls = site.emulator.calls()
    assert sorted(call.bucket for call in calls) == sorted(bucket.name for bucket in buckets)
    assert {call.status for call in calls} == {200}
    assert {call.credential for call in calls} == {SECRET_ID, OTHER[0]}


def test_lists_scroll_to_their_ends_whichever_worker_fetches_their_pages(with_a_wrong_worker: Site) -> None:
    site = with_a_wrong_worker
    buckets = new_buckets(site.emulator, 12, jobs=30, newest=600, latency=0.05)
    reader = Reader(site)

    lists = all_at_once(partial(reader.scroll, list_path(bucket, "size=5", twin=True)) for bucket in buckets)

    assert lists == [site.emulator.job_ids(bucket.name) for bucket in buckets]
    behind = [call for call in site.emulator.calls() if call.parameters.get("nextToken")]
    assert len({(call.bucket, call.parameters["nextToken"]) for call in behind}) == len(behind) == 5 * len(buckets)
    assert {call.status for call in site.emulator.calls()} == {200}
    assert {call.credential for call in behind} == {SECRET_ID, OTHER[0]}


def test_pages_that_are_out_of_date_are_renewed_whichever_worker_does_it(
    with_a_wrong_worker: Site, until: Callable[[Callable[[], object]], None]
) -> None:
    site = with_a_wrong_worker
    buckets = new_buckets(site.emulator, 12, jobs=3, newest=600, latency=0.3)
    reader, paths = Reader(site), {bucket.name: list_path(bucket, twin=True) for bucket in buckets}
    old = dict(zip(paths, all_at_once(partial(reader.json, path) for path in paths.values()), strict=True))
    for name in paths:
        make_stale(site, name)
    site.emulator.clear_calls()
    began = time.time()

    meanwhile = all_at_once(partial(timed, reader, path) for path in paths.values())
    until(lambda: len([call for call in site.emulator.calls() if call.seconds is not None]) == len(buckets))
    until(lambda: all(not reader.json(path)["stale"] for path in paths.values()))

    assert [(page["stale"], page["pin"]) for page, _seconds in meanwhile] == [
        (True, page["pin"]) for page in old.values()
    ]
    for path in paths.values():
        assert_right(reader.json(path), began - 1, time.time() + 1)
    calls = site.emulator.calls()
    assert sorted(call.bucket for call in calls) == sorted(paths)
    assert {call.status for call in calls} == {200}
    assert {call.credential for call in calls} == {SECRET_ID, OTHER[0]}


def test_jobs_are_as_old_as_they_are_though_only_a_worker_with_a_wrong_clock_is_left(with_a_wrong_worker: Site) -> None:
    site = with_a_wrong_worker
    (bucket,) = new_buckets(site.emulator, 1, jobs=3, newest=600)
    job_id = site.emulator.job_ids(bucket.name)[0]
    site.worker.stop()
    try:
        reader, began = Reader(site), time.time()
        job, seconds = timed(reader, job_path(bucket, job_id, twin=True))
        ended = time.time()
        html = reader.get(job_path(bucket, job_id)).text
    finally:
        site.worker.start()

    assert seconds < LOST
    assert began - 1 <= datetime.fromisoformat(job["as_of"]).timestamp() <= ended + 1
    assert not job["stale"]
    assert "may have changed" not in html
    assert {(call.status, call.credential) for call in site.emulator.calls()} == {(200, OTHER[0])}


# The web server's clock -------------------------------------------------------------------------------------------------


def test_pages_and_links_are_right_though_the_web_server_s_clock_is_wrong(right: Site, offset: int) -> None:
    (bucket,) = new_buckets(right.emulator, 1, jobs=30, newest=5)
    log = Path(settings.VAR_DIR) / f"web-{os.getpid()}-clock{offset}.log"
    server, address = web(log, **right.environment, **wall_clock(offset))
    server.start()
    try:
        reader, began = Reader(address), time.time()
        page, seconds = timed(reader, list_path(bucket, "size=10", twin=True))
        html = reader.get(list_path(bucket, "size=10"))
        jobs = reader.scroll(list_path(bucket, "size=10", twin=True))
        ended = time.time()
        pins = {ahead: Pin(int(time.time()) + ahead, int(time.time() * 1000)) for ahead in (-600, 3, 30)}
        told = {
            ahead: reader.get(list_path(bucket, f"size=10&pin={pin}", twin=True)).status_code
            for ahead, pin in pins.items()
        }
    finally:
        server.stop()

    assert seconds < LOST
    assert_right(page, began - 1, ended + 1)
    assert "just asked" in html.text or "less than 5 s old" in html.text
    assert jobs == right.emulator.job_ids(bucket.name)
    assert {call.status for call in right.emulator.calls()} == {200}
    assert {ahead: status == 400 for ahead, status in told.items()} == {-600: False, 3: False, 30: True}
