"""One tick of a live list, with a real worker, two real Valkeys and the emulator."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.http import QueryDict

from jobs import pages, servers
from jobs.filters import JobFilter, Shown, View, parse_live
from jobs.live import Tick, Watched, tick
from jobs.searches import Pending, Ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.models import Bucket
    from jobs.records import Page
    from tests.emulators import Emulator

pytestmark = pytest.mark.usefixtures("worker")

LIST = JobFilter(size=10)
OPEN = {"Submitted", "Running", "Pause"}


def opened(bucket: Bucket, job_filter: JobFilter = LIST, view: View | None = None) -> Page:
    """The page as a reader opens it, patiently."""
    answer: Any = None
    for _ in range(40):
        answer = pages.get_page(bucket, job_filter, view or View())
        if not isinstance(answer, Pending):
            break
    assert isinstance(answer, Ready), answer
    return answer.page


def following(page: Page) -> View:
    assert page.next is not None
    after = datetime.fromisoformat(page.next.after) if page.next.after else None
    return View(pin=page.pin, next_token=page.next.next_token, after=after)


def shown(page: Page, **changed: str) -> list[Shown]:
    """The rows of a page as its reader sees them."""
    return [
        Shown(row.job.job_id, row.job.state, row.job.creation_time, left=row.job.job_id in changed) for row in page.rows
    ]


def grow_old(bucket: Bucket) -> None:
    """Let every page of `bucket` be a minute older."""
    with servers.cache_server().connection() as client:
        kept = list(client.scan_iter(servers.cache_key(f"page:{bucket.name}:*")))
        assert kept
        for key in kept:
            client.hincrby(key, "began", -61_000)


def ticked(
    bucket: Bucket,
    page: Page,
    rows: list[Shown],
    job_filter: JobFilter = LIST,
    *,
    brings: Callable[[Tick], object] = lambda _found: True,
) -> Tick:
    """A tick that waits longer than a reader's would, for a machine that is busy: for a fresh head that `brings` so much.

    What a second question tells comes with a later tick than the head where it takes its time.
    """
    grow_old(bucket)
    (found,) = tick([Watched(bucket, page.pin, rows)], job_filter, reader="")
    for _ in range(40):
        if isinstance(found.head, Ready) and not found.head.stale and brings(found):
            break
        (found,) = tick([Watched(bucket, page.pin, rows)], job_filter, reader="")
    return found


def told(found: Tick) -> dict[str, tuple[str, bool, bool]]:
    return {change.row.job.job_id: (change.row.job.state, change.left, change.known) for change in found.changes}


def given(count: int, state: str = "Running") -> tuple[dict[str, Any], ...]:
    """Jobs created a minute apart."""
    newest = time.time() - 3600
    return tuple(
        {"JobId": f"b{number:032x}", "State": state, "CreationTime": stamp(newest - 60 * number)}
        for number in range(count)
    )


def stamp(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).isoformat()


def test_quiet_list_brings_nothing(new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(5))
    page = opened(bucket)

    found = ticked(bucket, page, shown(page))

    assert (told(found), found.new) == ({}, 0)


def test_row_that_changed_is_told_with_its_new_state(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(given=given(5))
    page = opened(bucket)
    job_id = page.rows[2].job.job_id
    emulator.change_job(bucket.name, job_id, State="Success")

    found = ticked(bucket, page, shown(page))

    assert told(found) == {job_id: ("Success", False, True)}


def test_new_jobs_are_counted_and_moved_ones_are_not(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(given=given(25))
    page = opened(bucket)
    for _ in range(3):
        emulator.add_job(bucket.name, CreationTime=stamp(time.time() - 60))
    # A job that goes lets the newest page reach further down than the list that is shown.
    emulator.remove_job(bucket.name, page.rows[0].job.job_id)

    found = ticked(bucket, page, [])

    assert (found.new, found.new_is_least) == (3, False)


@pytest.mark.parametrize("count", [0, 3])
def test_old_job_that_enters_a_list_which_was_whole_is_new(
    new_bucket: Callable[..., Bucket], emulator: Emulator, count: int
) -> None:
    bucket = new_bucket(given=given(8))
    failed = replace(LIST, states=("Failed",))
    for number in range(count):
        emulator.change_job(bucket.name, f"b{number:032x}", State="Failed")
    page = opened(bucket, failed)
    emulator.change_job(bucket.name, f"b{7:032x}", State="Failed")

    found = ticked(bucket, page, [], failed)

    assert (found.new, found.new_is_least) == (1, False)


def test_more_new_jobs_than_a_page_holds_are_told_as_at_least(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(given=given(25))
    page = opened(bucket)
    for _ in range(12):
        emulator.add_job(bucket.name, CreationTime=stamp(time.time() - 60))

    found = ticked(bucket, page, [])

    assert (found.new, found.new_is_least) == (10, True)


def test_row_that_left_the_filter_is_told_with_what_became_of_it(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(given=given(8))
    running = JobFilter(states=("Running",), size=10)
    page = opened(bucket, running)
    job_id = page.rows[3].job.job_id
    emulator.change_job(bucket.name, job_id, State="Success")

    found = ticked(bucket, page, shown(page), running, brings=told)

    assert told(found) == {job_id: ("Success", True, True)}


def test_row_below_the_first_page_is_told_too(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(given=given(25))
    second = opened(bucket, view=following(opened(bucket)))
    job_id = second.rows[4].job.job_id
    emulator.change_job(bucket.name, job_id, State="Failed", Code="Oops")

    found = ticked(bucket, second, shown(second), brings=told)

    assert told(found) == {job_id: ("Failed", False, True)}


def test_tick_asks_at_most_twice_and_shares_what_it_asked(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(given=given(25))
    second = opened(bucket, view=following(opened(bucket)))
    opened(bucket, view=following(second))  # so that no page ahead is still under way
    before = len(emulator.calls(bucket.name))

    ticked(bucket, second, shown(second))
    for _ in range(5):
        tick([Watched(bucket, second.pin, shown(second))], LIST, reader="")

    assert len(emulator.calls(bucket.name)) - before == 2


def test_row_that_left_holds_up_none_of_those_further_down(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    running = replace(LIST, states=("Running",))
    bucket = new_bucket(given=given(25))
    second = opened(bucket, running, following(opened(bucket, running)))
    left, leaves = (second.rows[place].job.job_id for place in (0, 2))
    emulator.change_job(bucket.name, left, State="Success")
    emulator.change_job(bucket.name, leaves, State="Failed")

    found = ticked(bucket, second, shown(second, **{left: "left"}), running, brings=lambda found: len(told(found)) == 2)

    assert told(found) == {left: ("Success", True, True), leaves: ("Failed", True, True)}


def test_try_that_failed_once_is_no_trouble_while_rows_further_down_are_still_asked_for(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(given=given(25))
    second = opened(bucket, LIST, following(opened(bucket)))
    when = {"query": {"size": "100"}}
    emulator.set_faults(
        bucket.name,
        {"kind": "error", "status": 500, "code": "InternalError", "when": when, "count": 1},
        {"kind": "delay", "seconds": 3.0, "when": when},
    )
    grow_old(bucket)

    found = [tick([Watched(bucket, second.pin, shown(second))], LIST, reader="")[0] for _ in range(3)]

    assert [one.head.problem for one in found if isinstance(one.head, Ready)] == [None] * 3


def test_what_keeps_rows_further_down_from_being_refreshed_is_told(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(given=given(25))
    second = opened(bucket, LIST, following(opened(bucket)))
    emulator.set_faults(
        bucket.name, {"kind": "error", "status": 400, "code": "InvalidArgument", "when": {"query": {"size": "100"}}}
    )

    found = ticked(
        bucket, second, shown(second), brings=lambda found: isinstance(found.head, Ready) and found.head.problem
    )

    assert isinstance(found.head, Ready)
    assert found.head.problem is not None
    assert found.head.problem.code == "InvalidArgument"


def test_rows_of_a_tick_are_read_and_what_is_no_row_is_left_out() -> None:
    query = QueryDict(
        "states=Running&pin=1700000000.1700000002000&rows=" + "b%253A1:Running:1699999990,bad,b2:Pause::left"
    )

    found = parse_live(query, now=1_700_000_010)

    assert found.asked.errors == {}
    assert [(one.job_id, one.state, one.left) for one in found.shown] == [
        ("b:1", "Running", False),
        ("b2", "Pause", True),
    ]
    assert found.shown[0].created is not None
    assert found.shown[0].created.timestamp() == 1_699_999_990
