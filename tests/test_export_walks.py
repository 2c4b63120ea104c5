"""Walks through whole lists, a step at a time, in the test's own process, against an emulator of the test's own."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from jobs import clock, orders, queues, servers, tasks, throttle, walks
from jobs.cloudinfinite.schema import format_time
from jobs.filters import JobFilter, Pin
from jobs.models import Bucket, Walk, WalkBatch
from jobs.problems import Problem
from jobs.queues import QUEUES
from tests.emulators import REGION
from tests.factories import jobs_in, make_viewer

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.emulators import Emulator

NAME = "media-prod-1250000000"
EVERYTHING = JobFilter()
REFUSED_TOKEN = {
    "status": 400,
    "code": "InvalidArgument",
    "message": "Param nextToken is illegal",
    "when": {"token": True},
    "count": 1,
}


@pytest.fixture
def ci(
    pristine_emulator: Emulator,
    db: None,
    settings: Settings,
    empty_redis: None,
    own_client: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Emulator:
    """An emulator with one bucket, which this process's own client asks."""
    settings.CI_ENDPOINT = pristine_emulator.endpoint
    pristine_emulator.create_bucket(NAME, jobs=350, newest=600, spread=86_400)
    Bucket.objects.create(name=NAME, region=REGION)
    # The session's worker asks another emulator: it shall take no walk that a test has committed.
    monkeypatch.setitem(QUEUES, "walk", "taken-by-nobody")
    return pristine_emulator


def started(job_filter: JobFilter = EVERYTHING, pin: Pin | None = None, reader: str = "user:1") -> Walk:
    """Start a walk; without a pin from now on."""
    now = clock.now()
    walk = orders.start(
        Bucket.objects.get(name=NAME), AnonymousUser(), reader, job_filter, pin or Pin(int(now), int(now * 1000))
    )
    assert isinstance(walk, Walk)
    return walk


def walked(walk: Walk, steps: int = 1) -> Walk:
    """Take steps as a worker does; return the walk as it then is."""
    for _ in range(steps):
        walks.step(walk.pk)
    return Walk.objects.get(pk=walk.pk)


def ids(walk: Walk) -> list[str]:
    return [row.job.job_id for row in orders.rows(walk)]


def problem(walk: Walk) -> Problem:
    assert walk.problem is not None
    return Problem.from_primitives(walk.problem)


