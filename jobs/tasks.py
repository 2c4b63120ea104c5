"""Celery tasks: shells of a few lines around fetch and walks, and the worker's beginning and end."""

from __future__ import annotations

import logging
import os
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from celery import shared_task
from celery.signals import task_postrun, task_prerun, worker_ready, worker_shutting_down
from django.db import Error as DatabaseError
from django.db import close_old_connections
from kombu.exceptions import OperationalError

from jobs import cache, claims, clock, fetch, servers, trails, walks
from jobs.beats import Tick
from jobs.queues import AT_ONCE, QUEUES, Hearing
from jobs.records import JobQuestion, PageQuestion
from jobs.rotation import Rotation
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Task

    from jobs.claims import Lane

logger = logging.getLogger(__name__)

BEHIND_PERSON = 0.03
"""Seconds by which a page ahead is asked for later than the page that a person waits for has come."""

TRAIL = "batchlens_id"
"""The message's header with the id of the request."""

UNTOLD: dict[str, Any] = {"argsrepr": "", "kwargsrepr": ""}
"""Celery writes its arguments once more for people who watch it, which takes a fifth of enqueueing; nobody does here."""


@shared_task(name="jobs.fetch_page")
def fetch_page(question: dict[str, Any], enqueued_at: int, *, lane: Lane) -> None:
    """Fetch one page of a list."""
    asked = PageQuestion.from_primitives(question)
    with _servers_may_be_down():
        page = fetch.fetch_page(asked, enqueued_at, lane)
        if lane == "person" and page and page.next:
            # One page ahead of whoever waits for this one. The worker asks, so that nobody's answer waits for the asking;
            # and it lets that answer be rendered first, because on a small machine both need the same processors.
            time.sleep(BEHIND_PERSON)
            _go_ahead(replace(asked, pin=page.pin))


def _go_ahead(from_page: PageQuestion) -> None:
    # The chain may go on otherwise than the answer did.
    following = cache.find_next(from_page)
    question = replace(from_page, continuation=following)
    if following is None or cache.has_page(question):
        return
    asking = claims.ask(question.key, fetch.gate(question.bucket), lane="ahead")
    if asking.outcome == "claimed" and asking.stored and cache.has_page(question):
        claims.release(question.key, asking.token)  # A quick reader's fetch ended between our look and our claim.
    elif asking.outcome == "claimed":
        enqueue_page(question, asking.enqueued_at, "ahead")


def enqueue_page(question: PageQuestion, enqueued_at: int, lane: Lane) -> None:
    """Put the fetch of a page into a queue.

    Args:
        question: which page.
        enqueued_at: the broker's unix ms at which it was claimed.
        lane: who waits for it.

    Raises:
        ServerDown: the broker can't take it.
    """
    arguments = {"question": question.to_primitives(), "enqueued_at": enqueued_at, "lane": lane}
    _enqueue(fetch_page, arguments, lane)


@shared_task(name="jobs.fetch_job")
def fetch_job(bucket: str, job_id: str, enqueued_at: int, *, lane: Lane) -> None:
    """Fetch one job."""
    with _servers_may_be_down():
        fetch.fetch_job(JobQuestion(bucket, job_id), enqueued_at, lane)


def enqueue_job(question: JobQuestion, enqueued_at: int, lane: Lane) -> None:
    """Put the fetch of a job into its queue; arguments and errors as `enqueue_page`."""
    arguments = {"bucket": question.bucket, "job_id": question.job_id, "enqueued_at": enqueued_at, "lane": lane}
    _enqueue(fetch_job, arguments, lane)


@shared_task(name="jobs.walk")
def walk(walk_id: str, enqueued_at: int) -> None:
    """Go on with a walk for some seconds, and have those who wait go on after it."""
    with _servers_may_be_down():
        for following in walks.step(walk_id):
            enqueue_walk(following)


def enqueue_walk(walk_id: str) -> None:
    """Put a walk's next step into the queue.

    Raises:
        ServerDown: the broker can't take it.
    """
    now = round(clock.broker_time() * 1000)
    _enqueue(walk, {"walk_id": walk_id, "enqueued_at": now}, "walk")


@shared_task(name="jobs.tend_walks", base=Tick, bind=True)
def tend_walks(tick: Tick) -> None:
    """Let walks go on whose worker died, and forget old results; beat asks for it."""
    with _servers_may_be_down():
        try:
            for silent in walks.silent():
                enqueue_walk(silent)
            walks.forget()
        finally:
            tick.done()


def _enqueue(task: Task[..., None], arguments: dict[str, Any], lane: Lane) -> None:
    try:
        task.apply_async(kwargs=arguments, queue=QUEUES[lane], headers={TRAIL: trails.current()}, **UNTOLD, **AT_ONCE)
    except Exception as error:
        # Celery has a name of its own for a broker that is away, and lets pass what one says that takes no writes.
        if isinstance(error, OperationalError) or servers.is_trouble(error):
            raise ServerDown("broker") from None
        raise


@contextmanager
def _servers_may_be_down() -> Iterator[None]:
    """Drop a task in one line where a server is down: its claim lapses, and whoever still waits asks again."""
    try:
        yield
    except (ServerDown, DatabaseError) as error:
        logger.warning("a task is dropped: %s", error)


_hearing: list[Hearing] = []


@task_prerun.connect
def take(**_: object) -> None:
    """Say that a task begins, and drop what is old."""
    for hearing in _hearing:
        hearing.take()
    close_old_connections()


@task_prerun.connect
def follow(task: Task[Any, Any], **_: object) -> None:
    """Let the task's log lines carry the id of the request that wants it."""
    # A stranger on the broker may write anything.
    trails.follow(trails.new(str(task.request.get(TRAIL) or "")))


@task_postrun.connect
def lose(**_: object) -> None:
    """Let the thread's next lines belong to nobody."""
    trails.follow("")


@task_postrun.connect
def give(**_: object) -> None:
    """Say that a task has ended, and drop what is old: Django does that for a request, nobody for a task."""
    close_old_connections()
    for hearing in _hearing:
        hearing.give()


@worker_ready.connect
def begin(sender: Any, **_: object) -> None:
    """Write the heartbeat, watch the credentials and listen to oneself from now on."""
    hearing = Hearing(sender.app.amqp.queues.consume_from, _end_at_once)
    _hearing[:] = [hearing]
    claims.renewer.each_beat(hearing.check)
    claims.renewer.each_beat(Rotation().look)
    claims.renewer.start(str(sender.hostname))


def _end_at_once() -> None:
    # Asked to end softly it might wait for the very connection that is gone.
    logging.shutdown()
    os._exit(1)


@worker_shutting_down.connect
def end(**_: object) -> None:
    """Stop the heartbeat at once: a worker that ends takes no more work. Walks go on in another."""
    claims.renewer.retire()
    walks.end_softly()
