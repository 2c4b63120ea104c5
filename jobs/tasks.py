"""Celery tasks: shells of a few lines around fetch, and the worker's beginning and end."""

from __future__ import annotations

import base64
import json
import logging
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from celery import shared_task
from celery.signals import task_postrun, task_prerun, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections
from kombu.exceptions import OperationalError

from jobs import cache, claims, fetch, servers, trails
from jobs.records import JobQuestion, PageQuestion
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Task

    from jobs.claims import Lane

logger = logging.getLogger(__name__)

BEHIND_PERSON = 0.03
"""Seconds by which a page ahead is asked for later than the page that a person waits for has come."""

QUEUES: dict[Lane, str] = {"person": "page", "refresh": "page", "ahead": "ahead"}
"""Lane -> the queue in which its fetches wait."""

TRAIL = "batchlens_id"
"""The message's header with the id of the request."""

AT_ONCE: dict[str, Any] = {"retry": True, "retry_policy": {"max_retries": 0}}
"""While the broker is down enqueueing fails at once: whoever waits is told instead of kept."""


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
            _go_ahead(replace(asked, pin=page.pin, continuation=page.next))


def _go_ahead(question: PageQuestion) -> None:
    if cache.has_page(question):
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
        OperationalError: the broker can't be reached.
    """
    arguments = {"question": question.to_primitives(), "enqueued_at": enqueued_at, "lane": lane}
    fetch_page.apply_async(kwargs=arguments, queue=QUEUES[lane], headers=_trail(), **AT_ONCE)


@shared_task(name="jobs.fetch_job")
def fetch_job(bucket: str, job_id: str, enqueued_at: int, *, lane: Lane) -> None:
    """Fetch one job."""
    with _servers_may_be_down():
        fetch.fetch_job(JobQuestion(bucket, job_id), enqueued_at, lane)


def enqueue_job(question: JobQuestion, enqueued_at: int, lane: Lane) -> None:
    """Put the fetch of a job into its queue; arguments and errors as `enqueue_page`."""
    arguments = {"bucket": question.bucket, "job_id": question.job_id, "enqueued_at": enqueued_at, "lane": lane}
    fetch_job.apply_async(kwargs=arguments, queue=QUEUES[lane], headers=_trail(), **AT_ONCE)


def _trail() -> dict[str, str]:
    """Return the header by which a task belongs to the request that wants it."""
    return {TRAIL: trails.current()}


@contextmanager
def _servers_may_be_down() -> Iterator[None]:
    """Drop a fetch in one line where a Redis is down: its claim lapses, and whoever still waits asks again."""
    try:
        yield
    except (ServerDown, OperationalError) as error:
        logger.warning("a fetch is dropped: %s", error)


@dataclass(frozen=True, slots=True)
class Queued:
    """What waits in one queue: how many tasks, and seconds since the oldest of them was enqueued."""

    length: int
    age: float


def queued() -> dict[str, Queued]:
    """Return what waits in each queue, by name. What a worker has taken but not begun is not among it.

    Raises:
        ServerDown: the broker can't be reached.
    """
    names = sorted(set(QUEUES.values()))
    with servers.broker().connection() as client:
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        for name in names:
            key = f"{settings.CACHE_VERSION}:{name}"  # as global_keyprefix has it
            pipeline.llen(key)
            pipeline.lindex(key, -1)  # Kombu puts new messages to the left.
        (seconds, micros), *found = cast("Any", pipeline.execute())
    now = seconds * 1000 + micros / 1000
    return {
        name: Queued(length, _age(oldest, now))
        for name, length, oldest in zip(names, found[::2], found[1::2], strict=True)
    }


def _age(message: bytes | None, now: float) -> float:
    """Return the age in seconds of one of our messages, 0 for none and for a stranger's."""
    with suppress(TypeError, ValueError, KeyError, IndexError):
        if message:
            _arguments, named, *_ = json.loads(base64.b64decode(json.loads(message)["body"]))
            return max(0.0, (now - float(named["enqueued_at"])) / 1000)
    return 0.0


@task_prerun.connect
@task_postrun.connect
def check_connections(**_: object) -> None:
    """Do for a task what Django does for a request: drop database connections that are old or broken."""
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


@worker_ready.connect
def begin(sender: Any, **_: object) -> None:
    """Write the heartbeat and watch the credentials from now on."""
    claims.renewer.each_beat(fetch.watch_credentials)
    claims.renewer.start(str(sender.hostname))


@worker_shutting_down.connect
def end(**_: object) -> None:
    """Stop the heartbeat at once: a worker that ends takes no more work."""
    claims.renewer.retire()
