"""CI's time comes from the broker and from upstream, never from this machine's own clock."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine
from kombu import Queue

from dashboard.celery import app
from jobs.clock import Clock

pytestmark = pytest.mark.usefixtures("empty_redis")


@pytest.fixture(autouse=True)
def offset_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests teach reaches no other process: the session's worker goes on with the true offset."""
    monkeypatch.setattr("jobs.clock.OFFSET_KEY", "clock:offset:test")


def test_clock_follows_the_broker_when_the_machine_s_own_is_an_hour_off() -> None:
    real = time.time()

    with time_machine.travel(real + 3600, tick=True):
        assert Clock().now() == pytest.approx(real, abs=1)


def test_learned_offset_reaches_every_process() -> None:
    one, other = Clock(), Clock()
    before = other.now()

    changed = one.learn(3600.0, one.offset)

    assert changed is True
    assert Clock().now() == pytest.approx(before + 3600, abs=3)
    assert one.now() == pytest.approx(before + 3600, abs=3)


def test_whoever_learns_goes_on_when_every_process_counts_with_it() -> None:
    one, other = Clock(), Clock()
    before = other.now()

    one.learn(3600.0, one.offset)

    assert other.now() == pytest.approx(before + 3600, abs=2)


@pytest.mark.parametrize("skew", [0.0, 1.9, -2.0, 90_000.0, -90_000.0, 2.5e11, -6e10])
def test_skew_that_is_small_or_beyond_belief_changes_nothing(skew: float) -> None:
    clock = Clock()
    before = clock.now()

    assert clock.learn(skew, 0.0) is False
    assert Clock().now() == pytest.approx(before, abs=1)


def test_two_that_learn_the_same_skew_don_t_add_it_twice() -> None:
    one, other = Clock(), Clock()
    before = one.now()
    other.now()

    one.learn(3600.0, 0.0)
    other.learn(3600.0, 0.0)

    assert Clock().now() == pytest.approx(before + 3600, abs=3)


@pytest.mark.parametrize(("taker", "other"), [(0, 3700), (-3700, 0)])
def test_task_that_waits_in_a_worker_is_not_taken_by_one_whose_clock_is_ahead(taker: int, other: int) -> None:
    real, queue = time.time(), Queue("clock-test")
    with app.connection_for_read() as first, app.connection_for_read() as second:
        first.Producer().publish({}, routing_key=queue.name, declare=[queue])
        with time_machine.travel(real + taker, tick=True):
            task = queue(first.channel()).get()
            assert task is not None

        with time_machine.travel(real + other, tick=True):
            channel: Any = second.channel()
            channel.qos.restore_visible(interval=1)  # as each worker does every 100 s
            taken = queue(channel).get()

        task.ack()
        assert taken is None
