"""Celery tasks: shells of a few lines around fetch, and the worker's beginning and end."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from jobs import claims, fetch
from jobs.records import JobQuestion, PageQuestion

EXPIRES = 30
"""Seconds after which a task that nobody took is dropped: whoever wanted it has asked again or has gone."""


@shared_task(name="jobs.fetch_page", expires=EXPIRES)
def fetch_page(question: dict[str, Any], enqueued_at: int, *, person: bool) -> None:
    """Fetch one page of a list."""
    fetch.fetch_page(PageQuestion.from_primitives(question), enqueued_at, person=person)


@shared_task(name="jobs.fetch_job", expires=EXPIRES)
def fetch_job(bucket: str, job_id: str, enqueued_at: int) -> None:
    """Fetch one job."""
    fetch.fetch_job(JobQuestion(bucket, job_id), enqueued_at)


@worker_ready.connect
def begin(sender: Any, **_: object) -> None:
    """Write the heartbeat and watch the credentials from now on."""
    claims.renewer.each_beat(fetch.watch_credentials)
    claims.renewer.start(str(sender.hostname))


@worker_shutting_down.connect
def end(**_: object) -> None:
    """Stop the heartbeat at once: a worker that ends takes no more work."""
    claims.renewer.retire()
