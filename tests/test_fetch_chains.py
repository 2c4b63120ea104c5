"""The pages of a list, one behind the other, while its jobs come, leave and change places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.cloudinfinite.schema import format_time
from jobs.filters import JobFilter, Pin
from jobs.records import Continuation, PageQuestion
from tests.fetching import NAME, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.records import Page
    from tests.emulators import Emulator


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
