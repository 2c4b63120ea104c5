"""What is said of a page that can not be had, and when it is asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs import claims, clock, pages, servers, throttle, troubles
from jobs.filters import View
from jobs.problems import Problem
from jobs.records import PageQuestion
from jobs.searches import Failed, Pending
from tests.paging import LIST, get, ids, list_calls, make_stale, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.models import Bucket
    from tests.emulators import Emulator
    from tests.processes import Process


pytestmark = pytest.mark.usefixtures("worker")


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


def test_foreign_token_is_refused_by_upstream_and_said(new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=25)
    first = get(bucket)

    answer = get(bucket, view=View(pin=first.page.pin, next_token="foreign+/="))

    assert isinstance(answer, Failed)
    assert (answer.problem.kind, answer.problem.status) == ("refused", 400)


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


@pytest.mark.parametrize(
    ("ago", "answered", "told"), [(20.0, False, "timeout"), (20.0, True, "timeout"), (120.0, False, "busy")]
)
def test_what_keeps_others_of_a_bucket_from_an_answer_is_said_where_none_came_to_this_question(
    new_bucket: Callable[..., Bucket], ago: float, told: str, *, answered: bool
) -> None:
    """All calls that the bucket may have run into their deadline, so that none is left for half a minute."""
    bucket = new_bucket(jobs=5)
    key = PageQuestion(bucket.name, LIST).key
    silence = Problem("timeout", "timeout", at=clock.now() - ago)
    troubles.store_problem(silence, "another", bucket.name, bucket.credential)
    troubles.note_problem(silence, bucket.name, 1)
    if answered:
        troubles.clear_problems("another", bucket.name, bucket.credential, now=clock.now(), calls=1)
    claims.ask(key, throttle.gate(bucket.name, bucket.credential), lane="person")
    let_half_a_minute_pass(key)

    answer = pages.get_page(bucket, LIST, View())

    assert isinstance(answer, Failed)
    assert answer.problem.code == told


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
