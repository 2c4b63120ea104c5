"""All buckets at once, with a real worker, two real Valkeys and the emulator."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from jobs import clock, overview, pages, servers
from jobs.filters import JobFilter, View
from jobs.overview import Line, Overview
from jobs.searches import Ready
from tests.factories import jobs_in
from tests.reading import UNBOUND

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]
    Until = Callable[..., None]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]

QUESTION = overview.question("24h")
DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}
BROKEN = {"kind": "raw", "status": 200, "body": "<Response><JobsDetail>"}
SILENT = {"kind": "hang"}
FAILING = {"kind": "error", "status": 500, "code": "InternalError"}


def look(*buckets: Bucket) -> Overview:
    return overview.look(buckets, QUESTION, now=clock.now())


def looked(until: Until, *buckets: Bucket) -> list[Line]:
    """Look as a page does, until all is there."""
    until(lambda: look(*buckets).again is None)
    return list(look(*buckets).lines)


def counts(line: Line) -> dict[str, int]:
    assert line.summary is not None, line
    return dict(line.summary.counts)


def grow_old(bucket: Bucket, seconds: float) -> None:
    """Let every page of `bucket` be so much older."""
    with servers.cache_server().connection() as client:
        for key in list(client.scan_iter(servers.cache_key(f"page:{bucket.name}:*"))):
            client.hincrby(key, "began", -round(seconds * 1000))


def test_each_bucket_is_asked_once_and_counted(new_bucket: NewBucket, emulator: Emulator, until: Until) -> None:
    first = new_bucket(given=jobs_in("Failed", "Failed", "Running", "Success"))
    second = new_bucket(given=jobs_in("Submitted", "Pause"))
    empty = new_bucket()

    lines = looked(until, first, second, empty)

    assert [counts(line) for line in lines] == [
        {"Failed": 2, "Running": 1, "Submitted": 0, "Pause": 0},
        {"Failed": 0, "Running": 0, "Submitted": 1, "Pause": 1},
        {"Failed": 0, "Running": 0, "Submitted": 0, "Pause": 0},
    ]
    assert [len(emulator.calls(bucket.name)) for bucket in (first, second, empty)] == [1, 1, 1]
    asked = emulator.calls(first.name)[0].parameters
    assert (asked["states"], asked["size"]) == ("Submitted,Running,Failed,Pause", "100")


def test_look_does_not_wait(new_bucket: NewBucket, settings: Settings) -> None:
    settings.FIRST_WAIT = 3.0
    buckets = [new_bucket(jobs=3, latency=2.0) for _ in range(10)]
    began = time.monotonic()

    found = look(*buckets)

    assert time.monotonic() - began < 2.0  # Nothing comes before that.
    assert all(line.pending for line in found.lines)
    assert found.again is not None
    assert found.answered == 0


def test_what_one_reader_opened_is_there_for_the_next(new_bucket: NewBucket, emulator: Emulator, until: Until) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))
    looked(until, bucket)

    again = look(bucket)

    assert (counts(again.lines[0])["Failed"], again.again) == (1, None)
    assert len(emulator.calls(bucket.name)) == 1


def test_list_of_the_same_question_shares_its_page(new_bucket: NewBucket, emulator: Emulator, until: Until) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))
    looked(until, bucket)

    answer = pages.get_page(bucket, QUESTION, View())

    assert isinstance(answer, Ready)
    assert len(emulator.calls(bucket.name)) == 1


def test_list_that_narrows_the_question_is_shown_what_is_known_meanwhile(new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Running", "Failed", "Failed"))
    looked(until, bucket)

    def seeded(**asked: str) -> list[str] | None:
        page = overview.seed(bucket, JobFilter.from_params({"range": "24h", **asked}))
        return [row.job.job_id for row in page.rows] if page else None

    newest_first = seeded(states="Failed")
    assert newest_first is not None
    assert len(newest_first) == 3
    assert seeded(states="Failed", orderByTime="Asc") == newest_first[::-1]
    assert seeded(states="Failed", size="2") == newest_first[:2]
    for other in ({"states": "Success"}, {"states": "Failed", "name": "x"}, {"states": "Failed", "range": "7d"}, {}):
        assert seeded(**other) is None


def test_oldest_jobs_of_a_page_that_goes_on_are_not_shown_as_the_list_s_oldest(
    new_bucket: NewBucket, until: Until
) -> None:
    bucket = new_bucket(given=jobs_in(*["Failed"] * 130))
    looked(until, bucket)

    newest, oldest = (
        overview.seed(bucket, JobFilter.from_params({"range": "24h", "states": "Failed", "orderByTime": order}))
        for order in ("Desc", "Asc")
    )

    assert newest is not None
    assert oldest is None


def test_counts_of_a_page_that_goes_on_are_the_least(new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(given=jobs_in(*["Failed"] * 130))

    (line,) = looked(until, bucket)

    assert line.summary is not None
    assert (line.summary.counts["Failed"], line.summary.is_least) == (100, True)


def test_misbehaving_buckets_delay_none_of_the_others(new_bucket: NewBucket, until: Until, settings: Settings) -> None:
    bad = [new_bucket(faults=(fault,)) for fault in (DENIED, UNBOUND, BROKEN, SILENT, SILENT)]
    alone, good = ([new_bucket(given=jobs_in("Failed")) for _ in range(15)] for _ in range(2))

    def seconds_until_told(*first: Bucket, others: list[Bucket]) -> float:
        began = time.monotonic()
        until(lambda: all(line.summary for line in look(*first, *others).lines[len(first) :]))
        return time.monotonic() - began

    without = seconds_until_told(others=alone)
    beside = seconds_until_told(*bad, others=good)

    assert (
        beside < without + settings.CI_DEADLINE / 2
    )  # who waited for a silent bucket would be later by the whole of it
    until(
        lambda: (
            [line.problem and line.problem.kind for line in look(*bad).lines[:3]]
            == ["permission", "not_enabled", "unreadable"]
        )
    )


def test_thirty_of_forty_are_counted_and_ten_that_misbehave_told_each_as_it_is(
    new_bucket: NewBucket, until: Until
) -> None:
    wrong = (DENIED, UNBOUND, BROKEN, FAILING, SILENT)
    bad = [new_bucket(faults=(fault,)) for fault in wrong for _ in range(2)]
    good = [new_bucket(given=jobs_in(*["Failed"] * (number % 7), "Running")) for number in range(30)]
    mixed = [bucket for four in zip(*[iter(good)] * 3, bad, strict=True) for bucket in four]

    lines: dict[Bucket, Line] = {}

    def is_told() -> bool:
        lines.update({line.bucket: line for line in look(*mixed).lines})
        return all(lines[bucket].summary for bucket in good) and all(lines[bucket].problem for bucket in bad[:8])

    until(is_told, 30)

    assert [counts(lines[bucket]) for bucket in good] == [
        {"Submitted": 0, "Running": 1, "Failed": number % 7, "Pause": 0} for number in range(30)
    ]
    told = [(lines[bucket].problem, lines[bucket].summary) for bucket in bad]
    assert [(problem.kind, summary) for problem, summary in told[:8] if problem] == [
        (kind, None) for kind in ("permission", "not_enabled", "unreadable", "upstream_failing") for _ in range(2)
    ]
    assert [summary for _problem, summary in told[8:]] == [None, None]


def test_silent_buckets_hold_no_more_than_their_leases(new_bucket: NewBucket, emulator: Emulator, until: Until) -> None:
    from jobs import throttle

    silent = [new_bucket(faults=(SILENT,)) for _ in range(throttle.OVERVIEW_LEASES + 6)]

    def asked() -> int:
        return sum(len(emulator.calls(bucket.name)) for bucket in silent)

    look(*silent)
    until(asked)
    for _ in range(3):
        look(*silent)
        time.sleep(0.2)  # whatever is enqueued by then is what the leases have let through

    assert 0 < asked() <= throttle.OVERVIEW_LEASES


def test_one_look_enqueues_a_few_fetches_and_the_next_goes_on(new_bucket: NewBucket, until: Until) -> None:
    buckets = [new_bucket(given=jobs_in("Pause")) for _ in range(overview.AT_ONCE + 8)]

    first = look(*buckets)

    assert first.again == overview.SOONEST
    lines = looked(until, *buckets)
    assert [counts(line)["Pause"] for line in lines] == [1] * len(buckets)


def test_line_is_asked_for_anew_after_a_minute_and_shown_meanwhile(
    new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))
    looked(until, bucket)
    grow_old(bucket, overview.AGE - 5)
    assert look(bucket).again is None

    grow_old(bucket, 10)
    emulator.add_job(bucket.name, **jobs_in("Failed")[0])
    stale = look(bucket)

    assert (counts(stale.lines[0])["Failed"], stale.again is not None) == (1, True)
    until(lambda: counts(look(bucket).lines[0])["Failed"] == 2)


def test_line_whose_bucket_fails_now_keeps_what_it_told(
    new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))
    looked(until, bucket)
    grow_old(bucket, 3 * overview.AGE)
    emulator.set_faults(bucket.name, DENIED)

    until(lambda: look(bucket).lines[0].problem)

    line = look(bucket).lines[0]
    assert (counts(line)["Failed"], line.problem and line.problem.code) == (1, "AccessDenied")
    assert line.old


def test_summary_is_made_once(new_bucket: NewBucket, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs import summaries

    bucket = new_bucket(given=jobs_in("Failed"))
    looked(until, bucket)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a summary is made again")

    monkeypatch.setattr(summaries, "summarize", never)

    assert counts(look(bucket).lines[0])["Failed"] == 1


def test_many_buckets_are_asked_less_often(new_bucket: NewBucket) -> None:
    assert overview.age_of(40) == overview.AGE
    assert overview.age_of(500) == 500 * overview.SHARE
