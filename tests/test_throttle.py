"""Upstream's limits: leases, tokens, lanes and cool-downs, on a real broker, with its clock moved by hand."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import pytest

from jobs import claims, servers, throttle
from jobs.cloudinfinite.exceptions import (
    CloudInfiniteError,
    DeadlineExceeded,
    PermissionDenied,
    Throttled,
    UpstreamFailing,
)
from jobs.problems import Problem
from jobs.throttle import HeldBack

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.claims import Lane

pytestmark = pytest.mark.usefixtures("empty_redis")

A, B = "media-a-1250000000", "media-b-1250000000"
SLOW_DOWN = Throttled("SlowDown", "Reduce your request rate.", 429, "req-1")


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.CI_RATE_BUCKET = 5.0
    settings.CI_RATE_CREDENTIAL = 10.0


def call(bucket: str = A, lane: Lane = "person", error: CloudInfiniteError | None = None) -> str:
    """Make one call; return "went", or what held it back."""
    try:
        with throttle.permit(bucket, "default", lane, 5.0) as permit:
            if error:
                permit.failed(error, Problem.from_exception(error, 1.0))
    except HeldBack as held:
        return held.reason
    return "went"


def calls(count: int, bucket: str = A, lane: Lane = "person") -> int:
    """Try `count` calls at once; return how many went out."""
    return [call(bucket, lane) for _ in range(count)].count("went")


def pass_time(seconds: float) -> None:
    """Let the broker's records be that much older, instead of waiting."""
    with servers.broker().connection() as client:
        redis = cast("Any", client)
        for key in redis.keys("tokens:*"):
            redis.hincrbyfloat(key, "at", -seconds * 1000)
        for key in redis.keys("cool:*"):
            for field in ("until", "began", "probe"):
                if redis.hexists(key, field):
                    redis.hincrbyfloat(key, field, -seconds * 1000)


def cooling(key: str) -> dict[str, float]:
    with servers.broker().connection() as client:
        fields = cast("Any", client).hgetall(key)
    return {name.decode(): float(value) for name, value in fields.items() if name in {b"until", b"began", b"level"}}


# Leases


def test_bucket_has_four_calls_in_flight_and_others_are_not_held_up() -> None:
    with ExitStack() as out:
        for _ in range(claims.LEASES):
            out.enter_context(throttle.permit(A, "default", "person", 5.0))

        assert call(A) == "lease"
        assert call(B) == "went"
    assert call(A) == "went"


def test_lease_of_a_dead_worker_lapses() -> None:
    with servers.broker().connection() as client:
        now = cast("Any", client).time()[0] * 1000
        client.zadd(f"leases:{A}", {f"dead-{number}": now - 1 for number in range(4)})

    assert call(A) == "went"


def test_lease_is_renewed_while_its_call_runs(until: Callable[[Callable[[], Any]], None]) -> None:
    def expiry() -> float:
        with servers.broker().connection() as client:
            return float(cast("Any", client).zrange(f"leases:{A}", 0, -1, withscores=True)[0][1])

    with throttle.permit(A, "default", "person", 5.0):
        began = expiry()
        until(lambda: expiry() > began)


def test_nothing_is_enqueued_while_all_leases_are_out() -> None:
    gate = throttle.gate(A, "default")
    with ExitStack() as out:
        for _ in range(claims.LEASES):
            out.enter_context(throttle.permit(A, "default", "person", 5.0))

        held = claims.ask("k", gate, lane="person")

    assert held.outcome == "later"
    assert 0 < held.again < 1
    assert claims.ask("k", gate, lane="person").outcome == "claimed"


# Tokens


def test_burst_is_two_seconds_worth_and_comes_back_evenly() -> None:
    evenly = 5 * throttle.HEADROOM
    burst = evenly * throttle.BURST_SECONDS
    began = time.monotonic()

    at_once = calls(20)
    pass_time(1.0)
    later = calls(20)

    # The broker's own time goes on as well, and more of it where the machine is busy.
    assert (at_once >= int(burst), later >= int(evenly)) == (True, True)
    assert at_once + later <= burst + evenly + refilled(began, evenly)


def refilled(began: float, rate: float) -> float:
    """Return the tokens that may have come at `rate` while calls were tried: a call waits a moment for one, too."""
    return rate * (time.monotonic() - began + throttle.TOKEN_PATIENCE)


def test_credential_bounds_all_its_buckets_together() -> None:
    evenly = 10 * throttle.HEADROOM
    burst = evenly * throttle.BURST_SECONDS
    began = time.monotonic()

    went = sum(calls(5, f"media-{number}-1250000000") for number in range(8))

    assert int(burst) <= went <= burst + refilled(began, evenly)
    with throttle.permit("media-z-1250000000", "another", "person", 5.0):
        pass


def test_no_limit_is_zero(settings: Settings) -> None:
    settings.CI_RATE_BUCKET = settings.CI_RATE_CREDENTIAL = 0.0

    assert calls(50) == 50


def test_lanes_below_a_persons_leave_half_of_the_burst(settings: Settings) -> None:
    evenly = 5 * throttle.HEADROOM
    burst = evenly * throttle.BURST_SECONDS
    began = time.monotonic()

    ahead = calls(20, lane="ahead")
    came = refilled(began, evenly)
    person = calls(20)

    assert burst / 2 - 1 <= ahead <= burst / 2 + 1 + came
    assert int(burst) <= ahead + person <= burst + refilled(began, evenly)


def test_lanes_below_a_persons_have_the_full_rate_when_nobody_asks() -> None:
    evenly = 5 * throttle.HEADROOM
    began = time.monotonic()
    calls(20, lane="ahead")

    pass_time(1.0)

    assert int(evenly) <= calls(20, lane="ahead") <= evenly + 1 + refilled(began, evenly)


