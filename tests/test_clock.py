"""CI's time comes from the broker and from upstream, never from this machine's own clock."""

from __future__ import annotations

import time

import pytest
import time_machine

from jobs.clock import Clock

pytestmark = pytest.mark.usefixtures("empty_redis")


def test_clock_follows_the_broker_when_the_machine_s_own_is_an_hour_off() -> None:
    real = time.time()

    with time_machine.travel(real + 3600, tick=True):
        assert Clock().now() == pytest.approx(real, abs=1)


def test_learned_offset_reaches_every_process() -> None:
    one, other = Clock(), Clock()
    before = other.now()

    changed = one.learn(3600.0, one.offset)

    assert changed is True
    assert Clock().now() == pytest.approx(before + 3600, abs=1)
    assert one.now() == pytest.approx(before + 3600, abs=1)


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

    assert Clock().now() == pytest.approx(before + 3600, abs=1)
