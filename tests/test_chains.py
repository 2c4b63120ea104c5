"""How a chain goes on: by token, by keyset where jobs can leave, and what is said where the order is not proven."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobs.chains import step
from jobs.filters import JobFilter
from jobs.filters.times import write_time
from jobs.records import Continuation

RUNNING = JobFilter(states=("Running",))
FAILED = JobFilter(states=("Failed",))
START = Continuation()


def at(second: int) -> datetime:
    return datetime.fromtimestamp(1_700_000_000 + second, UTC)


def after(second: int, token: str = "") -> Continuation:
    return Continuation(token, write_time(at(second)))


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), False),
        (("Failed",), False),
        (("Success", "Failed", "Cancel"), False),
        (("Running",), True),
        (("Submitted", "Failed"), True),
        (("Pause",), True),
        (("Submitted", "Running", "Success", "Failed", "Pause", "Cancel"), False),
    ],
)
def test_jobs_can_leave_where_an_open_state_but_not_every_state_is_asked(
    states: tuple[str, ...], expected: bool
) -> None:
    assert JobFilter(states=states).can_lose_jobs is expected


def test_oldest_jobs_can_leave_a_list_that_begins_with_them() -> None:
    assert JobFilter(order="Asc").can_lose_jobs is True


def test_list_whose_jobs_stay_goes_on_by_token() -> None:
    assert step(FAILED, START, [at(9), at(8)], "t").next == Continuation("t")


def test_list_whose_jobs_can_leave_goes_on_from_the_last_creation_time() -> None:
    found = step(RUNNING, START, [at(9), at(8)], "t")

    assert (found.next, found.doubts) == (after(8), ())


def test_oldest_first_goes_on_from_the_last_creation_time_too() -> None:
    oldest_first = JobFilter(states=("Running",), order="Asc")

    assert step(oldest_first, after(1), [at(1), at(2)], "t").next == after(2)
    assert step(oldest_first, after(5), [at(1), at(2)], "t").doubts == ("order",)


def test_second_that_overflows_a_page_is_left_by_token_and_said() -> None:
    found = step(RUNNING, after(8), [at(8), at(8)], "t2")

    assert (found.next, found.doubts) == (after(8, "t2"), ("second",))


def test_page_without_jobs_is_left_by_token_and_said_where_jobs_can_leave() -> None:
    found = step(RUNNING, after(8), [], "t2")

    assert (found.next, found.doubts) == (after(8, "t2"), ("empty",))
    assert step(RUNNING, after(8), [], "").doubts == ()
    assert step(FAILED, Continuation("t"), [], "t2").doubts == ()


def test_keyset_is_taken_up_again_with_the_first_row_of_another_second() -> None:
    found = step(RUNNING, after(8, "t2"), [at(8), at(7)], "t3")

    assert (found.next, found.doubts) == (after(7), ())


def test_token_chain_says_where_it_goes_on_if_the_list_moved() -> None:
    assert step(FAILED, Continuation("t"), [at(9), at(8)], "t2").if_moved == after(9)
    assert step(FAILED, Continuation("t"), [at(9), at(8)], "").if_moved == after(9)


@pytest.mark.parametrize(
    ("job_filter", "asked", "created"),
    [
        (FAILED, START, [at(9), at(8)]),
        (FAILED, Continuation("t"), [at(8), at(9)]),
        (FAILED, Continuation("t"), []),
        (FAILED, after(9), [at(9), at(8)]),
        (RUNNING, after(9, "t"), [at(9), at(8)]),
    ],
)
def test_list_that_moved_is_not_mended_where_nothing_is_known_or_keyset_does_it(
    job_filter: JobFilter, asked: Continuation, created: list[datetime]
) -> None:
    assert step(job_filter, asked, created, "t2").if_moved is None


def test_chain_that_once_went_on_by_keyset_stays_with_it() -> None:
    assert step(FAILED, after(9), [at(9), at(8)], "t").next == after(8)


@pytest.mark.parametrize("created", [[at(8), None], [at(7), at(8)], [at(99), at(8)]])
def test_order_that_is_not_proven_goes_on_by_token_and_is_said(created: list[datetime | None]) -> None:
    found = step(RUNNING, after(9), created, "t2")

    assert (found.next, found.doubts) == (after(9, "t2"), ("order",))
    assert (found.first, found.last) == (None, None)


@pytest.mark.parametrize("asked", [START, after(8), after(8, "t")])
def test_answer_without_a_token_ends_the_list(asked: Continuation) -> None:
    assert step(RUNNING, asked, [at(8), at(7)], "").next is None
