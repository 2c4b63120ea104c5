"""A page that is fetched again, while some have read it and others go on behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobs import cache, servers
from jobs.cloudinfinite.emulator.switches import CHOICES
from jobs.cloudinfinite.schema import format_time
from jobs.filters import JobFilter
from jobs.records import PageQuestion
from tests.fetching import NAME, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.records import Page
    from tests.emulators import Emulator


def add_jobs(ci: Emulator, count: int, state: str, apart: int = 2) -> list[str]:
    """Add jobs, the newest first and each `apart` seconds older than the last; return their ids in this order."""
    began = datetime.fromtimestamp(ci.now() - 600, UTC)
    times = (format_time(began - timedelta(seconds=index * apart)) for index in range(count))
    return [ci.add_job(NAME, State=state, CreationTime=time) for time in times]


def failed_and_one_that_runs(ci: Emulator) -> tuple[list[str], str]:
    """Add fifteen failed jobs, and one between the newest of them that still runs."""
    failed = add_jobs(ci, 15, "Failed")
    between = format_time(datetime.fromtimestamp(ci.now() - 603, UTC))
    return failed, ci.add_job(NAME, State="Running", CreationTime=between)


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
    failed, runs = failed_and_one_that_runs(ci)
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


def test_pages_behind_one_that_is_fetched_again_say_anew_what_the_list_has_brought(ci: Emulator) -> None:
    ci.create_bucket(NAME, jobs=0)
    _failed, runs = failed_and_one_that_runs(ci)
    asked = JobFilter(states=("Failed",), size=5)
    first = run(PageQuestion(NAME, asked))[0]
    assert first is not None
    _, second = read_on(first, asked)
    question, third = read_on(second, asked)
    ci.change_job(NAME, runs, State="Failed")

    run(PageQuestion(NAME, asked, first.pin))

    known = cache.find_page(question, "default", person=True).page
    assert known is not None
    assert third.so_far is not None
    assert known.so_far is not None
    assert (third.so_far.received, third.so_far.unique) == (15, 15)
    assert (known.so_far.pages, known.so_far.received, known.so_far.unique) == (3, 16, 16)


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


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("order", ["Desc", "Asc"])
def test_job_that_a_moved_list_passed_over_stays_the_next_page_s_though_those_before_are_fetched_again(
    ci: Emulator, order: str, seed: int
) -> None:
    ci.create_bucket(NAME, jobs=0)
    ci.set_switches(tokens="offset")
    began = datetime.fromtimestamp(ci.now() - 600, UTC)
    added = [ci.add_job(NAME, CreationTime=format_time(began - timedelta(seconds=index // 4))) for index in range(24)]
    asked = JobFilter(size=6, order=order)
    seen: list[str] = []
    read: list[PageQuestion] = []
    page, moved = None, False
    # Jobs of one second change places with each answer, and whoever looks at a page again has it fetched.
    while page is None or page.next:
        ci.set_faults(NAME, {"kind": "shuffle", "among": "ties", "seed": 100 * seed + len(read)})
        question = PageQuestion(NAME, asked, page.pin, page.next) if page else PageQuestion(NAME, asked)
        page = run(question)[0]
        assert page is not None
        seen, moved = seen + ids(page), moved or bool(page.repeats)
        read.append(PageQuestion(NAME, asked, page.pin, question.continuation))
        for earlier in read[:-1]:
            run(earlier)

    assert moved
    assert sorted(seen) == sorted(added)


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
