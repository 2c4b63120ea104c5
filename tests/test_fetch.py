"""One fetch, run here in the test's own process against an emulator of the test's own."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from django.db import OperationalError, connection

from jobs import cache, claims, clock, fetch, servers, throttle
from jobs.cloudinfinite.emulator.switches import CHOICES
from jobs.cloudinfinite.schema import format_time
from jobs.filters import JobFilter, Pin
from jobs.models import Bucket
from jobs.records import Continuation, JobQuestion, PageQuestion
from tests.emulators import REGION, SECRET_ID, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django import Settings

    from jobs.problems import Problem
    from jobs.records import Page
    from tests.emulators import Emulator

NAME = "media-prod-1250000000"
QUESTION = PageQuestion(NAME, JobFilter())


@pytest.fixture
def ci(
    pristine_emulator: Emulator,
    db: None,
    settings: Settings,
    empty_redis: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Emulator]:
    """An emulator with one bucket of three jobs, which this process's own client asks."""
    settings.CI_ENDPOINT = pristine_emulator.endpoint
    pristine_emulator.create_bucket(NAME, jobs=3, newest=600)
    Bucket.objects.create(name=NAME, region=REGION)
    monkeypatch.setattr(clock, "_clock", clock.Clock())  # it has learned nothing yet
    monkeypatch.setattr(clock, "OFFSET_KEY", "clock:offset:test")  # and teaches the session's worker nothing
    fetch.client.cache_clear()
    yield pristine_emulator
    fetch.client().close()
    fetch.client.cache_clear()


def ask(question: PageQuestion | JobQuestion) -> claims.Asking:
    """Claim a question as a person who waits for it does."""
    return claims.ask(question.key, throttle.gate(NAME, "default"), lane="person")


def run(question: PageQuestion = QUESTION) -> tuple[Page | None, Problem | None]:
    """Ask and fetch once; return what the cache then knows."""
    asking = ask(question)
    fetch.fetch_page(question, asking.enqueued_at, "person")
    found = cache.find_page(question, "default", person=True)
    return found.page, found.problem


def test_page_is_asked_again_soon_after_the_database_was_down(ci: Emulator) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OperationalError("unable to open database file")

    asking = ask(QUESTION)
    with connection.execute_wrapper(refuse):
        fetch.fetch_page(QUESTION, asking.enqueued_at, "person")

    later = ask(QUESTION)
    assert (later.outcome, later.problem and later.problem.code) == ("later", "database_down")
    assert later.again <= 1.0
    assert ci.calls(NAME) == []


@pytest.mark.parametrize("offset", [3600.0, -3600.0])
def test_clock_an_hour_off_is_learned_and_the_page_comes(ci: Emulator, offset: float) -> None:
    ci.shift_clock(offset)

    page, problem = run()

    assert problem is None
    assert page is not None
    assert page.unique == 3
    assert page.pin.end == pytest.approx(time.time() + offset - 2, abs=3)
    assert clock.now() == pytest.approx(ci.now(), abs=2)


def follow(page: Page) -> Page | None:
    """Fetch the page behind `page`."""
    return run(PageQuestion(NAME, QUESTION.filter, page.pin, page.next))[0]


def test_token_that_is_refused_in_mid_chain_is_replaced_by_keyset(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=25, newest=600, spread=3600)
    question = PageQuestion(NAME, JobFilter(size=10))
    first = run(question)[0]
    assert first is not None
    ci.fault(
        NAME,
        "error",
        status=400,
        code="InvalidArgument",
        message="Param nextToken is illegal",
        when={"token": True},
        count=1,
    )
    behind = PageQuestion(NAME, question.filter, first.pin, first.next)

    second = run(behind)[0]

    assert second is not None
    assert second.doubts == ("token",)
    assert [row.job.job_id for row in (*first.rows, *second.rows)] == ci.job_ids(NAME)[:19]
    assert second.so_far is not None
    assert (second.so_far.received, second.so_far.unique) == (20, 19)


