"""Seeded walks through lists that move: each job that matched throughout is shown once, or the page says what is missing.

Ten thousand of them: `./dev walks`. Here some hundred, and proof that a walk which goes wrong is found out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs import cache, claims, fetch, throttle
from jobs.cloudinfinite.emulator.switches import CHOICES
from jobs.cloudinfinite.schema import Job as ListedJob
from jobs.filters import JobFilter
from jobs.filters.times import write_time
from jobs.models import Bucket
from jobs.problems import Problem
from jobs.records import Continuation, PageQuestion, Row
from tests.emulators import REGION
from tests.walks.oracle import Verdict, judge, throughout
from tests.walks.report import Outcome
from tests.walks.scenario import Event, Job, Scenario, scenario
from tests.walks.site import SECURITY_TOKEN, VARIABLES
from tests.walks.walker import BUCKET, follow, walk, walk_together

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.records import Page
    from tests.emulators import Emulator
    from tests.walks.walker import Walk

SHARE = 50
"""Walks of one test, so that processes can share them."""


@pytest.fixture
def ci(pristine_emulator: Emulator, db: None, settings: Settings, empty_redis: None, own_client: None) -> Emulator:
    """An emulator that this process's own client asks."""
    settings.CI_ENDPOINT = pristine_emulator.endpoint
    for name, value in VARIABLES.items():
        setattr(settings, name, float(value))
    default = settings.CI_CREDENTIALS["default"]
    settings.CI_CREDENTIALS = {"default": {**default, "SECURITY_TOKEN": SECURITY_TOKEN}}
    Bucket.objects.create(name=BUCKET, region=REGION)
    return pristine_emulator


@pytest.mark.parametrize("first", range(0, 200, SHARE))
def test_job_that_matched_throughout_is_shown_once_or_the_page_says_what_is_missing(ci: Emulator, first: int) -> None:
    walks = {seed: walk_together(scenario(seed), ci, follow) for seed in range(first, first + SHARE)}

    outcomes = [Outcome.of(together) for together in walks.values()]
    assert {one.seed: one.wrong for one in outcomes if one.wrong} == {}
    assert any(one.said for one in outcomes)
    assert any(not one.troubled for one in outcomes)
    assert {one.readers for one in outcomes} == {1, 2}


def test_seed_means_the_same_each_time() -> None:
    once, again = scenario(7), scenario(7)

    assert (once.jobs, once.events, once.switches) == (again.jobs, again.events, again.switches)


def test_walks_meet_every_switch_and_every_event() -> None:
    every = [scenario(seed) for seed in range(500)]

    assert all({one.switches[name] for one in every} == set(values) for name, values in CHOICES.items())
    assert set().union(*(one.kinds for one in every)) >= {
        "arrive", "late", "change", "retire", "switch", "evict", "repeat_rows", "shuffle", "token_repeat", "empty_page", "error",
        "truncate", "hang", "drop", "renew", "wait",
    }  # fmt: skip
    assert {one.filter.order for one in every} == {"Asc", "Desc"}
    assert {one.filter.can_lose_jobs for one in every} == {False, True}


# That a walk which goes wrong is found out ------------------------------------------------------------------------------


def quiet(*events: tuple[Event, ...], size: int = 5) -> Scenario:
    """Return a walk over 17 jobs, each alone in its second."""
    jobs = tuple(
        Job(60 + 7 * index, {"JobId": f"b{index:032x}", "State": "Success", "Type": "Job", "Name": "n"})
        for index in range(17)
    )
    return Scenario(0, JobFilter(size=size), {name: values[0] for name, values in CHOICES.items()}, jobs, events)


def test_quiet_walk_is_judged_well(ci: Emulator) -> None:
    done = walk(quiet(), ci, follow)

    verdict = judge(done)
    assert verdict == Verdict(wrong=(), lost=frozenset(), said=frozenset(), troubled=False)
    assert (len(done.pages), len(throughout(done))) == (4, 17)


def test_page_that_is_passed_over_is_found_out(ci: Emulator) -> None:
    def pass_over(question: PageQuestion, page: Page) -> PageQuestion:
        behind = follow(question, page)
        asking = claims.ask(behind.key, throttle.gate(BUCKET, "default"), lane="person")
        fetch.fetch_page(behind, asking.enqueued_at, "person")
        passed = cache.find_page(behind, "default", person=True).page
        return follow(behind, passed) if passed is not None and passed.next is not None else behind

    verdict = judge(walk(quiet(), ci, pass_over))

    assert len(verdict.lost) == 5
    assert any(wrong.startswith("lost unsaid") for wrong in verdict.wrong)


def test_continuation_that_begins_too_late_is_found_out(ci: Emulator) -> None:
    def jump(question: PageQuestion, page: Page) -> PageQuestion:
        created = page.rows[len(page.rows) - 1].job.creation_time
        assert created is not None
        too_late = write_time(created - timedelta(seconds=20))
        return PageQuestion(BUCKET, question.filter, page.pin, Continuation("", too_late))

    assert judge(walk(quiet(), ci, jump)).lost


