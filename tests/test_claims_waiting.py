"""What holds a question back: leases, tokens and cool-downs that others need, and a reader's own budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from jobs import claims, servers
from tests.claiming import GATE, PROBLEM, ask, broker_ms, change, leave_alone, record, running

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.usefixtures("empty_redis")


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


def test_question_that_begins_anew_is_a_new_one_for_the_budget(settings: Settings) -> None:
    settings.MISS_BUDGET = 2
    ask("k", reader="user:1")
    leave_alone("k", 40)
    ask("k", reader="user:1")
    leave_alone("k", 40)

    assert ask("k", reader="user:1").outcome == "refused"
    assert ask("k", reader="user:2").outcome == "claimed"
