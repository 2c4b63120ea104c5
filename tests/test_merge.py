"""Several buckets' lists as one, against a sorted oracle, with a real worker, two real Valkeys and the emulator."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobs import merge, servers
from jobs.cloudinfinite.emulator.faults import KINDS
from jobs.cloudinfinite.emulator.switches import CHOICES
from jobs.cloudinfinite.schema import format_time
from jobs.filters import JobFilter, Mark
from jobs.merge import Merged, Place
from tests.reading import UNBOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "waits_long")]

LIST = JobFilter(size=10)
DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}


def walk(places: Iterable[Place], job_filter: JobFilter = LIST) -> Iterator[Merged]:
    """Page through a merged list to its end, as a patient reader does."""
    following: Any = list(places)
    for _ in range(500):
        page = merge.look(following, job_filter, reader="")
        if page.again is None:
            yield page
            if page.next is None:
                return
            following = page.next
    raise AssertionError("the list does not end")


def shown(pages: Iterable[Merged]) -> list[tuple[str, str]]:
    return [(bucket.name, row.job.job_id) for page in pages for bucket, row in page.rows]


def oracle(emulator: Emulator, buckets: Iterable[Bucket], *, asc: bool = False) -> list[tuple[str, str]]:
    """Every job of the buckets, sorted by the second of its creation, then by bucket, then as the bucket has it."""
    every = []
    for number, bucket in enumerate(buckets):
        jobs = emulator.jobs(bucket.name)
        for place, job in enumerate(jobs[::-1] if asc else jobs):
            created = time_of(job.creation_time)
            every.append(((created if asc else -created, number, place), (bucket.name, job.job_id)))
    return [one for _key, one in sorted(every)]


def time_of(written: str) -> float:
    from jobs.cloudinfinite.schema import parse_time

    time = parse_time(written)
    assert time is not None, written
    return time.timestamp()


@pytest.mark.parametrize("order", ["Desc", "Asc"])
def test_jobs_of_several_buckets_come_in_one_order_each_once(
    new_bucket: NewBucket, emulator: Emulator, order: str
) -> None:
    buckets = [new_bucket(jobs=count, seed=count, spread=7200) for count in (37, 5, 0, 61, 23)]

    pages = list(walk(map(Place, buckets), JobFilter(size=10, order=order)))

    assert shown(pages) == oracle(emulator, buckets, asc=order == "Asc")
    assert all(len(page.rows) == 10 for page in pages[:-1])


def test_jobs_that_share_their_seconds_come_each_once(new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(jobs=40, seed=seed, spread=20) for seed in (1, 2, 3)]

    assert shown(walk(map(Place, buckets))) == oracle(emulator, buckets)


def test_jobs_that_arrive_while_it_is_paged_shift_nothing(new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(jobs=25, seed=seed, spread=7200) for seed in (1, 2)]
    expected = oracle(emulator, buckets)
    pages = walk(map(Place, buckets))

    found = shown([next(pages)])
    for bucket in buckets:
        emulator.add_job(bucket.name)
    found += shown(pages)

    assert found == expected


def test_bucket_that_can_t_be_read_is_named_and_the_others_go_on(new_bucket: NewBucket, emulator: Emulator) -> None:
    well, denied, unbound = new_bucket(jobs=15), new_bucket(faults=(DENIED,)), new_bucket(faults=(UNBOUND,))

    pages = list(walk(map(Place, (well, denied, unbound))))

    assert shown(pages) == oracle(emulator, [well])
    assert {name: problem.code for name, problem in pages[0].problems.items()} == {
        denied.name: "AccessDenied",
        unbound.name: "MediaBucketUnBinded",
    }
    assert pages[0].next is not None
    assert [place.out for place in pages[0].next] == [False, True, True]


@pytest.mark.usefixtures("waits_a_second")
def test_late_bucket_is_left_out_by_name_and_comes_in_no_later_page(new_bucket: NewBucket, emulator: Emulator) -> None:
    quick, slow = new_bucket(jobs=15), new_bucket(jobs=15, latency=2.5)

    pages = list(walk(map(Place, (quick, slow))))

    assert [bucket.name for bucket in pages[0].late] == [slow.name]
    assert shown(pages) == oracle(emulator, [quick])


@pytest.mark.usefixtures("waits_a_second")
def test_nothing_is_shown_while_every_bucket_is_late(new_bucket: NewBucket) -> None:
    slow = [new_bucket(jobs=5, latency=2.0) for _ in range(2)]
    began = time.monotonic()

    page = merge.look([Place(bucket) for bucket in slow], LIST, reader="")

    assert time.monotonic() - began < 1.9
    assert (page.rows, page.late, page.again is not None) == ([], [], True)


@pytest.mark.usefixtures("waits_a_second")
def test_row_is_never_shown_before_one_that_a_late_page_may_hold(new_bucket: NewBucket, emulator: Emulator) -> None:
    first, second = new_bucket(jobs=30, seed=1, spread=7200), new_bucket(jobs=30, seed=2, spread=7200)
    expected = oracle(emulator, [first, second])
    pages = walk([Place(first), Place(second)])
    found = shown([next(pages)])
    emulator.set_latency(1.6, first.name)

    # Each page may be short, but none is out of order, and none is lost.
    found += shown(pages)

    assert found == expected


def test_bucket_that_fails_in_mid_list_is_named_and_left_out_from_there(
    new_bucket: NewBucket, emulator: Emulator
) -> None:
    well, bad = new_bucket(jobs=40, seed=1, spread=7200), new_bucket(jobs=40, seed=2, spread=7200)
    pages = walk([Place(well), Place(bad)])
    first = next(pages)
    emulator.set_faults(bad.name, DENIED)

    rest = list(pages)

    assert {name for page in rest for name in page.problems} == {bad.name}
    assert [one for one in shown([first, *rest]) if one[0] == well.name] == oracle(emulator, [well])


def test_job_that_a_moved_chain_brings_behind_a_place_is_shown(
    new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    began = datetime.fromtimestamp(int(emulator.now()) - 600, UTC)
    times = [format_time(began - timedelta(seconds=2 * number)) for number in range(30)]
    bucket = new_bucket(given=tuple({"CreationTime": time} for time in times))
    jobs = emulator.job_ids(bucket.name)
    # The second page repeats a row, so the third begins where the second did, and brings what came in between.
    emulator.fault(bucket.name, "repeat_rows", rows=1, count=1, when={"token": True})
    first = merge.look([Place(bucket)], LIST, reader="")
    until(lambda: len(emulator.calls(bucket.name)) == 2)  # the page ahead
    until(lambda: all(call.seconds is not None for call in emulator.calls(bucket.name)))
    comes = emulator.add_job(bucket.name, CreationTime=format_time(began - timedelta(seconds=25)))
    second = merge.look(first.next or (), LIST, reader="")
    assert [job_id for _name, job_id in shown([second])] == [*jobs[10:19], comes]

    ends = Mark(int(time_of(times[18])), (Mark.digest(bucket.name, jobs[18]),))
    behind = merge.look([replace(second.begin[0], taken=19, mark=ends)], LIST, reader="")

    assert [job_id for _name, job_id in shown([behind])][:2] == [comes, jobs[19]]


def test_place_is_found_again_after_the_chains_are_forgotten(new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(jobs=35, seed=seed, spread=7200) for seed in (1, 2)]
    expected = oracle(emulator, buckets)
    pages = walk(map(Place, buckets))
    found = [next(pages), next(pages), next(pages)]
    with servers.cache_server().connection() as client:
        client.flushall()

    assert found[-1].next is not None
    assert shown(found) + shown(walk(found[-1].next)) == expected


def test_jobs_that_leave_the_filter_meanwhile_hide_none_that_stay(new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(jobs=60, seed=seed, spread=7200) for seed in (1, 2)]
    running = JobFilter(size=10, states=("Running", "Submitted", "Pause", "Failed"))
    wanted = {
        (bucket.name, job.job_id)
        for bucket in buckets
        for job in emulator.jobs(bucket.name)
        if job.state in running.states
    }
    pages = walk(map(Place, buckets), running)
    found = shown([next(pages)])
    leaving = next(one for one in oracle(emulator, buckets) if one in wanted and one not in found)
    emulator.change_job(leaving[0], leaving[1], State="Success")

    found += shown(pages)

    assert wanted - {leaving} <= set(found)
    assert len(found) == len(set(found))


def test_silent_bucket_delays_the_others_by_the_first_wait_alone(
    new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    settings.FIRST_WAIT = 2.0
    well, silent = [new_bucket(jobs=15, seed=seed, spread=7200) for seed in (1, 2)], new_bucket(latency=60.0)

    began = time.monotonic()
    page = merge.look([Place(bucket) for bucket in (*well, silent)], LIST, reader="")
    first = time.monotonic() - began
    began = time.monotonic()
    rest = list(walk(page.next or ()))
    after = time.monotonic() - began

    assert first < 2 * settings.FIRST_WAIT
    assert after < settings.FIRST_WAIT  # Each of two pages would wait for it.
    assert [bucket.name for bucket in page.late] == [silent.name]
    assert shown([page, *rest]) == oracle(emulator, well)


@pytest.mark.usefixtures("waits_a_second")
def test_bucket_that_begins_to_hang_in_mid_list_is_named_and_no_look_takes_long(
    new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    settings.FETCH_DEADLINE = 2.0
    well, bad = new_bucket(jobs=40, seed=1, spread=7200), new_bucket(jobs=40, seed=2, spread=7200)
    read = [next(walk([Place(well), Place(bad)]))]
    emulator.set_faults(bad.name, {"kind": "hang", "seconds": 60.0})
    took, waited_for, following = [], set(), read[0].next

    while following:
        began = time.monotonic()
        page = merge.look(following, LIST, reader="")
        took.append(time.monotonic() - began)
        waited_for |= {bucket.name for bucket in page.waiting}
        if page.again is not None:
            assert page.waiting
            continue
        read.append(page)
        following = page.next

    assert max(took) < 2 * settings.FIRST_WAIT  # No look waits twice, or for the call's whole deadline.
    assert waited_for == {bad.name}
    assert {name for page in read for name in page.problems} == {bad.name}
    assert [one for one in shown(read) if one[0] == well.name] == oracle(emulator, [well])


# Every fault --------------------------------------------------------------------------------------------------------------

BEHIND = {"token": True}
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"kind": "error", "status": 429, "code": "SlowDown", "count": 1},
    "500": {"kind": "error", "status": 500, "code": "InternalError", "when": BEHIND},
    "500 now and then": {"kind": "error", "status": 500, "code": "InternalError", "probability": 0.4},
    "denied": {"kind": "error", "status": 403, "code": "AccessDenied", "when": BEHIND},
    "hang": {"kind": "hang", "seconds": 30.0, "when": BEHIND},
    "broken XML": {"kind": "truncate", "keep": 0.5, "probability": 0.5},
    "no XML": {"kind": "raw", "body": "<html>", "when": BEHIND},
    "reset": {"kind": "reset", "after": 100, "probability": 0.5},
    "shuffle": {"kind": "shuffle", "among": "ties"},
    "repeat_rows": {"kind": "repeat_rows", "rows": 2, "when": BEHIND},
    "token_repeat": {"kind": "token_repeat", "when": BEHIND},
    "empty_page": {"kind": "empty_page", "probability": 0.3, "when": BEHIND},
    "garbage": {"kind": "garbage", "data": "HTTP/9.9 what\r\n\r\n", "when": BEHIND},
    "redirect": {"kind": "redirect", "when": BEHIND},
    "huge": {"kind": "huge", "bytes": 60_000_000, "when": BEHIND},
    "trickle": {"kind": "trickle", "part": "headers", "interval": 0.05, "when": BEHIND},
    "date": {"kind": "date", "offset": 7200.0, "when": BEHIND},
    "delay": {"kind": "delay", "seconds": 0.2, "when": BEHIND},
}
"""What is wrong with a bucket each; 503 stands for itself, since two that are throttled stop their credential."""
HARMLESS = ("shuffle", "repeat_rows", "date", "delay")
"""What a list gets over: jobs of one second in another order, rows that come again, a clock that is wrong, an answer that takes its time."""
LOSING = ("500", "denied", "hang", "no XML", "garbage", "redirect", "huge", "trickle", "token_repeat")
"""What a list can't get over, so that its bucket must be named."""


