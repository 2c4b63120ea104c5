"""What answers tell of CI's time, and what may move the clock of all."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from jobs import cache, clock, fetch, servers
from jobs.filters import JobFilter, Pin
from jobs.records import JobQuestion, PageQuestion
from tests.fetching import NAME, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from tests.emulators import Emulator


@pytest.mark.parametrize("offset", [3600.0, -3600.0])
def test_clock_an_hour_off_is_learned_and_the_page_comes(ci: Emulator, offset: float) -> None:
    ci.shift_clock(offset)

    page, problem = run()

    assert problem is None
    assert page is not None
    assert page.unique == 3
    assert page.pin.end == pytest.approx(time.time() + offset - 2, abs=3)
    assert clock.now() == pytest.approx(ci.now(), abs=2)


@pytest.mark.parametrize("offset", [3600.0, -3600.0, 30.0, -30.0])
def test_job_that_corrects_the_clock_gets_its_age_by_the_corrected_one(ci: Emulator, offset: float) -> None:
    ci.shift_clock(offset)
    job_id = ci.job_ids(NAME)[0]
    began = ci.now()

    fetch.fetch_job(JobQuestion(NAME, job_id), 2**53, "person")

    job = cache.find_job(JobQuestion(NAME, job_id), "default").job
    assert job is not None
    assert began - clock.TOLERANCE <= job.as_of <= ci.now() + clock.TOLERANCE


@pytest.mark.parametrize("offset", [3600.0, -3600.0])
def test_later_page_that_corrects_the_clock_gets_its_age_by_the_corrected_one(ci: Emulator, offset: float) -> None:
    first = PageQuestion(NAME, JobFilter(size=1))
    page, _problem = run(first)
    assert page is not None
    ci.shift_clock(offset)
    began = ci.now()

    second, _problem = run(PageQuestion(NAME, first.filter, page.pin, page.next))

    assert second is not None
    assert began - clock.TOLERANCE <= second.as_of <= ci.now() + clock.TOLERANCE


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