def test_question_that_changes_on_the_way_is_found_out(ci: Emulator) -> None:
    def ask_for_others(question: PageQuestion, page: Page) -> PageQuestion:
        return follow(replace(question, filter=replace(question.filter, type="")), page)

    done = walk(replace(quiet(), filter=JobFilter(size=5, type="Job")), ci, ask_for_others)

    assert any("another question" in wrong for wrong in judge(done).wrong)


def without_a_row(done: Walk, page: int = 1) -> None:
    done.pages[page] = replace(done.pages[page], rows=tuple(done.pages[page].rows)[1:], received=4)


def with_a_row_again(done: Walk) -> None:
    done.pages[2] = replace(done.pages[2], rows=(*done.pages[2].rows, done.pages[0].rows[0]))


def with_a_foreign_row(done: Walk) -> None:
    foreign = Row(ListedJob({"JobId": "b-foreign", "State": "Success"}))
    done.pages[2] = replace(done.pages[2], rows=(*done.pages[2].rows, foreign))


def with_a_wrong_sum(done: Walk) -> None:
    so_far = done.pages[3].so_far
    assert so_far is not None
    done.pages[3] = replace(done.pages[3], so_far=replace(so_far, unique=16))


def with_an_idle_doubt(done: Walk) -> None:
    done.pages[3] = replace(done.pages[3], doubts=("order",))


def without_its_end(done: Walk) -> None:
    done.pages.pop()


def without_an_end(done: Walk) -> None:
    done.endless = True


def with_a_problem_out_of_nothing(done: Walk) -> None:
    del done.pages[2:]
    done.problem = Problem("upstream_failing", "InternalError", "We are sorry.", "req-1", at=1.0)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (with_a_problem_out_of_nothing, "a problem that upstream never gave: InternalError"),
        (without_a_row, "lost unsaid"),
        (with_a_row_again, "shown twice"),
        (with_a_foreign_row, "never sent: b-foreign"),
        (with_a_wrong_sum, "sums up"),
        (with_an_idle_doubt, "without trouble"),
        (without_its_end, "ended without a reason"),
        (without_an_end, "no end"),
    ],
)
def test_spoilt_walk_is_found_out(ci: Emulator, spoil: Callable[[Walk], None], found: str) -> None:
    done = walk(quiet(), ci, follow)

    spoil(done)

    assert any(found in wrong for wrong in judge(done).wrong)


def test_problem_is_no_failure_where_upstream_gave_it(ci: Emulator) -> None:
    refused = Event("fault", 1, {"kind": "error", "status": 403, "code": "AccessDenied"})

    verdict = judge(walk(quiet((), (refused,)), ci, follow))

    assert (verdict.wrong, set(verdict.said)) == ((), {"problem"})


def test_loss_is_no_failure_where_it_is_said(ci: Emulator) -> None:
    emptied = (Event("fault", 1, {"kind": "empty_page"}),)

    verdict = judge(walk(quiet((), emptied), ci, follow))

    assert verdict.wrong == ()
    assert (len(verdict.lost), set(verdict.said)) == (12, {"no_new_rows"})


@pytest.mark.parametrize(("said_on", "is_excused"), [(0, False), (1, True), (2, True), (3, False)])
def test_doubt_excuses_a_loss_only_on_its_page_or_the_one_before_it(
    ci: Emulator, said_on: int, *, is_excused: bool
) -> None:
    done = walk(quiet(), ci, follow)
    without_a_row(done, page=2)

    done.pages[said_on] = replace(done.pages[said_on], doubts=("order",))

    assert any(wrong.startswith("lost unsaid") for wrong in judge(done).wrong) != is_excused


@pytest.mark.parametrize("doubted", [1, 2])
def test_list_that_ends_too_early_is_found_out_though_something_was_in_doubt(ci: Emulator, doubted: int) -> None:
    done = walk(quiet(), ci, follow)
    del done.pages[3:]
    done.pages[2] = replace(done.pages[2], next=None, end="missing")

    done.pages[doubted] = replace(done.pages[doubted], doubts=("order",))

    assert any(wrong.startswith("lost unsaid") for wrong in judge(done).wrong)


def test_chain_that_is_evicted_is_forgotten(ci: Emulator) -> None:
    done = walk(quiet((), (Event("evict", 1, {}),)), ci, follow)

    assert "earlier_unknown" in judge(done).said


def test_what_is_said_of_a_refused_token_excuses_no_loss(ci: Emulator) -> None:
    done = walk(quiet(), ci, follow)
    without_a_row(done)

    done.pages[1] = replace(done.pages[1], doubts=("token",))

    assert any(wrong.startswith("lost unsaid") for wrong in judge(done).wrong)


def test_token_that_grew_too_old_is_told_and_no_job_is_lost_by_it(ci: Emulator) -> None:
    minute_later = Event("wait", 1, {"seconds": 61})
    calm = quiet((), (minute_later,))

    verdict = judge(walk(replace(calm, switches={**calm.switches, "tokens_live": "minute"}), ci, follow))

    assert (verdict.wrong, verdict.lost, verdict.said) == ((), frozenset(), frozenset({"token"}))


def test_time_that_passes_is_no_trouble_where_tokens_live_for_ever(ci: Emulator) -> None:
    verdict = judge(walk(quiet((), (Event("wait", 1, {"seconds": 3600}),)), ci, follow))

    assert verdict == Verdict(wrong=(), lost=frozenset(), said=frozenset(), troubled=False)
