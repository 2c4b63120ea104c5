"""The way of the data, with a real worker, two real Valkeys and the emulator: one fetch per page, whoever asks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jobs import cache, claims, clock, fetch, pages, servers, tasks
from jobs.filters import Pin, View
from jobs.records import Continuation, Page, PageQuestion
from jobs.searches import Ready
from tests.factories import jobs_in, make_bucket
from tests.paging import LIST, emulator_time, following, get, ids, list_calls, make_stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator
    from tests.processes import Process
    from tests.services import Valkeys


pytestmark = pytest.mark.usefixtures("worker")


def test_cold_page_comes_with_its_first_answer(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=25)

    answer = get(bucket)

    assert ids(answer) == emulator.job_ids(bucket.name)[:10]
    assert (answer.page.n, answer.stale, answer.problem) == (1, False, None)


def test_what_needs_no_answer_is_done_once_while_a_page_is_waited_for(new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=25)
    done: list[str] = []

    pages.get_page(bucket, LIST, View(), meanwhile=lambda: done.append("cold"))
    get(bucket)
    pages.get_page(bucket, LIST, View(), meanwhile=lambda: done.append("cached"))

    assert done == ["cold"]


def test_scrolling_by_the_continuations_meets_every_job_once(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=95)
    answer = get(bucket)
    seen = ids(answer)

    while answer.page.next:
        answer = get(bucket, view=following(answer))
        seen += ids(answer)

    assert seen == emulator.job_ids(bucket.name)
    assert answer.page.end == "missing"


def test_one_reader_scrolling_costs_one_call_a_page(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=95)
    answer = get(bucket)
    while answer.page.next:
        answer = get(bucket, view=following(answer))

    assert list_calls(emulator, bucket) == 10


def test_one_reader_scrolling_what_jobs_can_leave_costs_one_call_a_page_too(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    """It goes on by creation time, so each page begins with the row that the one before ended with."""
    bucket, running = new_bucket(given=jobs_in(*["Running"] * 46)), replace(LIST, states=("Running",))
    answer = get(bucket, running)
    seen, count = ids(answer), 1
    while answer.page.next:
        assert answer.page.next.after
        answer = get(bucket, running, following(answer))
        seen, count = seen + ids(answer), count + 1

    assert seen == emulator.job_ids(bucket.name)
    assert list_calls(emulator, bucket) == count == 5


def test_fifty_simultaneous_cold_readers_make_one_call_for_the_page(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25, latency=0.2)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: get(bucket), range(50)))

    assert {tuple(ids(answer)) for answer in answers} == {tuple(emulator.job_ids(bucket.name)[:10])}
    assert list_calls(emulator, bucket, token="") == 1


def test_relative_range_is_one_question_for_everybody(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=25)
    day = replace(LIST, range="24h")

    def get_after(seconds: float) -> Any:
        time.sleep(seconds)  # readers who come one after another are what is tested
        return get(bucket, day)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda number: get_after(number / 25), range(50)))

    assert len({answer.page.pin for answer in answers}) == 1
    assert list_calls(emulator, bucket, token="") == 1


def test_stale_page_is_served_at_once_and_refreshed_behind(
    new_bucket: Callable[..., Bucket], emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=5, newest=600)
    first = get(bucket)
    make_stale(bucket, first)
    emulator.add_job(bucket.name, CreationTime=emulator_time(emulator, -60))

    answer = pages.get_page(bucket, LIST, View())

    assert isinstance(answer, Ready)
    assert (ids(answer), answer.stale, answer.problem) == (ids(first), True, None)
    until(lambda: len(ids(pages.get_page(bucket, LIST, View()))) == 6)


@pytest.mark.usefixtures("own_client")
@pytest.mark.parametrize(("lane", "goes_ahead"), [("person", True), ("refresh", False), ("ahead", False)])
def test_only_what_is_fetched_for_a_person_goes_a_page_ahead(
    new_bucket: Callable[..., Bucket], emulator: Emulator, settings: Settings, lane: claims.Lane, goes_ahead: bool
) -> None:
    settings.CI_ENDPOINT = emulator.endpoint
    bucket = new_bucket(jobs=25)
    question = PageQuestion(bucket.name, LIST)
    asking = claims.ask(question.key, fetch.gate(bucket.name), lane=lane)

    # As a worker does it, but here: when it returns, the page behind has been asked for, or never is.
    tasks.fetch_page(question.to_primitives(), asking.enqueued_at, lane=lane)

    page = cache.find_page(question, bucket.credential, person=False).page
    assert page is not None
    assert page.next is not None
    behind = replace(question, pin=page.pin, continuation=page.next)
    with servers.broker().connection() as client:
        assert bool(client.exists(f"asking:{settings.CACHE_VERSION}:{behind.key}")) == goes_ahead


@pytest.mark.usefixtures("own_client")
@pytest.mark.parametrize("lane", ["refresh", "ahead"])
def test_person_who_takes_a_queued_fetch_over_gets_the_page_ahead_whichever_task_runs_first(
    new_bucket: Callable[..., Bucket], emulator: Emulator, settings: Settings, worker: Process, lane: claims.Lane
) -> None:
    settings.CI_ENDPOINT = emulator.endpoint
    bucket = new_bucket(jobs=25)
    worker.stop()  # its work is done here, in the order that is tested
    question = PageQuestion(bucket.name, LIST)
    queued = claims.ask(question.key, fetch.gate(bucket.name), lane=lane)

    answer = pages.get_page(
        bucket, LIST, View(), meanwhile=lambda: fetch.fetch_page(question, queued.enqueued_at, lane)
    )

    assert isinstance(answer, Ready)
    behind = replace(question, pin=answer.page.pin, continuation=answer.page.next)
    with servers.broker().connection() as client:
        assert client.exists(f"asking:{settings.CACHE_VERSION}:{behind.key}")


def test_old_chain_stays_as_it_was_after_a_refresh(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=25, newest=600)
    first = get(bucket)
    expected = emulator.job_ids(bucket.name)
    make_stale(bucket, first)
    for _ in range(5):
        emulator.add_job(bucket.name, CreationTime=emulator_time(emulator, 0))
    get(bucket)

    second = get(bucket, view=following(first))

    assert ids(second) == expected[10:20]


def test_jobs_that_arrive_while_paging_shift_nothing(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=45, newest=600)
    expected = emulator.job_ids(bucket.name)
    answer = get(bucket)
    seen = ids(answer)

    while answer.page.next:
        for _ in range(3):
            emulator.add_job(bucket.name)
        answer = get(bucket, view=following(answer))
        seen += ids(answer)

    assert seen == expected


def test_link_into_a_forgotten_chain_still_works_and_says_so(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25)
    first = get(bucket)
    link = following(first)
    with servers.cache_server().connection() as client:
        client.flushall()

    answer = get(bucket, view=link)

    assert ids(answer) == emulator.job_ids(bucket.name)[10:20]
    assert answer.page.n is None


def test_start_after_the_pin_is_an_empty_list_without_a_call(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    from datetime import UTC, datetime

    bucket = new_bucket(jobs=5)
    future = replace(LIST, start=datetime.fromtimestamp(int(clock.now()) + 3600, UTC))

    answer = get(bucket, future)

    assert (ids(answer), answer.page.asked_upstream, list_calls(emulator, bucket)) == ([], False, 0)


@pytest.mark.parametrize("order", ["Desc", "Asc"])
def test_pin_is_sent_from_the_first_page_on(new_bucket: Callable[..., Bucket], emulator: Emulator, order: str) -> None:
    bucket = new_bucket(jobs=25)
    before = clock.now()

    answer = get(bucket, replace(LIST, order=order))

    sent = emulator.calls(bucket.name)[0].parameters
    assert before - 3 <= answer.page.pin.end <= clock.now() - 2
    assert sent["endCreationTime"].endswith("+0800")
    assert (
        ids(answer) == (emulator.job_ids(bucket.name) if order == "Desc" else emulator.job_ids(bucket.name)[::-1])[:10]
    )


def test_no_type_is_sent_unless_chosen(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=5)

    get(bucket)
    get(bucket, replace(LIST, type="Job"))

    sent = [call.parameters.get("type") for call in emulator.calls(bucket.name)]
    assert sent == [None, "Job"]


def test_depth_shows_the_pages_that_are_there(
    new_bucket: Callable[..., Bucket], emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=45)
    first = get(bucket)
    second = get(bucket, view=following(first))
    get(bucket, view=following(second))
    until(lambda: list_calls(emulator, bucket) == 4)  # three pages and the one ahead

    answers = pages.get_pages(bucket, LIST, View(pin=first.page.pin, depth=3))

    assert [job_id for answer in answers for job_id in ids(answer)] == emulator.job_ids(bucket.name)[:30]
    assert list_calls(emulator, bucket) == 4


def test_depth_refreshes_one_of_the_pages_that_are_out_of_date(
    new_bucket: Callable[..., Bucket], emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=35)
    first = get(bucket)
    view = following(first)
    for _ in range(3):
        answer = get(bucket, view=view)
        view = following(answer) if answer.page.next else view
    place = View(pin=first.page.pin, depth=4)
    with servers.cache_server().connection() as connection:
        for key in connection.keys(f"*:page:{bucket.name}:*"):
            if connection.hget(key, "n") != b"1":
                connection.hincrby(key, "began", -700_000)
    calls = list_calls(emulator, bucket)

    answers = pages.get_pages(bucket, LIST, place)

    assert [isinstance(answer, Ready) and answer.stale for answer in answers] == [False, True, True, True]
    until(lambda: list_calls(emulator, bucket) == calls + 1)
    until(
        lambda: [getattr(answer, "stale", None) for answer in pages.get_pages(bucket, LIST, place)][:2] == [False] * 2
    )


def test_pages_before_one_are_as_many_as_are_asked_for_or_all_of_them(new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=55)
    answers = [get(bucket)]
    while answers[-1].page.next:
        answers.append(get(bucket, view=following(answers[-1])))
    links = [Continuation(), *(answer.page.next for answer in answers[:-1])]

    found = [pages.pages_before(bucket, LIST, answer.page, most=2) for answer in answers]

    assert found == [None, (links[0], 1), (links[0], 2), (links[1], 2), (links[2], 2), (links[3], 2)]


def test_pages_before_one_of_a_forgotten_chain_are_unknown(transactional_db: None, valkeys: Valkeys) -> None:
    bucket = make_bucket("b-1250000000")
    pin = Pin(1, 1000)
    page = Page(bucket.name, "r", LIST.digest, pin, 5, (), 0, 0, None, "", "", 0.0)

    assert pages.pages_before(bucket, LIST, replace(page, n=None), most=2) is None
    assert pages.pages_before(bucket, LIST, page, most=2) is None
    assert pages.pages_before(bucket, LIST, page, most=9) == (Continuation(), 4)
    valkeys.cache.kill()
    assert pages.pages_before(bucket, LIST, page, most=2) is None


def test_pin_far_in_the_past_is_honoured(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=25, spread=86_400, newest=600)
    newest = emulator.job_ids(bucket.name)
    first = get(bucket)
    half = int(first.page.rows[5].job.creation_time.timestamp())

    answer = get(bucket, view=View(pin=Pin(half, int(clock.now() * 1000))))

    assert ids(answer) == newest[5:15]
