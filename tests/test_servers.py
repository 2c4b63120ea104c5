"""A Redis that hangs costs a process one time-out a second, not one for each who asks."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from jobs import servers
from jobs.servers import ServerDown
from tests.services import start_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.services import Valkeys

AT_ONCE = 0.8 * servers.TIMEOUT
"""Seconds within which one is told who does not wait for a time-out of one's own."""


@pytest.fixture
def hanging(valkeys: Valkeys) -> Iterator[Valkeys]:
    """Two servers that were used; the cache hangs now."""
    servers.ping(servers.broker())
    servers.ping(servers.cache_server())
    valkeys.cache.send_signal(signal.SIGSTOP)
    yield valkeys
    valkeys.cache.send_signal(signal.SIGCONT)


def seconds_until_down() -> float:
    """How long it takes to be told that the cache is down."""
    began = time.monotonic()
    with pytest.raises(ServerDown) as error:
        servers.ping(servers.cache_server())
    assert error.value.role == "cache"
    return time.monotonic() - began


@pytest.fixture
def down_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who timed out counts as down until the test is over, however long a busy machine takes for it."""
    monkeypatch.setattr(servers, "DOWN_FOR", 60.0)


@pytest.mark.usefixtures("hanging", "down_for_long")
def test_who_asks_first_waits_for_the_time_out_and_the_next_are_told_at_once() -> None:
    first = seconds_until_down()
    began = time.monotonic()
    following = []
    while time.monotonic() - began < 0.7:
        following.append(seconds_until_down())
        time.sleep(0.02)

    assert 0.8 < first < 2
    assert len(following) > 3
    assert max(following) < AT_ONCE


@pytest.mark.usefixtures("hanging", "down_for_long")
def test_scripts_and_waits_are_told_at_once_as_well() -> None:
    seconds_until_down()
    began = time.monotonic()

    with pytest.raises(ServerDown):
        servers.cache_server().script("read_job", [], [])
    with pytest.raises(ServerDown), servers.cache_server().waiting(5):
        pass

    assert time.monotonic() - began < AT_ONCE


@pytest.mark.usefixtures("hanging")
def test_after_a_second_one_asks_again_and_the_next_are_told_at_once_again() -> None:
    seconds_until_down()
    time.sleep(1.05)

    again, following = seconds_until_down(), seconds_until_down()

    assert 0.8 < again < 2
    assert following < AT_ONCE


@pytest.mark.usefixtures("hanging")
def test_threads_do_not_pile_up() -> None:
    began = time.monotonic()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: seconds_until_down(), range(40)))

    assert time.monotonic() - began < 4  # without it, ten time-outs one after another


@pytest.mark.usefixtures("hanging")
def test_the_other_server_is_asked_as_ever() -> None:
    seconds_until_down()

    servers.ping(servers.broker())


def test_it_is_found_again_a_second_after_the_last_time_out(hanging: Valkeys) -> None:
    seconds_until_down()
    down = time.monotonic()
    hanging.cache.send_signal(signal.SIGCONT)

    while True:
        try:
            servers.ping(servers.cache_server())
        except ServerDown:
            assert time.monotonic() - down < 3
            time.sleep(0.01)
        else:
            break

    assert time.monotonic() - down > 0.8


def test_a_server_that_refuses_is_told_at_once_and_found_as_soon_as_it_is_back(valkeys: Valkeys) -> None:
    servers.ping(servers.cache_server())
    valkeys.cache.kill()
    valkeys.cache.wait()

    refused = seconds_until_down()
    valkeys.cache = start_valkey(valkeys.cache_port)
    servers.ping(servers.cache_server())

    assert refused < AT_ONCE