@pytest.fixture
def switches(emulator: Emulator) -> Iterator[Callable[..., None]]:
    """Set switches of the session's emulator, which are put back afterwards."""
    changed: set[str] = set()

    def change(**chosen: str) -> None:
        changed.update(chosen)
        emulator.set_switches(**chosen)

    yield change
    emulator.set_switches(**{name: CHOICES[name][0] for name in changed})


@pytest.mark.parametrize(
    ("seed", "tokens", "end_of_list", "throttled"),
    [(1, "offset", "empty", "429"), (2, "cursor", "missing", "503"), (3, "offset", "missing", "503")],
)
def test_every_fault_leaves_the_other_buckets_whole_and_its_own_bucket_whole_or_named(
    new_bucket: NewBucket,
    emulator: Emulator,
    switches: Callable[..., None],
    settings: Settings,
    seed: int,
    tokens: str,
    end_of_list: str,
    throttled: str,
) -> None:
    settings.FETCH_DEADLINE = 2.0
    switches(tokens=tokens, end_of_list=end_of_list)
    well = [new_bucket(jobs=30, seed=100 * seed + number, spread=spread) for number, spread in enumerate((7200, 60))]
    bad = {}
    for number, (name, fault) in enumerate(FAULTS.items()):
        if name == "429" and throttled == "503":
            fault = {"kind": "error", "status": 503, "code": "ServiceUnavailable", "count": 1}
        bucket = new_bucket(jobs=30, seed=1000 * seed + number, spread=7200 if number % 2 else 60)
        emulator.set_faults(bucket.name, {**fault, "seed": seed})
        bad[bucket.name] = bucket
    everything = [*well, *bad.values()]

    read = list(walk(map(Place, everything)))

    rows, whole = shown(read), oracle(emulator, everything)
    named = {name for page in read for name in page.problems}
    named |= {bucket.name for page in read for bucket in (*page.late, *page.doubtful)}
    assert named <= bad.keys()
    by_fault = dict(zip(FAULTS, bad, strict=True))
    troubled = {name for page in read for name in (*page.problems, *(bucket.name for bucket in page.doubtful))}
    assert {name for name in HARMLESS if by_fault[name] in troubled} == set()
    assert {name for name in LOSING if by_fault[name] not in named} == set()
    assert len(rows) == len(set(rows))
    created = {
        (bucket.name, job.job_id): time_of(job.creation_time)
        for bucket in everything
        for job in emulator.jobs(bucket.name)
    }
    times = [created[one] for one in rows]
    assert times == sorted(times, reverse=True)
    for bucket in everything:
        of_bucket = [one for one in rows if one[0] == bucket.name]
        if bucket.name not in named:
            expected = [one for one in whole if one[0] == bucket.name]
            assert sorted(of_bucket) == sorted(expected), bucket.name
    of_well = [one for one in rows if one[0] in {bucket.name for bucket in well}]
    assert of_well == oracle(emulator, well)


