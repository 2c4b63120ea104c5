"""Three hundred hostile addresses and as many hostile answers, through real processes. `./dev fuzz` sends more.

A failure names its case: `./dev fuzz --seed 7 --first NUMBER --count 1` sends it alone.
"""

from __future__ import annotations

import base64
import gzip
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from jobs import servers
from tests.canaries import CANARY_KEY, database_texts, process_texts, redis_texts
from tests.e2e.sites import own_database
from tests.emulators import Emulator, JobSummary
from tests.fuzz import stack
from tests.fuzz.addresses import Places, address
from tests.fuzz.answers import mutant
from tests.fuzz.firing import fire_addresses
from tests.fuzz.judging import Person, complaints, foreign_rows
from tests.fuzz.pulse import Pulse
from tests.fuzz.reading import read_by_product
from tests.fuzz.watch import Watch
from tests.fuzz.wire import Received, Request, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fuzz.stack import Stack

    Until = Callable[[Callable[[], object]], None]

SEED, COUNT = 7, 300


@pytest.fixture
def under_fire(transactional_db: None, static_files: None) -> Iterator[tuple[Stack, Emulator]]:
    """A site and an emulator of the test's own, on other databases of the Redis servers than any other test."""
    with Emulator() as emulator, stack.running(emulator, **own_database(8)) as running:
        yield running, emulator


def test_hostile_addresses_and_answers_are_withstood(under_fire: tuple[Stack, Emulator]) -> None:
    running, emulator = under_fire

    asked = fire_addresses(running, SEED, 0, COUNT, lanes=8)
    read = read_by_product(running, emulator, SEED, 0, COUNT)
    left = running.canaries_left_behind()

    assert (list(asked.first_of_each_kind()), list(read.first_of_each_kind()), left) == ([], [], [])
    # What has been sent must have reached what it was aimed at: views that answered, rows that were shown, Redis.
    answered = {what: count for what, count in asked.counts.items() if what.startswith("fuzz-viewer 200")}
    assert sum(answered.values()) > 10
    assert any("with rows" in what for what in answered)
    assert any("with rows in " in what for what in answered)
    assert running.watch.looks > 1
    assert read.counts["product rows"] > COUNT // 4
    assert any("bfuzzshown" in text for text in redis_texts(running.site.cache_url))
    # And where nothing was found there was something to look through.
    assert "RequestId" in running.site.worker.text()
    assert "/buckets/" in running.site.web.text()
    assert any("fuzz-viewer" in text for _place, text in database_texts(settings.DATABASES["default"]["NAME"]))
    assert any("celery" in text for _place, text in process_texts())


@pytest.mark.usefixtures("empty_redis")
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_canary_is_seen_in_base64_and_what_only_looks_like_it_is_passed_over(padding: int) -> None:
    message = f"{'x' * padding}{CANARY_KEY} in a task's arguments".encode()
    with servers.cache_server().connection() as client:
        client.set("task", b'{"body": "%s"}' % base64.b64encode(message))
        client.set("odd", b'"%s"' % (b"a" * 33))

    texts = list(redis_texts(settings.REDIS_CACHE_URL))

    assert sum(CANARY_KEY in text for text in texts) == 1


def test_compressed_answer_is_judged_by_what_it_holds() -> None:
    sent = Received(200, (("content-encoding", "gzip"), ("content-length", "9")), gzip.compress(b"<html>"))

    assert unpacked(sent) == Received(200, (("content-encoding", "gzip"), ("content-length", "6")), b"<html>")


def test_a_case_is_the_same_whatever_was_made_before_it() -> None:
    places = Places("h:1", stack.SHOWN, stack.SHOWN_TOO, stack.ELSEWHERE, stack.HIDDEN, stack.UNKNOWN, ("b1",))

    again = [(address(SEED, number, places), mutant(SEED, number).wire(0.0)) for number in (7, 3)]

    assert again == [(address(SEED, number, places), mutant(SEED, number).wire(0.0)) for number in (7, 3)]
    assert address(SEED + 1, 7, places) != again[0][0]


# What is looked for can be found ---------------------------------------------------------------------------------------

PLACES = Places(
    "h:1", "mine", "mine-too", "theirs", "taboo", "never", ("b1",),
    jobs={
        bucket: {job_id: JobSummary(job_id, "Job", "nightly", "Failed", "2026-06-27T15:23:10+0800")}
        for bucket, job_id in (("mine", "b1"), ("mine-too", "b2"), ("theirs", "b3"))
    },
)  # fmt: skip


def answer(status: int, body: str, kind: str = "text/html") -> Received:
    return Received(status, (("content-type", kind),), body.encode())


def answers_with(row: str) -> list[Received]:
    """Return a page, a twin and two files that show one row."""
    bucket, _, job_id = row.rpartition("/")
    job = {"JobId": job_id, **({"_bucket": bucket} if bucket else {})}
    return [
        answer(200, f'<tr id="job-{row}">'),
        answer(200, json.dumps({"jobs": [job]}), "application/json"),
        answer(200, f'{{"_export": {{}}}}\n{json.dumps(job)}\n', "application/x-ndjson"),
        answer(200, f"\ufeff_bucket,JobId,1 job\r\n{bucket},{job_id},\r\n", "text/csv"),
    ]


