"""How an asking ends, and begins anew: by its deadline, without a worker, by “try again”, once nobody asked for long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from jobs import claims, clock, servers
from jobs.records import pack
from tests.claiming import GATE, PROBLEM, ask, broker_ms, change, leave_alone, record, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.problems import Problem

pytestmark = pytest.mark.usefixtures("empty_redis", "alone")


def test_asking_ends_with_its_last_problem_after_the_fetch_deadline(settings: Settings) -> None:
    settings.FETCH_DEADLINE = 15
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    claims.again(claim, PROBLEM, 0)
    change("k", first_try=asking.enqueued_at - 15_001)

    ended = ask("k")

    assert (ended.outcome, ended.problem) == ("ended", PROBLEM)


def test_asking_that_no_worker_took_ends_after_half_a_minute() -> None:
    asking = ask("k")
    change("k", first=asking.enqueued_at - 30_001, until=asking.enqueued_at - 1)

    ended = ask("k")

    assert (ended.outcome, ended.problem) == ("ended", None)


@pytest.mark.parametrize("tried", [False, True])
def test_asking_that_ended_without_a_worker_goes_on_once_there_is_one_and_costs_nothing_again(
    settings: Settings, *, tried: bool
) -> None:
    settings.MISS_BUDGET = 1
    asking = ask("k", reader="vera")
    if tried:  # and then its worker died
        claims.start("k", asking.enqueued_at)
        change("k", first_try=asking.enqueued_at - 30_001)
    change("k", first=asking.enqueued_at - 30_001, until=asking.enqueued_at - 1)

    without = [ask("k", reader="vera").outcome for _ in range(2)]
    beat("w1@host")
    back = ask("k", reader="vera")

    assert without == ["ended", "ended"]
    assert (back.outcome, back.asked) == ("claimed", 0)


def test_asking_that_ended_beside_a_busy_worker_stays_so_while_that_one_beats() -> None:
    beat("w1@host")
    asking = ask("k")
    change("k", first=asking.enqueued_at - 30_001, until=asking.enqueued_at - 1)

    assert [ask("k").outcome for _ in range(2)] == ["ended", "ended"]


@pytest.mark.parametrize("problem", [None, PROBLEM])
def test_task_that_comes_to_an_asking_that_ended_begins_it_anew(problem: Problem | None) -> None:
    asking = ask("k")
    change("k", first=asking.enqueued_at - 30_001, until=asking.enqueued_at - 1)
    if problem:
        change("k", problem=pack(problem.to_primitives()))
    assert ask("k").outcome == "ended"

    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    claims.give_back(claim, 5.0, "lease")

    held = ask("k")
    assert (held.outcome, held.tries, held.problem) == ("later", 0, None)


def test_task_that_comes_to_an_asking_that_ended_after_some_tries_is_one_more_of_them() -> None:
    claims.again(running("k"), PROBLEM, 0)
    change("k", first_try=broker_ms() - 15_001)
    assert ask("k").outcome == "ended"

    claim = claims.start("k", broker_ms())

    assert claim is not None
    assert (claim.tries, claim.since_first > 15) == (2, True)
    claims.give_back(claim, 0.0, "lease")
    assert (ask("k").outcome, ask("k").problem) == ("ended", PROBLEM)
    with servers.broker().connection() as client:
        assert 0 < cast("Any", client).pttl(claims._asking_key("k")) <= 10_000


def beat(worker: str) -> None:
    """Let a worker say that it lives."""
    with servers.broker().connection() as client:
        client.hset(claims.HEARTBEATS, worker, broker_ms())


def test_asking_that_a_cool_down_held_back_to_its_end_tells_why_the_bucket_is_quiet() -> None:
    with servers.broker().connection() as client:
        client.hset(GATE.cool_bucket, mapping={"until": broker_ms() + 60_000, "problem": pack(PROBLEM.to_primitives())})
    assert ask("k").outcome == "later"
    change("k", first=broker_ms() - 30_001, held_since=broker_ms() - 30_001)

    ended = ask("k")

    assert (ended.outcome, ended.problem) == ("ended", PROBLEM)


def cool_down(seconds: float) -> None:
    with servers.broker().connection() as client:
        client.hset(GATE.cool_bucket, mapping={"until": broker_ms() + round(seconds * 1000)})


def take_leases(seconds: float) -> None:
    with servers.broker().connection() as client:
        out = {f"lease {number}": broker_ms() + round(seconds * 1000) for number in range(claims.LEASES)}
        cast("Any", client).zadd(GATE.leases, out)


@pytest.mark.parametrize("hold", [cool_down, take_leases])
def test_asking_that_ended_while_it_had_to_wait_for_others_goes_on_once_it_has_not_and_costs_nothing_again(
    settings: Settings, hold: Callable[[float], None]
) -> None:
    settings.MISS_BUDGET = 1
    beat("w1@host")
    hold(60)
    assert ask("k", reader="vera").outcome == "later"
    change("k", first=broker_ms() - 30_001)

    while_held = [ask("k", reader="vera").outcome for _ in range(2)]
    hold(-1)
    after = ask("k", reader="vera")

    assert while_held == ["ended", "ended"]
    assert (after.outcome, after.asked) == ("claimed", 0)


@pytest.mark.parametrize("hold", [cool_down, take_leases])
def test_question_whose_turn_has_come_does_not_end_though_it_waited_long(hold: Callable[[float], None]) -> None:
    hold(60)
    assert ask("k").outcome == "later"
    change("k", first=broker_ms() - 31_000)

    hold(-1)

    assert ask("k").outcome == "claimed"


def test_question_ends_at_last_though_its_turn_has_come_again_and_again(settings: Settings) -> None:
    settings.FETCH_DEADLINE = 15
    take_leases(60)
    ask("k")
    take_leases(-1)
    change("k", first=broker_ms() - 45_001)

    assert ask("k").outcome == "ended"


def test_question_that_found_no_token_for_half_a_minute_ends(settings: Settings) -> None:
    claims.give_back(running("k"), 0.0, "token")
    change("k", first=broker_ms() - 30_001)

    assert ask("k").outcome == "ended"


def test_try_again_starts_an_ended_asking_anew() -> None:
    asking = ask("k")
    change("k", first=asking.enqueued_at - 30_001, until=asking.enqueued_at - 1)
    ask("k")

    anew = ask("k", since=asking.enqueued_at / 1000 + 60)

    assert (anew.outcome, anew.asked) == ("claimed", 0)


@pytest.mark.parametrize("offset", [3600.0, -3600.0])
@pytest.mark.parametrize(("pressed", "outcome"), [(-2.0, "ended"), (1.0, "claimed")])
def test_try_again_is_compared_by_one_clock(
    offset: float, pressed: float, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_clock", clock.Clock())
    monkeypatch.setattr(clock, "OFFSET_KEY", "clock:offset:test")  # the session's worker goes on with the true one
    with servers.broker().connection() as client:
        client.set(clock.OFFSET_KEY, repr(offset))
    asking = ask("k")
    change("k", first=asking.enqueued_at - 30_001, until=asking.enqueued_at - 1)
    ask("k")  # ends it: no worker ever took it

    assert ask("k", since=clock.now() + pressed).outcome == outcome


def test_failed_question_that_was_left_alone_begins_anew() -> None:
    claims.again(running("k"), PROBLEM, 0.0)
    leave_alone("k", 40)

    anew = ask("k")
    claim = claims.start("k", anew.enqueued_at)

    assert (anew.outcome, anew.tries, anew.problem, anew.asked) == ("claimed", 0, None, 0)
    assert claim is not None
    assert (claim.tries, claim.since_first) == (1, 0)


def test_question_that_no_worker_took_and_was_left_alone_begins_anew() -> None:
    ask("k")
    leave_alone("k", 40)

    assert ask("k").outcome == "claimed"


def test_question_that_waited_for_others_and_was_left_alone_forgets_what_it_waited() -> None:
    claims.again(running("k"), PROBLEM, 0.0)
    claims.give_back(running("k"), 0.0, "token")
    leave_alone("k", 40)

    anew = ask("k")
    claims.start("k", anew.enqueued_at)

    assert anew.outcome == "claimed"
    assert (record("k")["waited"], record("k")["tries"]) == ("0", "1")
    assert "held_since" not in record("k")


def test_question_that_was_left_alone_waits_for_the_end_of_a_cool_down() -> None:
    claims.again(running("k"), PROBLEM, 0.0)
    leave_alone("k", 40)
    with servers.broker().connection() as client:
        client.hset(GATE.cool_bucket, "until", broker_ms() + 30_000)

    anew = ask("k")

    assert (anew.outcome, anew.tries, anew.asked) == ("later", 0, 0)
    assert 29 < anew.again <= 30


def test_question_that_runs_is_joined_however_long_nobody_asked() -> None:
    claim = running("k")
    change("k", seen=broker_ms() - 40_000)

    assert (ask("k").outcome, ask("k").token) == ("joined", claim.token)


@pytest.mark.parametrize("before", ["joined", "later", "ended"])
def test_question_that_somebody_keeps_asking_ends(before: str) -> None:
    claim = running("k")
    if before != "joined":
        claims.again(claim, PROBLEM, 60.0)
    change("k", seen=broker_ms() - 9_000)
    if before == "ended":
        change("k", first_try=broker_ms() - 15_001)

    assert ask("k").outcome == before  # and so it was asked a moment ago
    change("k", first_try=broker_ms() - 15_001, until=0, again=0)
    leave_alone("k", 9)

    assert ask("k").outcome == "ended"
