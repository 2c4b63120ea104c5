"""The thread that keeps running claims, tells that its worker lives, and does what is due at every beat."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from jobs import claims, servers
from tests.claiming import ask, change, record

if TYPE_CHECKING:
    from collections.abc import Callable

    Until = Callable[[Callable[[], bool]], None]

pytestmark = pytest.mark.usefixtures("empty_redis", "alone")


@pytest.fixture
def renewer() -> claims.Renewer:
    return claims.Renewer(every=0.01)


@pytest.fixture
def let_it_beat(renewer: claims.Renewer, until: Until) -> Callable[[], None]:
    """Wait until a beat has begun and ended from now on; the first that ends may have begun before."""
    beats: list[None] = []
    renewer.each_beat(lambda: beats.append(None))

    def wait_for_beats() -> None:
        before = len(beats)
        until(lambda: len(beats) >= before + 2)

    return wait_for_beats


def test_renewer_keeps_a_claim_and_lets_it_go(
    renewer: claims.Renewer, let_it_beat: Callable[[], None], until: Until
) -> None:
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None

    with renewer.holding(claim, longest=10):
        change("k", until=0)
        until(lambda: int(record("k")["until"]) > asking.enqueued_at)

    let_it_beat()  # One that was on its way may have renewed the claim once more.
    change("k", until=0)
    let_it_beat()
    assert record("k")["until"] == "0"


def test_renewer_never_renews_past_the_deadline(renewer: claims.Renewer, let_it_beat: Callable[[], None]) -> None:
    asking = ask("k")
    claim = claims.start("k", asking.enqueued_at)
    assert claim is not None

    with renewer.holding(claim, longest=0):
        change("k", until=0)
        let_it_beat()

        assert record("k")["until"] == "0"


def test_heartbeat_tells_which_workers_live_until_they_retire(renewer: claims.Renewer, until: Until) -> None:
    renewer.start("w1@host")
    until(lambda: "w1@host" in claims.heartbeats())
    renewer.retire()

    assert claims.heartbeats() == {}


def test_worker_that_retires_in_mid_beat_does_not_come_back(
    renewer: claims.Renewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_its_way, go_on, ended = Event(), Event(), Event()
    run = servers.broker().script

    def slowly(name: str, *arguments: Any) -> Any:
        on_its_way.set()
        assert go_on.wait(10)
        answer = run(name, *arguments)
        ended.set()
        return answer

    monkeypatch.setattr(servers.broker(), "script", slowly)
    renewer.start("w1@host")
    assert on_its_way.wait(10)

    with ThreadPoolExecutor(1) as pool:
        retiring = pool.submit(renewer.retire)
        wait([retiring], timeout=0.3)  # Time to end before the beat does: that is what it must not do.
        go_on.set()
        assert ended.wait(10)

    assert claims.heartbeats() == {}


def test_renewer_outlives_a_chore_that_fails(renewer: claims.Renewer, until: Until) -> None:
    calls: list[int] = []

    def chore() -> None:
        calls.append(1)
        raise ValueError

    renewer.each_beat(chore)

    renewer.start("w2@host")

    until(lambda: len(calls) > 2)
    renewer.retire()
