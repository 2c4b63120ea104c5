"""The thread that keeps running claims, tells that its worker lives, and does what is due at every beat."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from jobs import claims
from tests.claiming import ask, change, record

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("empty_redis")


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