def test_every_kind_of_fault_is_met() -> None:
    assert {fault["kind"] for fault in FAULTS.values()} == set(KINDS)


# Pages that are fetched again ---------------------------------------------------------------------------------------------


def forget(*patterns: str) -> None:
    """Let the cache lose what it keeps under names like these."""
    with servers.cache_server().connection() as client:
        for pattern in patterns:
            lost = list(client.scan_iter(servers.cache_key(pattern)))
            assert lost, pattern
            client.delete(*lost)


def by_number(page: Merged) -> list[Place]:
    """Where a page goes on as older addresses say it."""
    return [replace(place, mark=None) for place in page.next or ()]


@pytest.mark.parametrize("order", ["Desc", "Asc"])
@pytest.mark.parametrize("spread", [7200, 30])
@pytest.mark.parametrize(("leaves", "enters"), [(2, 0), (0, 2), (1, 1), (3, 1)])
@pytest.mark.parametrize("lost", ["page:{}:*", "*:{}:*"])
def test_jobs_that_leave_and_enter_pages_which_are_fetched_again_move_no_other(
    new_bucket: NewBucket, emulator: Emulator, order: str, spread: int, leaves: int, enters: int, lost: str
) -> None:
    buckets = [new_bucket(jobs=35, seed=seed, spread=spread) for seed in (1, 2)]
    moving, job_filter = buckets[1], JobFilter(size=10, order=order)
    expected = oracle(emulator, buckets, asc=order == "Asc")
    pages = walk(map(Place, buckets), job_filter)
    read = [next(pages), next(pages)]
    mine = [job for name, job in shown(read) if name == moving.name]
    gone = mine[:leaves]
    seen = {job.job_id: job.creation_time for job in emulator.jobs(moving.name)}
    for job in gone:
        emulator.remove_job(moving.name, job)
    for job in mine[leaves : leaves + enters]:
        emulator.add_job(moving.name, CreationTime=seen[job])
    forget(lost.format(moving.name))

    assert read[-1].next is not None
    found = shown(read) + shown(walk(read[-1].next, job_filter))

    stayed = [one for one in expected if one[1] not in gone]
    assert sorted(one for one in found if one in stayed) == sorted(stayed)
    assert len(found) == len(set(found))