def test_token_of_a_chain_that_is_gone_stays_refused(ci: Emulator) -> None:
    ci.fault(
        NAME, "error", status=400, code="InvalidArgument", message="Param nextToken is illegal", when={"token": True}
    )

    page, problem = run(PageQuestion(NAME, JobFilter(), Pin(1_700_000_000, 1_700_000_000_000), Continuation("t")))

    assert page is None
    assert problem is not None
    assert problem.kind == "refused"


def test_jobs_that_leave_the_filter_between_pages_take_none_with_them(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=0)
    began = datetime.fromtimestamp(ci.now() - 600, UTC)
    added = [
        ci.add_job(NAME, State="Running", CreationTime=format_time(began - timedelta(seconds=index)))
        for index in range(12)
    ]
    ci.set_switches(tokens="offset")
    running = JobFilter(states=("Running",), size=5)
    first = run(PageQuestion(NAME, running))[0]
    assert first is not None
    for job_id in added[:4]:
        ci.change_job(NAME, job_id, State="Success")

    seen = [row.job.job_id for row in first.rows]
    page: Page | None = first
    while page is not None and page.next is not None:
        page = run(PageQuestion(NAME, running, page.pin, page.next))[0]
        assert page is not None
        seen += [row.job.job_id for row in page.rows]

    assert seen == added


def walk(ci: Emulator, job_filter: JobFilter, *between: Callable[[], None]) -> tuple[list[str], list[Page]]:
    """Return what a reader sees who scrolls to the end while `between` happens, one thing behind each page."""
    waiting = list(between)
    pages: list[Page] = []
    page = run(PageQuestion(NAME, job_filter))[0]
    while page is not None and len(pages) < 50:
        pages.append(page)
        if page.next is None:
            break
        if waiting:
            waiting.pop(0)()
        page = run(PageQuestion(NAME, job_filter, page.pin, page.next))[0]
    return [row.job.job_id for page in pages for row in page.rows], pages


def test_oldest_jobs_that_are_forgotten_between_pages_take_none_with_them(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=12, newest=600)
    ci.set_switches(tokens="offset")
    oldest_first = ci.job_ids(NAME)[::-1]

    def forget() -> None:
        for job_id in oldest_first[:3]:
            ci.remove_job(NAME, job_id)

    seen, _pages = walk(ci, JobFilter(order="Asc", size=5), forget)

    assert seen == oldest_first


def test_jobs_that_come_into_the_filter_between_pages_do_not_end_the_list(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=0)
    began = datetime.fromtimestamp(ci.now() - 600, UTC)
    added = [
        ci.add_job(
            NAME,
            State="Running" if index < 5 else "Success",
            CreationTime=format_time(began - timedelta(seconds=index)),
        )
        for index in range(15)
    ]
    ci.set_switches(tokens="offset")

    def end() -> None:
        for job_id in added[:5]:
            ci.change_job(NAME, job_id, State="Success")

    seen, pages = walk(ci, JobFilter(states=("Success",), size=5), end)

    assert seen == added[5:]
    assert pages[-1].so_far is not None
    assert (pages[-1].end, pages[-1].so_far.doubts) == ("missing", ())


