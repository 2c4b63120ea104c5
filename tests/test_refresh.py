"""The overview as beat keeps it fresh, with a real worker and beat, two real Valkeys and the emulator."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import redis

from jobs import beats, claims, clock, costs, overview, queues, refresh, servers, troubles
from tests.factories import jobs_in, make_bucket
from tests.processes import Process
from tests.test_metrics import run_python
from tests.test_overview import BROKEN, QUESTION, grow_old, look

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator
    from tests.services import Valkeys

    NewBucket = Callable[..., Bucket]
    Until = Callable[[Callable[[], Any]], None]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def every_minute(settings: Settings, worker: Process) -> None:
    """Beat's interval, with a worker that fetches. Ticks are sent by the tests themselves."""
    settings.OVERVIEW_REFRESH = 60


def tick() -> None:
    refresh.refresh_overview()


def asked(emulator: Emulator, *buckets: Bucket) -> list[int]:
    return [len(emulator.calls(bucket.name)) for bucket in buckets]


def are_known(*buckets: Bucket) -> bool:
    """Tell whether each bucket has told something, without asking any."""
    return all(line.summary or line.problem for line in overview.tell(buckets, QUESTION, now=clock.now()))


@pytest.mark.usefixtures("every_minute")
def test_each_bucket_is_asked_once_an_interval_though_nobody_looks(
    new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    buckets = [new_bucket(given=jobs_in("Failed")) for _ in range(3)]
    hidden = new_bucket(given=jobs_in("Failed"))
    hidden.hidden = True
    hidden.save()

    tick()
    until(lambda: are_known(*buckets))
    tick()

    assert asked(emulator, *buckets, hidden) == [1, 1, 1, 0]
    grow_old(buckets[0], 61)
    tick()
    until(lambda: asked(emulator, *buckets) == [2, 1, 1])
    # What beat had fetched is there for people, at no call.
    assert look(*buckets[1:]).again is None
    assert asked(emulator, *buckets[1:]) == [1, 1]


@pytest.mark.usefixtures("every_minute")
def test_ticks_go_on_until_all_buckets_are_asked(new_bucket: NewBucket, until: Until) -> None:
    buckets = [new_bucket(given=jobs_in("Pause")) for _ in range(overview.AT_ONCE + 3)]

    tick()
    until(lambda: sum(are_known(bucket) for bucket in buckets) > 0)

    def all_are_known() -> bool:
        tick()
        return are_known(*buckets)

    until(all_are_known)


@pytest.mark.usefixtures("every_minute")
def test_bucket_that_failed_costs_no_more_than_the_others(
    new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(faults=(BROKEN,))

    def fails() -> bool:
        tick()
        return are_known(bucket)

    until(fails)
    before = asked(emulator, bucket)
    with servers.cache_server().connection() as client:
        # Its problem is forgotten after ten seconds, an interval has sixty.
        for key in list(client.scan_iter(servers.cache_key("problem:page:*"))):
            client.delete(key)
    tick()

    assert overview.tell([bucket], QUESTION, now=clock.now())[0].pending
    assert asked(emulator, bucket) == before
    look(bucket)  # somebody looks: people needn't wait for the interval's end
    until(lambda: asked(emulator, bucket) > before)


@pytest.mark.usefixtures("every_minute")
def test_what_programs_look_at_is_no_answer_given(new_bucket: NewBucket, until: Until) -> None:
    """Else calls that are saved by sharing would be told where nobody is."""
    bucket = new_bucket(given=jobs_in("Failed"))
    tick()
    until(lambda: are_known(bucket))

    tick()
    refresh.known()

    assert troubles.tallies([bucket.name])[bucket.name].answers == 0
    look(bucket)
    assert troubles.tallies([bucket.name])[bucket.name].answers == 1


def test_one_tick_waits_at_a_time_and_none_where_the_broker_is_away(
    valkeys: Valkeys, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import django; django.setup(); from jobs.refresh import refresh_overview\n"
        "for _ in range(3): refresh_overview.apply_async(queue='ahead')"
    )
    run_python(code, REDIS_URL=settings.REDIS_URL)
    with servers.broker().connection() as client:
        assert client.llen(queues.key_of("ahead")) == 1
        client.delete(refresh.refresh_overview.waiting)  # as the tick does when it has run
    run_python(code, REDIS_URL=settings.REDIS_URL)
    with servers.broker().connection() as client:
        assert client.llen(queues.key_of("ahead")) == 2

    valkeys.broker.kill()
    valkeys.broker.wait()
    run_python(code, REDIS_URL=settings.REDIS_URL)

    said = capfd.readouterr().err
    assert "jobs.refresh_overview is not asked for: the broker can't be reached" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("task", "queue"), [("refresh.refresh_overview", "ahead"), ("tasks.tend_walks", "walk")])
def test_ticks_that_nobody_takes_do_not_fill_the_broker(
    valkeys: Valkeys, settings: Settings, task: str, queue: str
) -> None:
    code = (
        "import django; django.setup(); from jobs import refresh, servers, tasks\n"
        f"for _ in range(60):\n    {task}.apply_async(queue='{queue}')\n"
        f"    with servers.broker().connection() as client: client.delete({task}.waiting)  # as after half a minute"
    )

    run_python(code, REDIS_URL=settings.REDIS_URL)

    with servers.broker().connection() as client:
        assert client.llen(queues.key_of(queue)) == beats.CROWDED


def test_beat_in_a_worker_asks_by_itself_and_the_worker_says_what_that_costs(
    new_bucket: NewBucket,
    emulator: Emulator,
    process_environment: dict[str, str],
    valkeys: Valkeys,
    settings: Settings,
    tmp_path: Path,
    until: Until,
) -> None:
    buckets = [new_bucket(given=jobs_in("Failed")) for _ in range(2)]
    variables = {
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_CACHE_URL": settings.REDIS_CACHE_URL,
        "OVERVIEW_REFRESH": "15",
        "CI_RATE_CREDENTIAL": "10",
    }
    command = [
        sys.executable, "-m", "celery", "-A", "dashboard.worker", "worker", "-c", "4", "-n", "beats@%h",
        "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
    ]  # fmt: skip
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        own = Process(
            command,
            tmp_path / "worker.log",
            {**process_environment, **variables},
            ready=lambda: bool(client.hlen(claims.HEARTBEATS)),
        )
        own.start()
        try:
            until(lambda: are_known(*buckets))
        finally:
            own.stop()

    assert asked(emulator, *buckets) == [1, 1]
    assert "OVERVIEW_REFRESH=15 over 2 buckets costs 8 calls a minute (8 of 600 of default)" in own.text()


def test_cost_is_told_for_each_credential(settings: Settings) -> None:
    settings.OVERVIEW_REFRESH, settings.CI_RATE_CREDENTIAL = 20, 2.0
    buckets = [make_bucket(f"a{number}-1250000000") for number in range(30)]
    buckets.append(make_bucket("b-1250000000", credential="b"))

    found = costs.costs(buckets)

    assert costs.stated(found) == (
        "OVERVIEW_REFRESH=20 over 31 buckets costs 93 calls a minute (3 of 120 of b, 90 of 120 of default)"
    )
    assert [(cost.credential, cost.is_too_much, cost.shortest) for cost in found] == [
        ("b", False, 1),
        ("default", True, 30),
    ]
    settings.CI_RATE_CREDENTIAL = 0
    assert not any(cost.is_too_much for cost in costs.costs(buckets))