def test_place_by_numbers_alone_goes_on_where_nothing_moved(new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(jobs=35, seed=seed, spread=7200) for seed in (1, 2)]
    pages = walk(map(Place, buckets))
    read = [next(pages), next(pages), next(pages)]

    assert shown(read) + shown(walk(by_number(read[-1]))) == oracle(emulator, buckets)
    forget("*")
    assert shown(read) + shown(walk(by_number(read[-1]))) == oracle(emulator, buckets)


def test_more_jobs_of_one_second_than_an_address_can_name_are_told_by_their_number(
    new_bucket: NewBucket, emulator: Emulator
) -> None:
    buckets = [new_bucket(jobs=60, seed=seed, spread=1) for seed in (1, 2)]
    job_filter = JobFilter(size=30)
    pages = list(walk(map(Place, buckets), job_filter))

    marks = [page.next[0].mark for page in pages if page.next]
    assert None in marks
    assert shown(pages) == oracle(emulator, buckets)


def test_list_whose_chains_were_forgotten_goes_on_under_new_pins(new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(jobs=35, seed=seed, spread=7200) for seed in (1, 2)]
    opened = next(walk(map(Place, buckets)))
    forget("*")

    again = next(walk(opened.begin))
    deep = merge.look(opened.begin, LIST, reader="", depth=3)

    assert all(new.pin != old.pin for new, old in zip(again.begin, opened.begin, strict=True))
    assert all(
        new.pin and old.pin and new.pin.end == old.pin.end for new, old in zip(again.begin, opened.begin, strict=True)
    )
    assert shown([again]) == shown([opened])
    assert shown([deep])[:10] == shown([opened])
    assert deep.next is not None
    assert shown([deep]) + shown(walk(deep.next)) == oracle(emulator, buckets)


