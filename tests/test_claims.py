"""One fetch per question: how an asking moves between absent, queued, running, failed and stored."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs import claims
from tests.claiming import PROBLEM, ask, broker_ms, change, record

pytestmark = pytest.mark.usefixtures("empty_redis")


def test_first_reader_claims_and_others_join_the_same_token() -> None:
    first = ask("k")

    second = ask("k")

    assert (first.outcome, second.outcome) == ("claimed", "joined")
    assert second.token == first.token


def test_only_one_of_many_simultaneous_readers_claims() -> None:
    with ThreadPoolExecutor(20) as pool:
        outcomes = [asking.outcome for asking in pool.map(lambda _: ask("k"), range(60))]

    assert sorted(outcomes) == ["claimed"] + ["joined"] * 59


def test_queued_claim_lapses_so_that_a_lost_task_is_enqueued_again() -> None:
    first = ask("k")
    change("k", until=first.enqueued_at - 1)

    second = ask("k")

    assert second.outcome == "claimed"
    assert second.token != first.token


def test_task_takes_the_standing_token_so_that_those_who_wait_are_woken() -> None:
    asking = ask("k")

    claim = claims.start("k", asking.enqueued_at)

    assert claim is not None
    assert (claim.token, claim.tries) == (asking.token, 1)


def test_task_of_a_lapsed_claim_keeps_its_token() -> None:
    asking = ask("k")
    change("k", until=asking.enqueued_at - 1)

    claim = claims.start("k", asking.enqueued_at)

    assert claim is not None
    assert claim.token == asking.token


def test_task_without_any_asking_sets_a_token_of_its_own() -> None:
    claim = claims.start("k", broker_ms())

    assert claim is not None
    assert ask("k").token == claim.token


@pytest.mark.parametrize(("age", "dropped"), [(31_000, True), (25_000, False), (-1000, False)])
def test_task_that_nobody_waits_for_any_more_is_dropped(age: int, dropped: bool) -> None:
    asking = ask("k")

    claim = claims.start("k", asking.enqueued_at - age)

    assert (claim is None) is dropped


def test_second_task_quits_while_the_first_runs() -> None:
    asking = ask("k")
    claims.start("k", asking.enqueued_at)

    assert claims.start("k", asking.enqueued_at) is None


def test_task_quits_when_the_answer_was_stored_after_it_was_enqueued() -> None:
    late = ask("k")
    claim = claims.start("k", late.enqueued_at)
    assert claim is not None
    claims.finish(claim, "stored")

    assert claims.start("k", late.enqueued_at - 1) is None


def test_task_enqueued_after_the_answer_was_stored_runs() -> None:
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    claims.finish(claim, "stored")
    change("k", stored=asking.enqueued_at)

    refresh = ask("k")

    assert refresh.outcome == "claimed"
    assert claims.start("k", refresh.enqueued_at + 1) is not None


def test_running_claim_of_a_dead_worker_frees_its_question() -> None:
    asking = ask("k")
    claims.start("k", asking.enqueued_at)
    change("k", until=asking.enqueued_at - 1)

    again = ask("k")
    claim = claims.start("k", again.enqueued_at)

    assert again.outcome == "claimed"
    assert claim is not None
    assert claim.tries == 2


def test_waiter_is_woken_by_the_end_of_the_fetch() -> None:
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(claims.wait, "k", asking.token, 5)

        claims.finish(claim, "stored")

        assert waiting.result(5) is True


def test_late_waiter_finds_the_wake_up_at_once() -> None:
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    claims.finish(claim, "failed")
    began = time.monotonic()

    woken = claims.wait("k", asking.token, 5)

    assert woken is True
    assert time.monotonic() - began < 1


def test_waiter_gives_up_after_its_time() -> None:
    asking = ask("k")

    assert claims.wait("k", asking.token, 0.05) is False


def test_failed_try_may_be_asked_again_at_its_time_and_not_before() -> None:
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    claims.again(claim, PROBLEM, 30)

    early = ask("k")
    change("k", again=early.enqueued_at - 1)
    due = ask("k")

    assert (early.outcome, early.tries, early.problem) == ("later", 1, PROBLEM)
    assert 29 < early.again <= 30
    assert (due.outcome, due.tries) == ("claimed", 1)


def test_stored_answer_leaves_no_trace_of_the_tries() -> None:
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    claims.again(claim, PROBLEM, 0)
    change("k", again=0)
    second = ask("k")
    claim = claims.start("k", second.enqueued_at)
    assert claim is not None

    claims.finish(claim, "stored")

    assert sorted(record("k")) == ["phase", "stored"]


def test_end_of_a_superseded_task_leaves_the_new_claim_alone() -> None:
    old = ask("k")
    slow = claims.start("k", old.enqueued_at)
    assert slow is not None
    change("k", until=old.enqueued_at - 1)
    new = ask("k")

    claims.finish(slow, "stored")

    assert ask("k").token == new.token
    assert record("k")["phase"] == "queued"


@pytest.mark.parametrize(
    ("asked", "interval"), [(0.0, 0.3), (0.29, 0.3), (0.31, 0.6), (0.95, 1.0), (2.0, 2.0), (5.0, 2.0), (50.0, 2.0)]
)
def test_interval_grows_with_the_time_since_the_question_was_first_asked(asked: float, interval: float) -> None:
    asking = claims.Asking("joined", "t", 0, 0.0, asked, 0, None, stored=False)

    assert asking.interval == interval


def test_changed_credential_is_noticed_once() -> None:
    # By a name of its own: the session's worker remembers the key of "default" at each of its beats.
    seen = [claims.credential_changed("rotated", text) for text in ("a", "a", "b", "b")]

    assert seen == [False, False, True, False]
