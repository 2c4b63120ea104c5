"""The way of the data, with a real worker, two real Valkeys and the emulator: one fetch per page, whoever asks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jobs import cache, claims, clock, fetch, pages, servers, tasks, throttle
from jobs.cloudinfinite.schema import parse_time
from jobs.filters import JobFilter, Pin, View
from jobs.places import Places
from jobs.records import Continuation, JobQuestion, Page, PageQuestion
from jobs.searches import Failed, Pending, Ready
from tests.factories import jobs_in, make_bucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator
    from tests.processes import Process
    from tests.services import Valkeys

pytestmark = pytest.mark.usefixtures("worker")

LIST = JobFilter(size=10)


def get(bucket: Bucket, job_filter: JobFilter = LIST, view: View | None = None, tries: int = 40) -> Any:
    """Ask as a patient reader does: again for as long as it is pending."""
    answer: Any = None
    for _ in range(tries):
        answer = pages.get_page(bucket, job_filter, view or View())
        if not isinstance(answer, Pending):
            return answer
    return answer


def following(answer: Ready) -> View:
    assert answer.page.next is not None
    return View(pin=answer.page.pin, next_token=answer.page.next.next_token, after=parse_time(answer.page.next.after))


def ids(answer: Any) -> list[str]:
    assert isinstance(answer, Ready), answer
    return [row.job.job_id for row in answer.page.rows]


def list_calls(emulator: Emulator, bucket: Bucket, *, token: str | None = None) -> int:
    """How often upstream was asked for the page of `token` ("" is the first page)."""
    calls = emulator.calls(bucket.name)
    return sum(token is None or call.parameters.get("nextToken", "") == token for call in calls)


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


def test_killed_worker_in_mid_fetch_does_not_lose_the_page(
    new_bucket: Callable[..., Bucket], emulator: Emulator, worker: Process, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=5, latency=1.5)
    pages.get_page(bucket, LIST, View())
    until(lambda: emulator.calls(bucket.name))

    worker.kill()
    worker.start()

    assert ids(get(bucket)) == emulator.job_ids(bucket.name)


def test_redis_restarted_empty_answers_again(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=5)
    get(bucket)

    for server in (servers.broker(), servers.cache_server()):
        with server.connection() as client:
            client.flushall()

    assert ids(get(bucket)) == emulator.job_ids(bucket.name)


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


def test_trouble_is_said_and_not_asked_about_again_while_it_is_kept(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=5, faults=({"kind": "error", "status": 403, "code": "AccessDenied", "message": "No."},))

    answers = [get(bucket) for _ in range(5)]

    assert [(answer.problem.kind, answer.problem.code, answer.problem.status) for answer in answers] == [
        ("permission", "AccessDenied", 403)
    ] * 5
    assert answers[0].problem.request_id == emulator.calls(bucket.name)[0].request_id
    assert list_calls(emulator, bucket) == 1


def test_trouble_that_passes_is_tried_again_before_anything_is_said(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=5, faults=({"kind": "error", "status": 500, "code": "InternalError", "count": 2},))

    answer = get(bucket)

    assert ids(answer) == emulator.job_ids(bucket.name)
    assert list_calls(emulator, bucket) == 3


def test_lasting_trouble_is_said_after_its_tries(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=5, faults=({"kind": "error", "status": 500, "code": "InternalError"},))

    answer = get(bucket)

    assert isinstance(answer, Failed)
    assert (answer.problem.kind, answer.problem.code) == ("upstream_failing", "InternalError")
    assert list_calls(emulator, bucket) == 3


def test_last_good_page_stays_beside_the_problem(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=5)
    first = get(bucket)
    make_stale(bucket, first)
    emulator.fault(bucket.name, "error", status=403, code="AccessDenied", message="No.")
    pages.get_page(bucket, LIST, View())

    answer = wait_for(lambda: pages.get_page(bucket, LIST, View()), lambda answer: answer.problem is not None)

    assert ids(answer) == ids(first)
    assert (answer.stale, answer.problem.code) == (True, "AccessDenied")


def test_try_again_asks_upstream_at_once(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=5, faults=({"kind": "error", "status": 403, "code": "AccessDenied"},))
    get(bucket)
    emulator.set_faults(bucket.name)

    pages.drop_problems(bucket)

    assert ids(get(bucket)) == emulator.job_ids(bucket.name)


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


def test_foreign_token_is_refused_by_upstream_and_said(new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=25)
    first = get(bucket)

    answer = get(bucket, view=View(pin=first.page.pin, next_token="foreign+/="))

    assert isinstance(answer, Failed)
    assert (answer.problem.kind, answer.problem.status) == ("refused", 400)


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


def test_page_of_a_worker_that_is_not_there_is_pending(new_bucket: Callable[..., Bucket], worker: Process) -> None:
    bucket = new_bucket(jobs=5)
    worker.stop()

    answer = pages.get_page(bucket, LIST, View())

    assert answer == Pending(1.0, 0, None)


def test_no_worker_is_said_after_half_a_minute(new_bucket: Callable[..., Bucket], worker: Process) -> None:
    bucket = new_bucket(jobs=5)
    worker.stop()
    pages.get_page(bucket, LIST, View())
    let_half_a_minute_pass(PageQuestion(bucket.name, LIST).key)

    answer = pages.get_page(bucket, LIST, View())

    assert isinstance(answer, Failed)
    assert (answer.problem.code, answer.problem.status) == ("no_worker", 503)


def test_busy_is_said_after_half_a_minute_in_which_workers_live_and_none_came(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=5)
    key = PageQuestion(bucket.name, LIST).key
    # Somebody asked, and the task for it waits in a queue so long that no worker has come to it.
    claims.ask(key, throttle.gate(bucket.name, bucket.credential), lane="person")
    let_half_a_minute_pass(key)

    answer = pages.get_page(bucket, LIST, View())

    assert claims.heartbeats()
    assert isinstance(answer, Failed)
    assert (answer.problem.code, answer.problem.status) == ("busy", 503)
    assert list_calls(emulator, bucket) == 0


def let_half_a_minute_pass(question: str) -> None:
    """Let an asking that nobody has taken be as old as if so much time had passed."""
    with servers.broker().connection() as client:
        client.hincrby(claims._asking_key(question), "first", -31_000)
        client.hincrby(claims._asking_key(question), "until", -31_000)


def test_broker_that_is_down_leaves_cached_pages_readable(
    new_bucket: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = new_bucket(jobs=5)
    first = get(bucket)
    make_stale(bucket, first)
    from tests.ports import free_port

    nobody = servers.Server("broker", f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setattr(servers, "broker", lambda: nobody)

    answer = pages.get_page(bucket, LIST, View())

    assert ids(answer) == ids(first)


# Jobs ----------------------------------------------------------------------------------------------------------------------


def get_job(bucket: Bucket, job_id: str, *, raw: bool = False, tries: int = 40) -> Any:
    answer: Any = None
    for _ in range(tries):
        answer = pages.get_job(bucket, job_id, raw=raw)
        if not isinstance(answer, Pending):
            return answer
    return answer


def job_calls(emulator: Emulator, bucket: Bucket) -> int:
    return sum(call.path != "/inventorytriggerjob" for call in emulator.calls(bucket.name))


def test_job_seen_in_a_list_opens_without_a_call(
    new_bucket: Callable[..., Bucket], emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=5)
    job_id = ids(get(bucket))[2]
    until(lambda: cache.find_job(JobQuestion(bucket.name, job_id), bucket.credential).job)

    answer = get_job(bucket, job_id)

    assert (answer.record.row.job.job_id, answer.record.raw_missing) == (job_id, "not_asked")
    assert job_calls(emulator, bucket) == 0


def test_job_asked_by_its_link_alone_is_fetched(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=5)
    job_id = emulator.job_ids(bucket.name)[0]

    answer = get_job(bucket, job_id)

    assert answer.record.row.job.job_id == job_id
    assert job_calls(emulator, bucket) == 1


def test_raw_is_the_xml_as_received(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket()
    job_id = emulator.add_job(bucket.name, Name="a <b> & c", Operation={"UserData": "token=abc", "WorkflowIds": "w1"})

    answer = get_job(bucket, job_id, raw=True)

    assert "<Name>a &lt;b&gt; &amp; c</Name>" in answer.record.raw
    assert "<UserData>token=***</UserData>" in answer.record.raw
    assert answer.record.row.masked == ("Operation.UserData",)


def test_job_is_read_from_the_list_where_reading_one_is_denied(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    denied = {"kind": "error", "status": 403, "code": "AccessDenied", "when": {"call": "job"}}
    bucket = new_bucket(jobs=5, faults=(denied,))
    job_id = emulator.job_ids(bucket.name)[0]

    answer = get_job(bucket, job_id, raw=True)

    assert (answer.record.row.job.job_id, answer.record.raw, answer.record.raw_missing) == (job_id, None, "denied")


@pytest.mark.parametrize("unknown", ["200", "404"])
def test_unknown_job_is_said_to_be_unknown(new_bucket: Callable[..., Bucket], unknown: str) -> None:
    fault = {"kind": "raw", "status": 404, "body": "", "when": {"call": "job"}}
    bucket = new_bucket(jobs=1, faults=(fault,) if unknown == "404" else ())

    answer = get_job(bucket, "b" + "f" * 32)

    assert isinstance(answer, Failed)
    assert (answer.problem.code, answer.problem.status) == ("no_such_job", 404)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("job_id", [".", "\n", "\x00", "b1\x7f", "\x85b1"])
def test_what_can_be_no_job_id_is_unknown_without_a_call_and_at_no_cost(
    new_bucket: Callable[..., Bucket], emulator: Emulator, settings: Settings, job_id: str, raw: bool
) -> None:
    settings.MISS_BUDGET = 1
    bucket = new_bucket(jobs=1)

    answers = [pages.get_job(bucket, job_id, reader="user:1", raw=raw) for _ in range(2)]

    assert [(answer.problem.code, answer.problem.status) for answer in answers if isinstance(answer, Failed)] == [
        ("no_such_job", 404)
    ] * 2
    assert job_calls(emulator, bucket) == 0
    with servers.broker().connection() as client:
        assert not client.exists("budget:user:1")


# Helpers -------------------------------------------------------------------------------------------------------------------


def make_stale(bucket: Bucket, answer: Ready) -> None:
    """Let the head's page be as old as if a minute had passed."""
    question = PageQuestion(bucket.name, LIST)
    key = servers.cache_key(f"page:{bucket.name}:{LIST.digest}:{answer.page.pin}:first")
    with servers.cache_server().connection() as client:
        changed = client.hset(key, "began", round((answer.page.as_of - 61) * 1000))
    assert changed == 0, "the page's key has another name now"
    assert cache.find_page(question, bucket.credential, person=False).page is not None


