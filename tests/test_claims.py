"""One fetch per question: how an asking moves between absent, queued, running, failed and stored."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest

from jobs import claims, clock, servers, throttle
from jobs.problems import Problem
from jobs.records import pack

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.claims import Lane

pytestmark = pytest.mark.usefixtures("empty_redis")

PROBLEM = Problem("upstream_failing", "InternalError", "We are sorry.", "req-1", at=1.0)


def record(key: str) -> dict[str, str]:
    with servers.broker().connection() as client:
        # redis-py types the answers of its sync and async clients alike.
        fields: dict[bytes, bytes] = cast("Any", client).hgetall(claims._asking_key(key))
    return {name.decode(): value.decode("latin-1") for name, value in fields.items()}


def broker_ms() -> int:
    """Return the broker's time as askings have it."""
    with servers.broker().connection() as client:
        seconds, micros = cast("Any", client).time()
    return int(seconds * 1000 + micros // 1000)


def change(key: str, **fields: float | str | bytes) -> None:
    """Move an asking's record to another moment, instead of waiting for it."""
    with servers.broker().connection() as client:
        cast("Any", client).hset(claims._asking_key(key), mapping=fields)


GATE = throttle.gate("media-prod-1250000000", "default")


def ask(key: str, lane: Lane = "person", *, reader: str = "", since: float = 0.0) -> claims.Asking:
    return claims.ask(key, GATE, lane=lane, reader=reader, since=since)


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


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker lives but those that a test lets beat."""
    monkeypatch.setattr(claims, "HEARTBEATS", "heartbeats:test")


@pytest.mark.usefixtures("alone")
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


@pytest.mark.usefixtures("alone")
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
    asking = ask("k")
    claims.again(running_of(asking), PROBLEM, 0)
    change("k", first_try=asking.enqueued_at - 15_001)
    assert ask("k").outcome == "ended"

    claim = claims.start("k", broker_ms())

    assert claim is not None
    assert (claim.tries, claim.since_first > 15) == (2, True)
    claims.give_back(claim, 0.0, "lease")
    assert (ask("k").outcome, ask("k").problem) == ("ended", PROBLEM)
    with servers.broker().connection() as client:
        assert 0 < cast("Any", client).pttl(claims._asking_key("k")) <= 10_000


def running_of(asking: claims.Asking) -> claims.Claim:
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    return claim


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


@pytest.mark.usefixtures("alone")
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


def test_renewer_keeps_a_claim_and_lets_it_go(until: Callable[[Callable[[], bool]], None]) -> None:
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    renewer = claims.Renewer(every=0.01)

    with renewer.holding(claim, longest=10):
        change("k", until=0)
        until(lambda: int(record("k")["until"]) > asking.enqueued_at)

    change("k", until=0)
    threading.Event().wait(0.1)
    assert record("k")["until"] == "0"


def test_renewer_never_renews_past_the_deadline() -> None:
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None
    renewer = claims.Renewer(every=0.01)

    with renewer.holding(claim, longest=0):
        change("k", until=0)
        threading.Event().wait(0.1)

        assert record("k")["until"] == "0"


def test_heartbeat_tells_which_workers_live_until_they_retire(until: Callable[[Callable[[], bool]], None]) -> None:
    renewer = claims.Renewer(every=0.01)

    renewer.start("w1@host")
    until(lambda: "w1@host" in claims.heartbeats())
    renewer.retire()

    until(lambda: claims.heartbeats() == {})


def test_renewer_outlives_a_chore_that_fails(until: Callable[[Callable[[], bool]], None]) -> None:
    calls: list[int] = []

    def chore() -> None:
        calls.append(1)
        raise ValueError

    renewer = claims.Renewer(every=0.01)
    renewer.each_beat(chore)

    renewer.start("w2@host")

    until(lambda: len(calls) > 2)
    renewer.retire()


def test_changed_credential_is_noticed_once() -> None:
    seen = [claims.credential_changed("default", text) for text in ("a", "a", "b", "b")]

    assert seen == [False, False, True, False]


# Waiting for others ------------------------------------------------------------------------------------------------------


def running(key: str, lane: Lane = "person") -> claims.Claim:
    claim = claims.start(key, ask(key, lane).enqueued_at)
    assert claim is not None
    return claim


def test_claim_that_was_given_back_made_no_try_and_is_asked_again_in_time() -> None:
    claims.give_back(running("k"), 0.5, "token")

    early = ask("k")
    change("k", again=0)
    anew = running("k")

    assert early.outcome == "later"
    assert 0.3 < early.again <= 0.5
    assert (early.tries, anew.tries) == (0, 1)


def test_time_spent_waiting_for_others_does_not_count_against_the_deadline(settings: Settings) -> None:
    settings.FETCH_DEADLINE = 15.0
    claims.again(running("k"), PROBLEM, 0.0)
    claims.give_back(running("k"), 0.0, "token")
    now = int(record("k")["held_since"])
    change("k", first=now - 20_000, first_try=now - 20_000, held_since=now - 16_000)

    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)

    assert asking.outcome == "claimed"
    assert claim is not None
    assert claim.since_first == pytest.approx(4.0, abs=0.5)
    assert claim.tries == 2


def test_asking_that_others_are_always_before_ends(settings: Settings) -> None:
    claims.again(running("k"), PROBLEM, 0.0)
    claims.give_back(running("k"), 0.0, "token")
    now = int(record("k")["held_since"])
    change("k", first=now - 46_000, first_try=now - 46_000, held_since=now - 45_000)

    ended = ask("k")

    assert (ended.outcome, ended.problem) == ("ended", PROBLEM)


def test_person_does_not_wait_in_the_queue_of_pages_fetched_ahead() -> None:
    ahead = ask("k", "ahead")

    person = ask("k", "person")
    other = ask("k", "person")

    assert (person.outcome, person.token) == ("claimed", ahead.token)
    assert (ahead.overtakes, person.overtakes) == (False, True)
    assert other.outcome == "joined"


def test_what_a_lower_lane_gave_back_holds_no_person_up() -> None:
    claims.give_back(running("k", "ahead"), 5.0, "token")

    assert ask("k", "ahead").outcome == "later"
    assert ask("k", "person").outcome == "claimed"


def test_claim_tells_since_when_and_by_what_it_was_first_held_back() -> None:
    unhindered = running("other")
    claims.give_back(running("k"), 0.0, "lease")
    change("k", held_first=broker_ms() - 3000)
    claims.give_back(running("k"), 0.0, "token")

    held = running("k")

    assert (unhindered.held, unhindered.held_by) == (0.0, None)
    assert (held.held_by, 3.0 <= held.held < 4.0) == ("lease", True)


def test_what_holds_the_next_call_back_is_counted_from_the_one_before() -> None:
    claims.give_back(running("k"), 0.0, "lease")
    claims.again(running("k"), PROBLEM, 0.0)

    after_a_call = running("k")

    assert (after_a_call.held, after_a_call.held_by) == (0.0, None)


def test_question_that_is_not_even_enqueued_is_held_back_too() -> None:
    with servers.broker().connection() as client:
        client.hset(GATE.cool_bucket, "until", str(broker_ms() + 60_000))
        assert ask("k").outcome == "later"
        client.delete(GATE.cool_bucket)

    held = running("k")

    assert (held.held_by, held.held > 0) == ("cool", True)


def test_person_was_not_held_back_with_what_waited_in_a_lower_lane() -> None:
    claims.give_back(running("k", "ahead"), 5.0, "token")

    assert running("k", "person").held_by is None


def test_reader_may_ask_so_many_new_questions_a_minute(settings: Settings) -> None:
    settings.MISS_BUDGET = 3

    outcomes = [ask(f"k{number}", reader="user:1").outcome for number in range(4)]
    refused = ask("k9", reader="user:1")

    assert outcomes == ["claimed", "claimed", "claimed", "refused"]
    assert 0 < refused.again <= 20
    assert ask("k0", reader="user:1").outcome == "joined"
    assert ask("k9", reader="user:2").outcome == "claimed"
    assert ask("k8").outcome == "claimed"


def test_budget_comes_back_with_time(settings: Settings) -> None:
    settings.MISS_BUDGET = 2
    for number in range(2):
        ask(f"k{number}", reader="user:1")
    with servers.broker().connection() as client:
        at = int(cast("Any", client).hget("budget:user:1", "at"))
        client.hset("budget:user:1", "at", at - 31_000)

    assert [ask(f"n{number}", reader="user:1").outcome for number in range(2)] == ["claimed", "refused"]


# Coming back ---------------------------------------------------------------------------------------------------------------


def leave_alone(key: str, seconds: float) -> None:
    """Let it be `seconds` since anything happened to a question."""
    names = ("first", "first_try", "seen", "again", "until", "held_since")
    moments = {name: value for name, value in record(key).items() if name in names}
    change(key, **{name: int(value) - round(seconds * 1000) for name, value in moments.items()})


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


def test_question_that_begins_anew_is_a_new_one_for_the_budget(settings: Settings) -> None:
    settings.MISS_BUDGET = 2
    ask("k", reader="user:1")
    leave_alone("k", 40)
    ask("k", reader="user:1")
    leave_alone("k", 40)

    assert ask("k", reader="user:1").outcome == "refused"
    assert ask("k", reader="user:2").outcome == "claimed"