@pytest.fixture
def a_page_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is over behind its first page."""

    def one_page(steps: Any) -> None:
        take(steps)
        steps.until = 0.0
        if steps.walk.is_under_way:
            raise walks._Gone

    take = walks._take_page
    monkeypatch.setattr(walks, "_take_page", one_page)


def test_walk_brings_the_whole_list_in_its_order(ci: Emulator) -> None:
    walk = walked(started())

    assert (walk.state, walk.rows, walk.pages, walk.end) == ("done", 350, 4, "missing")
    assert ids(walk) == ci.job_ids(NAME)


def test_steps_wait_in_a_queue_that_is_theirs_alone(ci: Emulator) -> None:
    before = {name: waiting.length for name, waiting in queues.queued().items()}

    tasks.enqueue_walk(started().pk)

    after = {name: waiting.length for name, waiting in queues.queued().items()}
    assert {name for name in after if after[name] != before[name]} == {QUEUES["walk"]}
    assert [lane for lane, queue in QUEUES.items() if queue == QUEUES["walk"]] == ["walk"]


def test_oldest_first_brings_them_the_other_way_round(ci: Emulator) -> None:
    walk = walked(started(JobFilter(order="Asc")))

    assert ids(walk) == ci.job_ids(NAME)[::-1]


def test_what_is_created_behind_the_pin_is_no_part_of_it(ci: Emulator) -> None:
    now = int(clock.now())
    walk = started(pin=Pin(now - 30, now * 1000))
    late = ci.add_job(NAME, CreationTime=format_time(datetime.fromtimestamp(now - 10, UTC)))

    assert ci.job_ids(NAME)[0] == late
    assert ids(walked(walk)) == ci.job_ids(NAME)[1:]


def test_any_filter_is_walked(ci: Emulator) -> None:
    failed = [job.job_id for job in ci.jobs(NAME) if job.state == "Failed"]

    assert failed
    assert ids(walked(started(JobFilter(states=("Failed",))))) == failed


def test_nothing_is_put_into_the_page_cache(ci: Emulator) -> None:
    walked(started())

    with servers.cache_server().connection() as client:
        keys = [key.decode() for key in cast("Any", client).keys("*")]
    assert [key for key in keys if "page" in key or "chain" in key or "head" in key] == []


@pytest.mark.usefixtures("a_page_a_step")
def test_jobs_that_arrive_and_leave_on_the_way_shift_nothing(ci: Emulator) -> None:
    running = ("Running",) * 250
    ci.create_bucket(NAME, given=jobs_in(*running))
    known = ci.job_ids(NAME)
    walk = walked(started(JobFilter(states=("Running",))))
    for job_id in known[:60]:
        ci.change_job(NAME, job_id, State="Success")
    ci.add_job(NAME, State="Running")

    walk = walked(walk, 5)

    assert (walk.state, ids(walk)) == ("done", known)


@pytest.mark.usefixtures("a_page_a_step")
def test_another_worker_goes_on_from_what_is_committed(ci: Emulator) -> None:
    walk = walked(started(), 2)
    assert (walk.state, walk.rows) == ("walking", 200)

    walk = walked(walk, 2)

    assert (walk.state, ids(walk)) == ("done", ci.job_ids(NAME))
    assert len(ci.calls(NAME)) == 4


@pytest.mark.usefixtures("a_page_a_step")
def test_page_is_stored_once_though_two_walk_at_once(ci: Emulator) -> None:
    walk = walked(started())
    behind = Walk.objects.select_related("bucket").get(pk=walk.pk)
    walked(walk)

    with pytest.raises(walks._Gone):
        walks._take_page(walks._Steps(behind, walks._seen(behind), time.monotonic() + 5, time.monotonic()))

    assert WalkBatch.objects.count() == 2


@pytest.mark.usefixtures("a_page_a_step")
def test_token_that_is_refused_on_the_way_is_replaced_by_creation_time_and_that_is_said(ci: Emulator) -> None:
    walk = walked(started())
    ci.fault(NAME, "error", **REFUSED_TOKEN)

    walk = walked(walk, 6)

    assert (walk.state, ids(walk), walk.doubts) == ("done", ci.job_ids(NAME), "token")


def test_filter_that_is_refused_ends_the_walk_with_upstreams_words(ci: Emulator) -> None:
    ci.fault(NAME, "error", status=400, code="InvalidArgument", message="Param name is illegal")

    walk = walked(started())

    assert (walk.state, walk.tries, problem(walk).code) == ("failed", 0, "InvalidArgument")
    assert problem(walk).request_id
    assert len(ci.calls(NAME)) == 1


def test_trouble_that_passes_is_waited_for(ci: Emulator) -> None:
    ci.fault(NAME, "error", status=500, code="InternalError", message="no", count=1)

    walk = walked(started())

    assert (walk.state, walk.rows, walk.problem) == ("done", 350, None)


@pytest.mark.usefixtures("a_page_a_step")
def test_trouble_that_stays_ends_the_walk_and_it_can_be_resumed_from_where_it_is(ci: Emulator) -> None:
    walk = walked(started())
    Walk.objects.update(tries=walks.TRIES - 1)
    ci.set_faults(NAME, {"kind": "error", "status": 500, "code": "InternalError", "message": "no"})
    walk = walked(walk)
    assert (walk.state, walk.rows, problem(walk).code) == ("failed", 100, "InternalError")
    ci.set_faults(NAME)

    orders.resume(walk)
    walk = walked(walk, 3)

    assert (walk.state, ids(walk)) == ("done", ci.job_ids(NAME))


def test_bucket_that_is_throttled_is_waited_for(ci: Emulator) -> None:
    ci.fault(NAME, "error", status=429, code="SlowDown", message="slow down", count=1)

    walk = walked(started())

    assert (walk.state, walk.rows) == ("done", 350)


@pytest.mark.usefixtures("a_page_a_step")
def test_cancelled_walk_asks_nothing_more_and_can_be_resumed(ci: Emulator) -> None:
    walk = walked(started())
    orders.cancel(walk)

    walk = walked(walk, 2)
    assert (walk.state, walk.rows, len(ci.calls(NAME))) == ("cancelled", 100, 1)

    orders.resume(walk)
    assert ids(walked(walk, 3)) == ci.job_ids(NAME)


def test_page_that_comes_after_the_cancelling_is_not_stored(ci: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(steps: walks._Steps, *rest: Any) -> Any:
        answer = asks(steps, *rest)
        orders.cancel(steps.walk)
        return answer

    asks = walks._ask
    monkeypatch.setattr(walks, "_ask", ask)

    walk = walked(started())

    assert (walk.state, walk.rows, WalkBatch.objects.count()) == ("cancelled", 0, 0)


@pytest.mark.django_db(transaction=True)
def test_database_that_is_full_ends_the_walk_and_leaves_what_was_there(ci: Emulator) -> None:
    walk = started()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # or what tests before have freed would be room
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    try:
        walk = walked(walk)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")

    assert (walk.state, problem(walk).code) == ("failed", "not_stored")
    assert sum(WalkBatch.objects.values_list("count", flat=True)) == walk.rows < 350

    orders.resume(walk)
    assert ids(walked(walk)) == ci.job_ids(NAME)


# Turns -------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("a_page_a_step")
def test_who_waits_longest_goes_on_next(ci: Emulator) -> None:
    first, second = started(), started(JobFilter(states=("Failed",)))

    assert walks.step(first.pk) == [second.pk, first.pk]


def test_only_one_walks_through_a_bucket(ci: Emulator) -> None:
    walk = started()
    with throttle.walking(NAME, 5.0) as free:
        assert free
        assert walks.step(walk.pk) == []

    assert ci.calls(NAME) == []
    assert walked(walk).state == "done"


def test_few_walk_at_all(empty_redis: None) -> None:
    from contextlib import ExitStack

    with ExitStack() as out:
        lent = [out.enter_context(throttle.walking(f"media-{number}-1250000000", 5.0)) for number in range(5)]

    assert lent == [True] * throttle.WALKS_AT_ONCE + [False] * (5 - throttle.WALKS_AT_ONCE)


@pytest.mark.parametrize(
    ("of_bucket", "of_credential", "names"), [(8.0, 0.0, [NAME]), (0.0, 8.0, [NAME, "other-1250000000"])]
)
def test_walks_use_half_of_the_tokens_at_most(
    empty_redis: None, settings: Settings, of_bucket: float, of_credential: float, names: list[str]
) -> None:
    settings.CI_RATE_BUCKET, settings.CI_RATE_CREDENTIAL = of_bucket, of_credential
    began, went = time.monotonic(), 0
    for name in itertools.cycle(names):
        if time.monotonic() - began >= 3:
            break
        try:
            with throttle.permit(name, "default", "walk", 5.0):
                went += 1
        except throttle.HeldBack as held:
            time.sleep(held.delay)  # the token is due then: there is nothing to be woken by

    share = 8.0 * throttle.HEADROOM / 2
    assert 3 * share <= went <= share * (throttle.BURST_SECONDS + time.monotonic() - began) + 1


def test_reader_is_not_held_up_by_a_walk(empty_redis: None, settings: Settings) -> None:
    settings.CI_RATE_BUCKET, settings.CI_RATE_CREDENTIAL = 8.0, 0.0
    held = False
    while not held:
        try:
            with throttle.permit(NAME, "default", "walk", 5.0):
                pass
        except throttle.HeldBack:
            held = True

    for _ in range(int(8 * throttle.HEADROOM)):
        with throttle.permit(NAME, "default", "person", 5.0):
            pass


# Orders ------------------------------------------------------------------------------------------------------------------


def test_walk_that_is_started_twice_is_one(ci: Emulator) -> None:
    pin = Pin(int(clock.now()), 1)

    first = started(pin=pin)
    other_size = started(JobFilter(size=10), pin=pin)
    done = walked(first)

    assert first.pk == other_size.pk == started(pin=pin).pk == done.pk
    assert started(pin=pin, reader="user:2").pk != first.pk


def test_start_while_another_request_starts_the_same_leads_to_that(
    ci: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looked before either had written."""
    pin = Pin(int(clock.now()), 1)
    with monkeypatch.context() as blind:
        blind.setattr(Walk, "ONE_OF_A_KIND", ())
        first = started(pin=pin)
        with pytest.raises(Walk.DoesNotExist):
            started(pin=pin)  # the database refuses the second; what there is can't be found while we are blind
    assert started(pin=pin).pk == first.pk
    assert Walk.objects.count() == 1


