"""Upstream's limits as upstream sees them: one, two and four workers together never pass them, and all stop at a 429."""

from __future__ import annotations

import itertools
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from jobs import claims, throttle
from jobs.models import Bucket
from tests.e2e.fleets import fleet_worker
from tests.e2e.looking import list_path
from tests.e2e.sites import Reader, Site, all_at_once, own_database, start_site
from tests.emulators import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.emulators import Emulator
    from tests.processes import Process

PER_BUCKET, PER_CREDENTIAL = 5.0, 10.0
ASKERS = 16
BURST_SECONDS = 2.0
"""Seconds' worth of calls that may go out at once after nobody asked for a while."""
CALLED = re.compile(r"in [0-9.]+ s, RequestId")
"""What a worker logs of each call."""
USED_UP = 0.15
"""Tokens that may be left of a burst that is used up: nobody asks at the very moment at which the next one is due."""
MOST_LATE = 0.5
"""Seconds by which a busy machine may let a call arrive after its token was taken."""
MEASURED = 30
"""Calls that are looked at in each round; more than three seconds' worth."""


@pytest.fixture
def limited(pristine_emulator: Emulator, static_files: None, transactional_db: None) -> Iterator[Site]:
    """A site that keeps the limits, with one worker."""
    limits = {"CI_RATE_BUCKET": str(PER_BUCKET), "CI_RATE_CREDENTIAL": str(PER_CREDENTIAL)}
    site = start_site(pristine_emulator, ANONYMOUS_ACCESS="true", **limits, **own_database(6))
    yield site
    site.stop()


@pytest.fixture
def more_workers(limited: Site) -> Iterator[list[Process]]:
    """Three further workers of the site, not started yet."""
    hands = [fleet_worker(Path(settings.VAR_DIR), limited.environment, threads=8) for _ in range(3)]
    yield hands
    for hand in hands:
        hand.kill()


def most_over(times: Sequence[float], limit: float) -> float:
    """Return by how many calls the fullest stretch of time passes what the limit allows for it, and one burst beside.

    Every stretch counts, from each call to each later one. A burst that has grown anew is no exception: while a bucket cools
    down, or nobody asks, its tokens come at the limit's rate up to one burst, so the stretch from the last call before
    holds no more than that either.
    """
    return max(
        (until - at + 1) - limit * (times[until] - times[at]) - limit * BURST_SECONDS
        for at in range(len(times))
        for until in range(at, len(times))
    )


def calls_of(hand: Process) -> int:
    """Return how many calls a worker has made."""
    return len(CALLED.findall(hand.text()))


def fullest_second(times: Sequence[float], limit: float) -> int:
    """Return the calls of the fullest second that began with the burst used up, and not grown anew.

    It grows anew while nobody may ask, after a 429, as `most_over` says; so the seconds after that are judged there.

    What is left is reckoned from the first call's arrival. Where that one was late, it is too little from there on, and falls
    below nothing though the bucket never does: by so much, but no more than lateness explains, it is put right.
    """
    rate = limit * throttle.HEADROOM
    burst = left = rate * throttle.BURST_SECONDS
    lefts = []
    for index, at in enumerate(times):
        left = min(burst, left + (at - times[max(0, index - 1)]) * rate) - 1
        lefts.append(left)
    nothing = max(min(0.0, *lefts), -MOST_LATE * rate)
    seconds = [
        sum(at <= other < at + 1 for other in times[index:])
        for index, (at, left) in enumerate(zip(times, lefts, strict=True))
        if index >= burst and left - nothing < USED_UP
    ]
    assert seconds, "too few asked to use the burst up"
    return max(seconds)


def ask_without_end(reader: Reader, bucket: str, minutes: Iterator[int], over: threading.Event) -> None:
    """Look at one page of a bucket after another that nobody looked at before: who waits for it waits for no other bucket."""
    while not over.is_set():
        path = list_path(bucket, f"size=10&range={next(minutes)}m", twin=True)
        while reader.get(path).status_code != 200 and not over.wait(0.2):
            pass


@contextmanager
def demand(site: Site, names: Sequence[str], latency: float = 0.05) -> Iterator[None]:
    """Fill the buckets, and let more people ask for their pages than upstream's limits let through."""
    for name in names:
        site.emulator.create_bucket(name, jobs=25, latency=latency)
    Bucket.objects.bulk_create(Bucket(name=name, region=REGION) for name in names)
    minutes, over = itertools.count(100_000), threading.Event()
    with ThreadPoolExecutor(ASKERS) as pool:
        asking = [
            pool.submit(ask_without_end, Reader(site), bucket, minutes, over)
            for bucket in itertools.islice(itertools.cycle(names), ASKERS)
        ]
        try:
            yield
        finally:
            over.set()
        for one in asking:
            one.result()


def wait_for_calls(emulator: Emulator, count: int) -> None:
    """Wait until `count` further calls were made."""
    since = max((call.number for call in emulator.calls()), default=0)
    deadline = time.monotonic() + 20
    while len(emulator.calls(since=since)) < count:
        assert time.monotonic() < deadline, f"{count} calls were not made within twenty seconds"
        time.sleep(0.1)  # Reading the journal costs the emulator, whose times are measured.