@pytest.mark.parametrize("seed", range(4))
def test_jobs_of_one_second_that_change_places_between_pages_are_all_shown(ci: Emulator, seed: int) -> None:
    ci.create_bucket(NAME, jobs=0)
    began = datetime.fromtimestamp(ci.now() - 600, UTC)
    added = [ci.add_job(NAME, CreationTime=format_time(began - timedelta(seconds=index // 3))) for index in range(12)]
    ci.set_switches(tokens="offset")
    ci.fault(NAME, "shuffle", among="ties", seed=seed)

    seen, pages = walk(ci, JobFilter(size=4))

    assert sorted(seen) == sorted(added)
    assert pages[-1].so_far is not None
    assert pages[-1].so_far.doubts == ()


@pytest.mark.parametrize("first", [True, False])
def test_page_without_rows_under_a_token_does_not_end_the_list(ci: Emulator, first: bool) -> None:
    ci.create_bucket(NAME, jobs=15, newest=600, spread=3600)
    ci.fault(NAME, "empty_page", count=2, when={} if first else {"token": True})

    seen, pages = walk(ci, JobFilter(size=5))

    assert seen == ci.job_ids(NAME)
    assert (len(pages), pages[-1].end) == (5, "missing")


def test_pages_without_rows_that_lead_on_for_ever_end_the_list(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=15, newest=600, spread=3600)
    ci.fault(NAME, "empty_page", when={"token": True})

    seen, pages = walk(ci, JobFilter(size=5))

    assert seen == ci.job_ids(NAME)[:5]
    assert (len(pages), pages[-1].end) == (4, "no_new_rows")


def test_token_that_is_refused_again_and_again_ends_the_list(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=8, newest=600, spread=0)
    ci.fault(
        NAME, "error", status=400, code="InvalidArgument", message="Param nextToken is illegal", when={"token": True}
    )

    _seen, pages = walk(ci, JobFilter(size=5))

    assert pages[-1].end == "no_new_rows"
    assert len(pages) < 6


# A page that is fetched again, while some have read it and others go on behind it -----------------------------------------


def add_jobs(ci: Emulator, count: int, state: str, apart: int = 2) -> list[str]:
    """Add jobs, the newest first and each `apart` seconds older than the last; return their ids in this order."""
    began = datetime.fromtimestamp(ci.now() - 600, UTC)
    times = (format_time(began - timedelta(seconds=index * apart)) for index in range(count))
    return [ci.add_job(NAME, State=state, CreationTime=time) for time in times]


def ids(page: Page | None) -> list[str]:
    assert page is not None
    return [row.job.job_id for row in page.rows]


def read_on(page: Page, job_filter: JobFilter) -> tuple[PageQuestion, Page]:
    """Return the page behind `page`, and by which question."""
    question = PageQuestion(NAME, job_filter, page.pin, page.next)
    behind = run(question)[0]
    assert behind is not None
    return question, behind


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_job_that_comes_into_a_page_pushes_none_off_it(ci: Emulator, tokens: str) -> None:
    ci.create_bucket(NAME, jobs=0)
    ci.set_switches(tokens=tokens)
    failed = add_jobs(ci, 15, "Failed")
    between = format_time(datetime.fromtimestamp(ci.now() - 603, UTC))
    runs = ci.add_job(NAME, State="Running", CreationTime=between)
    asked = JobFilter(states=("Failed",), size=5)
    first = run(PageQuestion(NAME, asked))[0]
    assert first is not None
    question, second = read_on(first, asked)
    ci.change_job(NAME, runs, State="Failed")

    renewed = run(PageQuestion(NAME, asked, first.pin))[0]
    second_renewed = run(question)[0]

    assert sorted(ids(renewed)) == sorted([*failed[:5], runs])
    assert ids(second_renewed) == ids(second) == failed[5:10]
    assert second_renewed is not None
    assert second_renewed.so_far is not None
    assert (second_renewed.so_far.unique, second_renewed.so_far.doubts) == (11, ())


def test_job_that_leaves_a_page_draws_none_up_from_the_next(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=0)
    added = add_jobs(ci, 12, "Running")
    running = JobFilter(states=("Running",), size=5)
    first = run(PageQuestion(NAME, running))[0]
    assert first is not None
    ci.change_job(NAME, added[1], State="Success")

    renewed = run(PageQuestion(NAME, running, first.pin))[0]
    _, second = read_on(first, running)

    assert ids(renewed) == [added[0], *added[2:5]]
    assert ids(second)[0] == added[5]


def test_pages_that_all_jobs_left_since_do_not_end_the_list(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=0)
    added = add_jobs(ci, 14, "Running")
    running = JobFilter(states=("Running",), size=3)
    page = run(PageQuestion(NAME, running))[0]
    assert page is not None
    pin, questions = page.pin, [PageQuestion(NAME, running, page.pin)]
    for _ in range(3):
        question, page = read_on(page, running)
        questions.append(question)
    shown = added[:9]
    for job_id in shown:
        ci.change_job(NAME, job_id, State="Success")
    for question in questions:
        run(question)
    ci.fault(NAME, "empty_page", count=1)

    last_known = cache.find_page(questions[-1], "default", person=True).page
    assert last_known is not None
    _, empty = read_on(last_known, running)

    assert (pin, empty.end, empty.next is None) == (empty.pin, "", False)


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
@pytest.mark.parametrize("is_read", [False, True])
def test_job_that_comes_into_the_second_in_which_a_page_ends_is_on_one_of_two(
    ci: Emulator, tokens: str, *, is_read: bool
) -> None:
    ci.create_bucket(NAME, jobs=0)
    ci.set_switches(tokens=tokens)
    failed = add_jobs(ci, 12, "Failed")
    asked = JobFilter(states=("Failed",), size=5)
    first = run(PageQuestion(NAME, asked))[0]
    assert first is not None
    if is_read:
        read_on(first, asked)
    ends = first.rows[4].job.creation_time
    assert ends is not None
    comes = ci.add_job(NAME, State="Failed", CreationTime=format_time(ends))

    page = run(PageQuestion(NAME, asked, first.pin))[0]

    seen, by_token = ids(page), []
    while page and page.next:
        by_token.append(bool(page.next.next_token and not page.next.after))
        _, page = read_on(page, asked)
        seen += ids(page)
    assert sorted(seen) == sorted([*failed, comes])
    # Behind tokens that name a row nothing has moved, so the list goes on by them.
    assert all(by_token) or tokens != "cursor"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_jobs_of_one_second_that_change_places_are_all_shown_to_who_went_on_before_and_who_came_after(
    ci: Emulator, tokens: str, seed: int
) -> None:
    ci.create_bucket(NAME, jobs=0)
    ci.set_switches(tokens=tokens)
    began = datetime.fromtimestamp(ci.now() - 600, UTC)
    added = [ci.add_job(NAME, CreationTime=format_time(began - timedelta(seconds=index // 4))) for index in range(20)]
    ci.fault(NAME, "shuffle", among="ties", seed=seed)
    asked = JobFilter(size=6)
    first = run(PageQuestion(NAME, asked))[0]
    renewed = run(PageQuestion(NAME, asked, first.pin))[0] if first else None

    def read_to_the_end(page: Page | None) -> tuple[list[str], bool]:
        """Return what is seen, and whether all pages could know the earlier ones."""
        seen, is_known = ids(page), True
        while page and page.next:
            _, page = read_on(page, asked)
            seen, is_known = seen + ids(page), is_known and page.n is not None
        return seen, is_known

    before, before_is_known = read_to_the_end(first)
    after, after_is_known = read_to_the_end(renewed)

    assert after_is_known
    assert sorted(after) == sorted(added)
    assert sorted(before) == sorted(added) or not before_is_known


def test_page_that_more_jobs_came_to_than_are_asked_for_at_once_says_so(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=0)
    add_jobs(ci, 10, "Failed", apart=200)
    asked = JobFilter(states=("Failed",), size=5)
    first = run(PageQuestion(NAME, asked))[0]
    assert first is not None
    began = datetime.fromtimestamp(ci.now() - 601, UTC)
    for index in range(305):
        ci.add_job(NAME, State="Failed", CreationTime=format_time(began - timedelta(seconds=index)))

    renewed = run(PageQuestion(NAME, asked, first.pin))[0]

    assert renewed is not None
    assert (len(renewed.rows), renewed.doubts) == (300, ("grown",))


def forget_chains() -> None:
    with servers.cache_server().connection() as client:
        for key in client.scan_iter(servers.cache_key("chain:*")):
            client.delete(key)


def test_list_whose_chain_was_forgotten_is_opened_anew_beside_those_who_scroll_the_old_one(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=0)
    added = add_jobs(ci, 12, "Running")
    running = JobFilter(states=("Running",), size=3)
    old = run(PageQuestion(NAME, running))[0]
    assert old is not None
    forget_chains()
    ci.change_job(NAME, added[1], State="Success")

    opened = run(PageQuestion(NAME, running, old.pin))[0]

    assert opened is not None
    assert (opened.pin.end, opened.pin != old.pin) == (old.pin.end, True)
    _, old_second = read_on(old, running)
    _, new_second = read_on(opened, running)
    assert (old_second.n, ids(old_second)[1:]) == (None, added[3:5])
    assert (new_second.n, ids(new_second)) == (2, added[4:6])
    calls = len(ci.calls(NAME))
    found = cache.find_page(PageQuestion(NAME, running, old.pin), "default", person=True).page
    assert (found, len(ci.calls(NAME))) == (opened, calls)


def test_chain_that_is_forgotten_while_its_page_is_fetched_again_does_not_end_there(
    ci: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    ci.create_bucket(NAME, jobs=25)
    question = PageQuestion(NAME, JobFilter(size=10))
    first = run(question)[0]
    assert first is not None
    ci.clear_calls()
    ci.set_latency(0.5, NAME)

    def forget() -> None:
        until(lambda: ci.calls(NAME))
        forget_chains()

    with ThreadPoolExecutor() as pool:
        forgotten = pool.submit(forget)
        renewed = run(PageQuestion(NAME, question.filter, first.pin))[0]
        forgotten.result()

    assert renewed is not None
    assert (renewed.as_of, renewed.next) == (first.as_of, first.next)


@pytest.mark.parametrize("offset", [3600.0, -3600.0, 30.0, -30.0])
def test_job_that_corrects_the_clock_gets_its_age_by_the_corrected_one(ci: Emulator, offset: float) -> None:
    ci.shift_clock(offset)
    job_id = ci.job_ids(NAME)[0]
    began = ci.now()

    fetch.fetch_job(JobQuestion(NAME, job_id), 2**53, "person")

    job = cache.find_job(JobQuestion(NAME, job_id), "default").job
    assert job is not None
    assert began - 1 <= job.as_of <= ci.now() + 1


@pytest.mark.parametrize("offset", [3600.0, -3600.0])
def test_later_page_that_corrects_the_clock_gets_its_age_by_the_corrected_one(ci: Emulator, offset: float) -> None:
    first = PageQuestion(NAME, JobFilter(size=1))
    page, _problem = run(first)
    assert page is not None
    ci.shift_clock(offset)
    began = ci.now()

    second, _problem = run(PageQuestion(NAME, first.filter, page.pin, page.next))

    assert second is not None
    assert began - 1 <= second.as_of <= ci.now() + 1


def test_pin_that_a_wrong_date_has_put_into_the_future_is_not_stored(ci: Emulator) -> None:
    ci.fault(NAME, "date", offset=300, count=1)

    first = run()
    page, _problem = run()

    assert first == (None, None)  # neither shown nor given up: the next reader asks again
    assert page is not None
    assert page.pin.end == pytest.approx(ci.now() - 2, abs=3)


@pytest.mark.parametrize("offset", [3600.0, -3600.0, 660.0, -120.0])
def test_date_at_which_our_signature_would_not_have_held_moves_nobody_s_clock(ci: Emulator, offset: float) -> None:
    ci.fault(NAME, "date", offset=offset)

    page, problem = run()

    assert problem is None
    assert page is not None
    assert page.pin.end == pytest.approx(ci.now() - 2, abs=3)
    assert len(ci.calls(NAME)) == 1
    assert clock.Clock().now() == pytest.approx(ci.now(), abs=2)


@pytest.mark.parametrize("offset", [3600.0, -3600.0])
def test_date_of_a_refusal_moves_nobody_s_clock_unless_a_signature_by_it_is_accepted(
    ci: Emulator, offset: float
) -> None:
    ci.fault(NAME, "date", offset=offset)
    ci.fault(NAME, "error", status=403, code="RequestTimeTooSkewed", message="The difference is too large.")

    _page, problem = run()

    assert problem is not None
    assert (problem.kind, problem.status) == ("clock", 403)
    assert len(ci.calls(NAME)) == 2
    assert clock.Clock().now() == pytest.approx(ci.now(), abs=2)


def test_clock_that_stays_wrong_is_said(ci: Emulator) -> None:
    ci.fault(NAME, "error", status=403, code="RequestTimeTooSkewed", message="The difference is too large.")

    _page, problem = run()

    assert problem is not None
    assert (problem.kind, problem.status) == ("clock", 403)


def test_pin_made_with_a_slow_clock_is_made_once_more(ci: Emulator) -> None:
    ci.shift_clock(60)  # inside the signature's window, so nothing is refused

    page, _problem = run()

    assert page is not None
    assert page.pin.end == pytest.approx(ci.now() - 2, abs=2)
    assert len(ci.calls(NAME)) == 2


@pytest.mark.parametrize("wrong", [3600.0, -3600.0, 200.0])
def test_call_during_which_another_corrects_the_clock_neither_fails_nor_corrects_it_again(
    ci: Emulator, wrong: float, until: Callable[[Callable[[], Any]], None]
) -> None:
    with servers.broker().connection() as broker:
        broker.set(clock.OFFSET_KEY, repr(wrong))
    clock.now()
    ci.set_latency(1.5, NAME)

    def correct() -> None:
        until(lambda: ci.calls(NAME))
        with servers.broker().connection() as broker:
            broker.set(clock.OFFSET_KEY, "0.0")

    with ThreadPoolExecutor() as pool:
        corrected = pool.submit(correct)
        page, problem = run(PageQuestion(NAME, JobFilter(), Pin(int(ci.now()) - 60, 1)))
        corrected.result()

    assert problem is None
    assert page is not None
    assert clock.now() == pytest.approx(ci.now(), abs=2)


def test_slow_answer_is_not_taken_for_a_wrong_clock(ci: Emulator, settings: Settings) -> None:
    ci.set_latency(2.6, NAME)

    run()

    assert len(ci.calls(NAME)) == 1
    assert clock.offset() == 0


def test_bucket_hidden_while_the_task_was_queued_is_not_asked(ci: Emulator) -> None:
    Bucket.objects.update(hidden=True)

    assert run() == (None, None)
    assert ci.calls(NAME) == []


def test_missing_credential_is_said_by_name(ci: Emulator, settings: Settings) -> None:
    Bucket.objects.update(credential="team-a")

    asking = ask(QUESTION)
    fetch.fetch_page(QUESTION, asking.enqueued_at, "person")

    problem = cache.find_page(QUESTION, "team-a", person=True).problem
    assert problem is not None
    assert (problem.kind, problem.code) == ("credentials", "missing_credential")
    assert "team-a" in problem.message


def test_rotated_credential_file_drops_the_old_ones_problems(ci: Emulator, settings: Settings, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("wrong-key")
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": SECRET_ID, "SECRET_KEY_FILE": str(secret)}}
    fetch.watch_credentials()
    _page, refused = run()

    secret.write_text(SECRET_KEY)
    fetch.watch_credentials()
    page, problem = run()

    assert refused is not None
    assert refused.kind == "credentials"
    assert problem is None
    assert page is not None


def test_credential_that_can_t_be_read_does_not_stop_the_watch(ci: Emulator, settings: Settings) -> None:
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": "half"}, "other": {"SECRET_ID": "a", "SECRET_KEY": "b"}}
    fetch.watch_credentials()
    settings.CI_CREDENTIALS["other"] = {"SECRET_ID": "a", "SECRET_KEY": "c"}

    fetch.watch_credentials()

    assert claims.credential_changed("other", "x") is True


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ({"kind": "raw", "status": 200, "body": "<html>"}, "unreadable", "bad_xml"),
        ({"kind": "raw", "status": 502, "body": "<html>bad gateway</html>"}, "upstream_failing", "http_502"),
        ({"kind": "redirect", "status": 307, "location": "http://127.0.0.1:1/"}, "upstream_failing", "http_307"),
        ({"kind": "truncate", "keep": 0.5}, "unreadable", "bad_xml"),
        ({"kind": "huge", "bytes": 60_000_000}, "unreadable", "too_large"),
        ({"kind": "error", "status": 429, "code": "SlowDown"}, "throttled", "SlowDown"),
        ({"kind": "error", "status": 400, "code": "MediaBucketUnBinded"}, "not_enabled", "MediaBucketUnBinded"),
        ({"kind": "error", "status": 402, "code": "PaymentRequired"}, "billing", "PaymentRequired"),
    ],
)
def test_each_trouble_gets_its_class(ci: Emulator, fault: dict[str, Any], kind: str, code: str) -> None:
    ci.set_faults(NAME, fault)
    asking = ask(QUESTION)

    for _ in range(3):
        claim = claims.start(QUESTION.key, asking.enqueued_at)
        if claim:  # the claim is let go at once, so that each try begins where a reader's next look would
            claims.finish(claim, "failed")
    _page, problem = tried_to_the_end()

    assert problem is not None
    assert (problem.kind, problem.code) == (kind, code)


def tried_to_the_end() -> tuple[Page | None, Problem | None]:
    """Fetch until there is an answer or no try left, as if every cool-down between were over."""
    for _ in range(4):
        with servers.broker().connection() as client:
            client.delete(f"cool:bucket:{NAME}")
        found = cache.find_page(QUESTION, "default", person=True)
        if found.problem:
            break
        fetch.fetch_page(QUESTION, 2**53, "person")
    return found.page, found.problem


def test_trickling_answer_ends_at_the_deadline(ci: Emulator, settings: Settings) -> None:
    settings.CI_DEADLINE = 0.5
    ci.fault(NAME, "trickle", part="body", chunk=10, interval=0.1, seconds=20)
    began = time.monotonic()

    tried_to_the_end()

    assert time.monotonic() - began < 4
    _page, problem = cache.find_page(QUESTION, "default", person=True).page, cache.find_page(QUESTION, "default", person=True).problem  # fmt: skip
    assert problem is not None
    assert (problem.kind, problem.status) == ("timeout", 504)


def test_time_out_is_kept_from_when_upstream_was_asked(ci: Emulator, settings: Settings) -> None:
    settings.CI_DEADLINE = 1.0
    ci.fault(NAME, "trickle", part="body", chunk=10, interval=0.1, seconds=20)

    tried_to_the_end()

    with servers.cache_server().connection() as client:
        (kept,) = [client.pttl(key) for key in client.scan_iter("*:problem:page:*")]
    assert 7_000 < kept <= 8_000


def test_no_credential_reaches_a_log_line_or_redis(ci: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    from jobs import servers

    caplog.set_level(logging.DEBUG)
    run()
    ci.fault(NAME, "error", status=403, code="SignatureDoesNotMatch")
    fetch.fetch_job(JobQuestion(NAME, "b1"), 2**53, "person")

    texts = [record.getMessage() for record in caplog.records]
    for server in (servers.broker(), servers.cache_server()):
        with server.connection() as client:
            texts += [str(key) + str(client.dump(key)) for key in client.scan_iter()]
    assert texts
    assert [text for text in texts if SECRET_ID in text or SECRET_KEY in text or "q-signature" in text] == []


def test_job_s_secrets_are_masked_before_anything_is_stored(ci: Emulator) -> None:
    job_id = ci.add_job(
        NAME,
        CreationTime="2023-11-14T01:00:02+0800",
        Operation={"CallBack": "https://h.example.com/p?t=1", "UserData": "secret=abc"},
    )

    page, _problem = run()
    fetch.fetch_job(JobQuestion(NAME, job_id), 2**53, "person")
    job = cache.find_job(JobQuestion(NAME, job_id), "default").job

    assert page is not None
    assert page.rows[-1].masked == ("Operation.CallBack", "Operation.UserData")
    assert job is not None
    assert job.row.job.tree["Operation"] == {"CallBack": "https://h.example.com/***", "UserData": "secret=***"}
    assert job.raw is not None
    assert "secret=abc" not in job.raw


def test_odd_headers_of_an_answer_bring_neither_its_words_nor_a_traceback_into_the_log(
    ci: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    ci.fault(NAME, "garbage", data=b"HTTP/1.1 200 OK\r\nNo colon, but words\r\n\r\n<Response/>")

    run()

    assert [record.getMessage() for record in caplog.records if record.exc_info or "words" in record.getMessage()] == []