def test_reader_has_few_at_once(ci: Emulator) -> None:
    for number in range(orders.AT_ONCE):
        started(pin=Pin(1000 + number, 1))

    refused = orders.start(Bucket.objects.get(), AnonymousUser(), "user:1", EVERYTHING, Pin(1, 1))

    assert isinstance(refused, Problem)
    assert (refused.status, refused.code) == (429, "too_many_walks")
    assert started(pin=Pin(1, 1), reader="user:2")


def test_result_is_forgotten_after_a_day(ci: Emulator) -> None:
    old, new = walked(started()), walked(started(JobFilter(order="Asc")))
    Walk.objects.filter(pk=old.pk).update(touched=clock.now() - walks.KEPT - 1)

    assert walks.forget() > 0

    assert list(Walk.objects.values_list("pk", flat=True)) == [new.pk]
    assert set(WalkBatch.objects.values_list("walk", flat=True)) == {new.pk}


def test_silent_walk_goes_on_though_old_ones_can_t_be_deleted(ci: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = started()
    Walk.objects.update(touched=clock.now() - walks.SILENT_FOR - 1)
    enqueued: list[str] = []
    monkeypatch.setattr(tasks, "enqueue_walk", enqueued.append)

    def too_long() -> int:
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(walks, "forget", too_long)

    tasks.tend_walks()

    assert enqueued == [silent.pk]


def test_walk_of_many_pages_is_deleted_some_pages_at_a_time(ci: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "BATCHES_AT_ONCE", 2)
    walk = started()
    WalkBatch.objects.bulk_create(
        WalkBatch(walk=walk, number=number, count=1, rows=b"rows", ids=b"ids", walked=0.1) for number in range(5)
    )

    with CaptureQueriesContext(connection) as queries:
        walks.drop(walk.pk)

    deleting = [query["sql"] for query in queries.captured_queries if query["sql"].startswith("DELETE")]
    assert len([sql for sql in deleting if "walkbatch" in sql]) >= 3
    assert not Walk.objects.exists()


def test_silent_walks_are_found(ci: Emulator) -> None:
    silent, lively, over = started(), started(JobFilter(order="Asc")), walked(started(JobFilter(states=("Failed",))))
    Walk.objects.exclude(pk=lively.pk).update(touched=clock.now() - walks.SILENT_FOR - 1)

    assert over.state == "done"
    assert walks.silent() == [silent.pk]


def test_walk_of_a_bucket_that_is_hidden_ends(ci: Emulator) -> None:
    walk = started()
    Bucket.objects.update(hidden=True)

    assert walked(walk).state == "cancelled"
    assert ci.calls(NAME) == []


def test_walk_of_somebody_who_is_gone_ends(ci: Emulator) -> None:
    owner = make_viewer()
    walk = started()
    Walk.objects.update(owner=owner)
    owner.delete()

    assert walks.step(walk.pk) == []
    assert ci.calls(NAME) == []


def test_batch_that_is_gone_breaks_the_file(ci: Emulator) -> None:
    walk = walked(started())
    WalkBatch.objects.filter(number=2).delete()

    with pytest.raises(orders.Broken):
        ids(walk)


def test_secrets_are_masked_before_they_are_stored(ci: Emulator) -> None:
    ci.create_bucket(NAME, given=({"Operation": {"UserData": "token=s3cret-value"}},))

    walk = walked(started())

    (row,) = orders.rows(walk)
    assert row.masked == ("Operation.UserData",)
    assert "s3cret" not in str(row.job.tree)