def strike(emulator: Emulator, bucket: str) -> tuple[list[float], float]:
    """Let a bucket answer 429 for some cool-downs; return when it did, and when that was over."""
    since = max(call.number for call in emulator.calls())
    emulator.set_faults(bucket, {"kind": "error", "status": 429, "code": "SlowDown"})
    deadline = time.monotonic() + 20
    while len(probes(refused := [call.time for call in emulator.calls(bucket, since=since) if call.status == 429])) < 2:
        assert time.monotonic() < deadline, f"no two probes within twenty seconds: {refused}"
        time.sleep(0.1)  # Reading the journal costs the emulator, whose times are measured.
    emulator.set_faults(bucket)
    return refused, emulator.now()


SHORTEST_COOL_DOWN = throttle.FIRST_COOL_DOWN / 1000 * 0.75
"""Seconds from a refusal until the next probe: the first cool-down, shortened by as much as chance may."""
SLOW = 1.5
"""Seconds of an answer that is slow enough for calls to pile up, were they not counted."""


def probes(refused: Sequence[float]) -> list[float]:
    """Return the refused calls that were not out already when the first was refused."""
    return [at for at in refused if at > refused[0] + 1]


def test_one_two_and_four_workers_keep_a_buckets_limit_and_stop_at_a_429(
    limited: Site, more_workers: list[Process]
) -> None:
    emulator, names = limited.emulator, ("limits-1-1250000000", "limits-2-1250000000")
    struck, well = names
    storms = []
    idle: list[tuple[int, str]] = []

    with demand(limited, names):
        for count, starting in ((1, []), (2, more_workers[:1]), (4, more_workers[1:])):
            all_at_once([hand.start for hand in starting])
            hands = [limited.worker, *more_workers][:count]
            before = [calls_of(hand) for hand in hands]
            wait_for_calls(emulator, MEASURED)
            storms.append(strike(emulator, struck))
            idle += [
                (count, hand.log.stem) for hand, calls in zip(hands, before, strict=True) if calls_of(hand) == calls
            ]

    assert idle == []  # whoever makes no call keeps no limit together with others
    for bucket in names:
        assert most_over([call.time for call in emulator.calls(bucket)], PER_BUCKET) <= 0
        assert fullest_second([call.time for call in emulator.calls(bucket)], PER_BUCKET) <= PER_BUCKET
    for refused, over in storms:
        # One probe for each cool-down, however many workers there are.
        assert all(later - earlier > SHORTEST_COOL_DOWN for earlier, later in pairwise(probes(refused)))
        # The other bucket goes on.
        assert [call for call in emulator.calls(well) if refused[0] + 1 < call.time < over]


def test_four_workers_keep_the_limit_of_a_credential_over_all_its_buckets(
    limited: Site, more_workers: list[Process]
) -> None:
    all_at_once([hand.start for hand in more_workers])

    with demand(limited, [f"shared-{number}-1250000000" for number in range(4)]):
        wait_for_calls(limited.emulator, 2 * MEASURED)

    assert [hand.log.stem for hand in (limited.worker, *more_workers) if not calls_of(hand)] == []
    assert most_over([call.time for call in limited.emulator.calls()], PER_CREDENTIAL) <= 0
    assert fullest_second([call.time for call in limited.emulator.calls()], PER_CREDENTIAL) <= PER_CREDENTIAL


def test_four_workers_together_have_four_calls_of_a_bucket_in_flight(
    limited: Site, more_workers: list[Process]
) -> None:
    all_at_once([hand.start for hand in more_workers])

    with demand(limited, ["slow-1250000000"], latency=SLOW):
        wait_for_calls(limited.emulator, MEASURED // 2)

    calls = limited.emulator.calls()
    assert [hand.log.stem for hand in (limited.worker, *more_workers) if not calls_of(hand)] == []
    assert max(call.in_flight for call in calls) == claims.LEASES


@pytest.mark.parametrize(
    ("times", "passes"),
    [
        ([0.0] * 10, 0),
        ([0.0] * 11, 1),
        ([0.0] * 10 + [second / 5 for second in range(1, 30)], 0),
        ([0.0] * 10 + [second / 5 for second in range(1, 30)] + [6.0] * 3, 2),
        ([0.0] * 10 + [20.0] * 10, 0),  # grown anew meanwhile
        ([0.0] * 10 + [20.0] * 11, 1),
    ],
)
def test_burst_is_allowed_once_in_any_stretch_of_time(times: list[float], passes: int) -> None:
    assert max(0, round(most_over(times, 5.0))) == passes


def burst_and_then(rate: float, late: float = 0.0) -> list[float]:
    """Return when calls arrive under a limit of five a second: nine at once, then seven seconds' worth; none before `late`."""
    return [max(late, at) for at in [0.0] * 9 + [number / rate for number in range(1, int(7 * rate))]]


@pytest.mark.parametrize(
    ("times", "passes"),
    [
        (burst_and_then(4.5), False),
        (burst_and_then(4.5, late=0.4), False),
        (burst_and_then(4.5, late=1.0), True),
        (burst_and_then(6.0), True),
        (burst_and_then(9.0), True),  # two workers that don't know of each other
    ],
)
def test_second_passes_the_limit_only_where_lateness_does_not_explain_it(times: list[float], *, passes: bool) -> None:
    assert (fullest_second(times, 5.0) > 5.0) == passes