# Several pages together ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["Desc", "Asc"])
def test_depth_shows_what_was_paged_from_the_cache_alone(
    new_bucket: NewBucket, emulator: Emulator, order: str, until: Callable[[Callable[[], Any]], None]
) -> None:
    buckets = [new_bucket(jobs=count, seed=count, spread=7200) for count in (37, 5, 0, 61, 23)]
    job_filter = JobFilter(size=10, order=order)
    paged = list(walk(map(Place, buckets), job_filter))
    until(lambda: all(call.seconds is not None for bucket in buckets for call in emulator.calls(bucket.name)))
    calls = len(emulator.calls())

    for depth in (2, 5, len(paged), len(paged) + 3):
        page = merge.look(paged[0].begin, job_filter, reader="", depth=depth)
        expected = oracle(emulator, buckets, asc=order == "Asc")[: depth * 10]
        assert shown([page]) == expected
        assert shown([page]) + shown(walk(page.next, job_filter) if page.next else ()) == shown(paged)
    assert len(emulator.calls()) == calls


def test_begin_names_the_pin_of_each_bucket_that_takes_part(new_bucket: NewBucket) -> None:
    well, denied = new_bucket(jobs=25, spread=7200), new_bucket(faults=(DENIED,))
    first, second, *_ = walk([Place(well), Place(denied)])

    assert [(place.out, place.taken) for place in first.begin] == [(False, 0), (True, 0)]
    assert (first.left_out, second.left_out) == ([], [denied])
    assert first.begin[0].pin == second.begin[0].pin
    assert (second.begin[0].taken, second.begin[1].out) == (10, True)