def emulator_time(emulator: Emulator, seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(emulator.now() + seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def wait_for(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 10
    while not good(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.01)
    return answer


def test_pin_far_in_the_past_is_honoured(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=25, spread=86_400, newest=600)
    newest = emulator.job_ids(bucket.name)
    first = get(bucket)
    half = int(first.page.rows[5].job.creation_time.timestamp())

    answer = get(bucket, view=View(pin=Pin(half, int(clock.now() * 1000))))

    assert ids(answer) == newest[5:15]


# Waiting places ------------------------------------------------------------------------------------------------------------


def test_readers_of_one_bucket_take_half_of_the_waiting_places_and_the_others_are_told_at_once(
    new_bucket: Callable[..., Bucket], settings: Settings
) -> None:
    bucket = new_bucket(jobs=5, latency=0.6)
    most = settings.WEB_THREADS // 4

    with ThreadPoolExecutor(most + 8) as pool:
        began = time.monotonic()
        answers = list(
            pool.map(lambda _: (pages.get_page(bucket, LIST, View()), time.monotonic() - began), range(most + 8))
        )

    turned_away = [seconds for answer, seconds in answers if isinstance(answer, Pending)]
    assert len(turned_away) == 8
    assert max(turned_away) < 0.5
    assert claims.heartbeats()


def test_bucket_that_does_not_answer_leaves_a_waiting_place_for_another(
    new_bucket: Callable[..., Bucket],
    emulator: Emulator,
    settings: Settings,
    until: Callable[[Callable[[], Any]], None],
) -> None:
    silent, well = new_bucket(jobs=5, latency=3), new_bucket(jobs=5)
    readers = settings.WEB_THREADS

    with ThreadPoolExecutor(readers) as pool:
        waiting = [pool.submit(pages.get_page, silent, LIST, View()) for _ in range(readers)]
        until(
            lambda: sum(reader.done() for reader in waiting) >= readers // 2
        )  # turned away: no place is left for them
        answer = pages.get_page(well, LIST, View())

        assert not all(reader.done() for reader in waiting)
    assert ids(answer) == emulator.job_ids(well.name)


@pytest.mark.parametrize(("number", "lent"), [(1, [1, 0, 0]), (2, [1, 1, 0]), (16, [8, 4, 2]), (5, [3, 1, 1])])
def test_bucket_takes_another_waiting_place_only_while_more_are_free_than_it_holds(
    number: int, lent: list[int]
) -> None:
    places = Places(number)

    with ExitStack() as stack:
        taken = [sum(stack.enter_context(places.lend(bucket)) for _ in range(20)) for bucket in ("a", "b", "c")]
        assert taken == lent

    with places.lend("a") as free:
        assert free