@pytest.mark.parametrize(
    ("path", "row", "is_foreign"),
    [
        ("/buckets/mine/jobs/", "b1", False),
        ("/buckets/mine/tick/", "b1", False),
        ("/buckets/mine/jobs/", "b2", True),
        ("/buckets/mine/tick/", "b3", True),
        ("/buckets/mine/jobs/", "mine/b1", True),
        ("/jobs/", "mine/b1", False),
        ("/jobs/", "mine-too/b2", False),
        ("/jobs/tick/", "mine/b2", True),
        ("/jobs/", "theirs/b3", True),
        ("/jobs/", "b3", True),
    ],
)
def test_row_of_another_bucket_is_found(path: str, row: str, *, is_foreign: bool) -> None:
    request = Request("GET", path.encode())

    assert [bool(foreign_rows(request, one, PLACES)) for one in answers_with(row)] == [is_foreign] * 4


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("", True),
        ("type=Job&states=Failed,Running&name=nightly&jobId=b1&lang=en", True),
        ("type=Workflow", False),
        ("states=Running,Success", False),
        ("name=night", False),
        ("jobId=b2", False),
        ("startCreationTime=2026-06-27T15:23:10%2B0800&endCreationTime=2026-06-27T07:23:10Z", True),
        ("startCreationTime=2026-06-27T15:23:11%2B0800", False),
        ("endCreationTime=2026-06-27T15:23:09%2B0800", False),
        ("nextToken=1&pin=1782544990.1782544990000", True),
        ("nextToken=1&pin=1782544989.1782544990000", False),
        ("pin=1782544989.1782544990000", True),  # the place is not kept any more
        ("pin=1782544989.9999999999999", False),
        ("nextToken=1&pin=1782548590.1782548590000&range=59m", True),
        ("nextToken=1&pin=1782548590.1782548590000&range=57m", False),
        ("range=1h", False),
        ("workflowId=w4d0f6a1b2c3e4f5061728394a5b6c7d8", False),  # it is a job of no workflow
    ],
)
def test_row_that_the_address_s_filter_does_not_let_through_is_found(query: str, *, fits: bool) -> None:
    request = Request("GET", f"/buckets/mine/jobs/?{query}".encode())

    assert [not foreign_rows(request, one, PLACES) for one in answers_with("b1")] == [fits] * 4


@pytest.mark.parametrize(
    ("query", "rows", "is_wrong"),
    [
        ("", "cba", False),
        ("", "abc", True),
        ("orderByTime=Asc", "abc", False),
        ("orderByTime=Asc", "cba", True),
        ("size=2", "cba", True),
        ("size=2&depth=2", "cba", False),
    ],
)
def test_rows_out_of_order_or_more_than_were_asked_for_are_found(query: str, rows: str, *, is_wrong: bool) -> None:
    jobs = {one: JobSummary(one, "Job", "", "Failed", f"2026-06-27T15:23:{ord(one) % 60}+0800") for one in "abc"}
    request = Request("GET", f"/buckets/mine/jobs/?{query}".encode())
    page = answer(200, "".join(f'<tr id="job-{row}">' for row in rows))

    assert bool(foreign_rows(request, page, replace(PLACES, jobs={"mine": jobs}))) == is_wrong


def test_row_of_a_tick_may_have_left_the_list() -> None:
    request = Request("GET", b"/buckets/mine/tick/?states=Running")

    assert foreign_rows(request, answer(200, '<tr id="job-b1">'), PLACES) == []


@pytest.mark.parametrize(("kind", "text"), [("application/x-ndjson", "{}\n{"), ("text/csv", "Id\r\nb1\r\n")])
def test_file_that_can_t_be_read_is_wrong(kind: str, text: str) -> None:
    request = Request("GET", b"/buckets/mine/loaded.csv")

    assert foreign_rows(request, answer(200, text, kind), PLACES) == [f"{kind} that can't be read"]


@pytest.mark.parametrize(("method", "is_wrong"), [("HEAD", False), ("GET", True)])
def test_json_without_a_body_is_wrong_but_where_only_its_head_was_asked_for(method: str, *, is_wrong: bool) -> None:
    request = Request(method, b"/jobs.json?bucket=a,b")

    assert bool(foreign_rows(request, answer(200, "", "application/json"), PLACES)) == is_wrong


@pytest.mark.parametrize(
    ("status", "code", "excused"),
    [
        (503, "no_worker", True),
        (503, "busy", True),
        (504, "timeout", True),
        (502, "unreachable", False),
        (500, "", False),
    ],
)
def test_trouble_is_excused_only_while_the_machine_stands_still(status: int, code: str, *, excused: bool) -> None:
    person, request = Person("somebody", b"", (), is_stranger=False), Request("GET", b"/buckets/mine/jobs.json")
    received = answer(status, json.dumps({"problem": {"code": code}}), "application/json")

    def told(*, slow: bool) -> bool:
        found = complaints(person, request, received, PLACES, (), is_slow=lambda: slow)
        return any(complaint.startswith(f"status {status}") for complaint in found)

    assert told(slow=False)
    assert told(slow=True) != excused


def test_pulse_notes_that_a_redis_stood_still(until: Until) -> None:
    with Pulse([settings.REDIS_CACHE_URL]) as pulse:
        calm = pulse.stalled(time.monotonic() + 10)  # as whoever asks then, when a stall before the test is forgotten
        with servers.cache_server().connection() as client:
            client.client_pause(600)
            client.ping()

        assert not calm
        until(lambda: pulse.stalled(time.monotonic()))


@pytest.mark.usefixtures("empty_redis")
def test_canary_that_lapses_before_the_end_is_seen(until: Until) -> None:
    with Watch([settings.REDIS_CACHE_URL], [CANARY_KEY]) as watch, servers.cache_server().connection() as client:
        client.set("soon-gone", f"a {CANARY_KEY}")
        until(lambda: watch.found)
        client.delete("soon-gone")
        looks = watch.looks
        until(lambda: watch.looks > looks + 1)

    assert {secret for _place, secret in watch.found} == {CANARY_KEY}