def test_pages_behind_the_first_are_not_fetched_for_depth(
    new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    buckets = [new_bucket(jobs=95, seed=seed, spread=7200) for seed in (1, 2)]

    page = merge.look([Place(bucket) for bucket in buckets], LIST, reader="", depth=9)

    assert shown([page]) == oracle(emulator, buckets)[: len(page.rows)]
    assert 10 <= len(page.rows) <= 40
    until(lambda: all(call.seconds is not None for bucket in buckets for call in emulator.calls(bucket.name)))
    # The first page of rows, and one page ahead.
    assert all(len(emulator.calls(bucket.name)) <= 3 for bucket in buckets)
    following = merge.look(page.next or (), LIST, reader="")
    assert shown([following]) == oracle(emulator, buckets)[len(page.rows) : len(page.rows) + 10]


@pytest.mark.parametrize(("most", "at"), [(20, 2), (20, 3), (20, 6), (50, 5), (1000, 6)])
def test_rows_before_a_place_are_found_again(new_bucket: NewBucket, emulator: Emulator, most: int, at: int) -> None:
    buckets = [new_bucket(jobs=count, seed=count, spread=7200) for count in (37, 3, 25)]
    paged = list(walk(map(Place, buckets)))

    before = merge.rows_before(paged[at].begin, LIST, most)

    assert before is not None
    begins = max(0, at * 10 - most)
    assert sum(place.taken for place in before) == begins
    page = merge.look(before, LIST, reader="")
    assert shown([page]) == oracle(emulator, buckets)[begins : begins + 10]


def test_nothing_stands_before_the_first_page(new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=5)
    (page,) = walk([Place(bucket)])

    assert merge.rows_before(page.begin, LIST, 20) is None


def test_rows_before_are_not_guessed_where_the_chains_are_forgotten(new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=35, seed=seed, spread=7200) for seed in (1, 2)]
    paged = list(walk(map(Place, buckets)))
    with servers.cache_server().connection() as client:
        client.flushall()

    assert merge.rows_before(paged[4].begin, LIST, 20) is None


def test_bucket_that_fails_in_mid_list_is_told_as_lost_there_alone(new_bucket: NewBucket, emulator: Emulator) -> None:
    well, bad = new_bucket(jobs=60, seed=1, spread=7200), new_bucket(jobs=60, seed=2, spread=7200)
    pages = walk([Place(well), Place(bad)])
    seen = [next(pages)]
    emulator.set_faults(bad.name, DENIED)
    seen += pages

    assert [page.lost for page in seen if page.lost] == [[bad]]


def test_merged_list_outlives_a_cache_that_forgot_its_scripts(new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=25, seed=seed, spread=7200) for seed in range(1, 4)]
    paged = list(walk(map(Place, buckets)))
    with servers.cache_server().connection() as client:
        client.script_flush()

    assert shown([merge.look(paged[0].begin, LIST, reader="")]) == shown([paged[0]])