def test_token_that_is_nearly_due_is_waited_for() -> None:
    calls(20)
    pass_time(1 / (5 * throttle.HEADROOM) - 0.04)

    assert call() == "went"


def test_further_call_of_one_fetch_costs_a_token_but_no_lease() -> None:
    with throttle.permit(A, "default", "person", 5.0) as permit:
        calls(20)
        with pytest.raises(HeldBack) as held:
            permit.take_token()

    assert held.value.reason == "token"


# Cool-downs


def test_slow_down_stops_every_call_of_the_bucket_and_all_enqueueing() -> None:
    call(error=SLOW_DOWN)

    held = claims.ask("k", throttle.gate(A, "default"), lane="person")

    assert call() == "cool"
    assert held.outcome == "later"
    assert 0.5 < held.again < 1.3
    assert held.problem is not None
    assert held.problem.code == "SlowDown"
    assert call(B) == "went"


def test_service_unavailable_cools_down_too() -> None:
    call(error=UpstreamFailing("ServiceUnavailable", "Please retry.", 503, "req-1"))

    assert call() == "cool"


def test_one_probe_ends_a_cool_down() -> None:
    call(error=SLOW_DOWN)
    pass_time(1.3)

    with throttle.permit(A, "default", "person", 5.0):
        while_probing = call()
        asked = claims.ask("k", throttle.gate(A, "default"), lane="person").outcome

    assert (while_probing, asked) == ("cool", "later")
    assert call() == "went"


def test_probe_that_is_refused_cools_longer_but_never_longer_than_the_storm() -> None:
    call(error=SLOW_DOWN)
    lengths = []
    for _ in range(8):
        before = cooling(f"cool:bucket:{A}")
        pass_time(max(0.0, (before["until"] - time.time() * 1000) / 1000) + 0.01)
        call(error=SLOW_DOWN)
        after = cooling(f"cool:bucket:{A}")
        length, lasted = after["until"] - time.time() * 1000, time.time() * 1000 - after["began"]
        assert length <= max(lasted, 1250) + 200
        lengths.append(length)

    assert lengths[-1] > lengths[0] * 4
    assert max(lengths) <= 60_000


@pytest.mark.parametrize(
    "error",
    [
        DeadlineExceeded("timeout", "No whole answer.", None, ""),
        UpstreamFailing("unreachable", "connection refused", None, ""),
    ],
)
def test_probe_without_an_answer_leaves_the_next_to_probe(error: CloudInfiniteError) -> None:
    call(error=SLOW_DOWN)
    pass_time(1.3)
    call(error=error)

    with throttle.permit(A, "default", "person", 5.0):
        assert call() == "cool"


def test_any_answer_to_a_probe_says_that_the_storm_is_over() -> None:
    call(error=SLOW_DOWN)
    pass_time(1.3)
    call(error=PermissionDenied("AccessDenied", "Access Denied.", 403, "req-2"))

    assert calls(3) == 3


def test_call_that_was_out_already_neither_lengthens_nor_ends_a_cool_down() -> None:
    with (
        throttle.permit(A, "default", "person", 5.0),
        throttle.permit(A, "default", "person", 5.0) as second,
    ):
        call(error=SLOW_DOWN)
        before = cooling(f"cool:bucket:{A}")
        second.failed(SLOW_DOWN, Problem.from_exception(SLOW_DOWN, 1.0))

    assert cooling(f"cool:bucket:{A}") == before
    assert call() == "cool"


def test_second_throttled_bucket_concerns_the_credential() -> None:
    call(A, error=SLOW_DOWN)
    assert call("media-c-1250000000") == "went"

    call(B, error=SLOW_DOWN)

    assert call("media-c-1250000000") == "cool"
    with throttle.permit("media-c-1250000000", "another", "person", 5.0):
        pass


def test_overview_has_so_many_leases_over_all_buckets(settings: Settings) -> None:
    settings.CI_RATE_BUCKET = settings.CI_RATE_CREDENTIAL = 0.0
    buckets = [f"media-{number}-1250000000" for number in range(throttle.OVERVIEW_LEASES)]
    with ExitStack() as running:
        for bucket in buckets:
            running.enter_context(throttle.permit(bucket, "default", "overview", 5.0))

        assert call(A, "overview") == "lease"
        assert call(A, "person") == call(A, "ahead") == "went"

    assert call(A, "overview") == "went"


def test_overview_leaves_threads_of_a_small_worker_to_people(settings: Settings) -> None:
    settings.CI_RATE_BUCKET = settings.CI_RATE_CREDENTIAL = 0.0
    settings.WORKER_THREADS = 5
    with ExitStack() as running:
        for number in range(3):
            running.enter_context(throttle.permit(f"media-{number}-1250000000", "default", "overview", 5.0))

        assert call(A, "overview") == "lease"
        assert call(A, "person") == "went"


def test_lease_of_the_overview_lapses_with_its_worker(settings: Settings) -> None:
    settings.CI_RATE_BUCKET = settings.CI_RATE_CREDENTIAL = 0.0
    with servers.broker().connection() as client:
        now = cast("Any", client).time()[0] * 1000
        client.zadd("leases:lane:overview", {f"dead-{number}": now - 1 for number in range(throttle.OVERVIEW_LEASES)})

    assert call(A, "overview") == "went"


def test_lease_of_the_overview_is_renewed_while_its_call_runs(until: Callable[[Callable[[], Any]], None]) -> None:
    def expiry() -> float:
        with servers.broker().connection() as client:
            return float(cast("Any", client).zrange("leases:lane:overview", 0, -1, withscores=True)[0][1])

    with throttle.permit(A, "default", "overview", 5.0):
        began = expiry()
        until(lambda: expiry() > began)
