"""One search: look a question up, claim and enqueue what is missing, wait a little.

The answer is always one of three: Ready (fresh, or stale with a refresh behind it), Pending, or Failed with a problem.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from django.conf import settings

from jobs import cache, claims, clock, metrics, places, tasks, throttle, troubles
from jobs.problems import Problem, ours
from jobs.records import Continuation, JobQuestion, JobRecord, Page, PageQuestion
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.claims import Lane
    from jobs.filters import JobFilter, View
    from jobs.models import Bucket


@dataclass(frozen=True, slots=True)
class Ready:
    """A page to show. `problem` says why a stale one could not be refreshed; `new` that it came because of this look."""

    page: Page
    stale: bool = False
    problem: Problem | None = None
    new: bool = False


@dataclass(frozen=True, slots=True)
class ReadyJob:
    """A job to show. `problem` says why a stale one could not be refreshed."""

    record: JobRecord
    stale: bool = False
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """It is being fetched: ask again in `retry_after` seconds. `tries` counts the calls made, `problem` is the last's.

    `new` says that the fetch was enqueued because of this look.
    """

    retry_after: float
    tries: int = 0
    problem: Problem | None = None
    new: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """There is nothing to show, and why."""

    problem: Problem


Answer = TypeVar("Answer", Ready, ReadyJob, covariant=True)


class Search(Protocol[Answer]):
    """How one kind of question is looked up and enqueued, for whom, and whose budget it costs ("" for nobody's)."""

    kind: ClassVar[Literal["page", "job"]]

    @property
    def bucket(self) -> Bucket: ...

    @property
    def lane(self) -> Lane: ...

    @property
    def reader(self) -> str: ...

    @property
    def key(self) -> str: ...

    def look(self) -> tuple[Answer | None, cache.Found]: ...

    def enqueue(self, enqueued_at: int) -> None: ...

    def behind(self) -> Search[Answer]:
        """Return the same search as a refresh that nobody waits for."""


@dataclass(frozen=True, slots=True)
class PageSearch:
    """The search for one page of a list."""

    kind: ClassVar[Literal["page", "job"]] = "page"
    bucket: Bucket
    question: PageQuestion
    lane: Lane
    reader: str = ""

    @property
    def key(self) -> str:
        return self.question.key

    def look(self) -> tuple[Ready | None, cache.Found]:
        return self.judge(cache.find_page(self.question, self.bucket.credential, person=self.lane == "person"))

    def judge(self, found: cache.Found) -> tuple[Ready | None, cache.Found]:
        """Return what the cache's answer comes to."""
        if found.page is None:
            return None, found
        fresh = cache.is_fresh(found.page, clock.now(), head=self.question.pin is None)
        return Ready(found.page, stale=not fresh, problem=None if fresh else found.problem), found

    def enqueue(self, enqueued_at: int) -> None:
        tasks.enqueue_page(self.question, enqueued_at, self.lane)

    def behind(self) -> PageSearch:
        return replace(self, lane="refresh", reader="")


def page_search(bucket: Bucket, job_filter: JobFilter, view: View, lane: Lane, reader: str) -> PageSearch:
    """Return the search for the page that `job_filter` and `view` name; `reader` is whose budget a new question costs."""
    continuation = Continuation(view.next_token, view.after_text) if view.next_token or view.after else None
    return PageSearch(bucket, PageQuestion(bucket.name, job_filter, view.pin, continuation), lane, reader)


@dataclass(frozen=True, slots=True)
class JobSearch:
    """The search for one job; `raw` says that the XML as received is wanted, which no list keeps."""

    kind: ClassVar[Literal["page", "job"]] = "job"
    bucket: Bucket
    question: JobQuestion
    raw: bool
    lane: Lane
    reader: str = ""

    @property
    def key(self) -> str:
        return self.question.key

    def look(self) -> tuple[ReadyJob | None, cache.Found]:
        found = cache.find_job(self.question, self.bucket.credential)
        if found.job is None or (self.raw and found.job.raw_missing == "not_asked"):
            return None, found
        fresh = cache.job_is_fresh(found.job, clock.now())
        return ReadyJob(found.job, stale=not fresh, problem=None if fresh else found.problem), found

    def enqueue(self, enqueued_at: int) -> None:
        tasks.enqueue_job(self.question, enqueued_at, self.lane)

    def behind(self) -> JobSearch:
        return replace(self, lane="refresh", reader="")


def obtain(
    search: Search[Answer], meanwhile: Callable[[], object] | None = None
) -> tuple[Answer | Pending | Failed, cache.Found]:
    """Return what is known, or what has come within FIRST_WAIT; have the rest fetched. `meanwhile` is done once if that is waited for."""
    try:
        ready, found = search.look()
        if ready is None:
            metrics.lookup(search.kind, "problem" if found.problem else "miss")
            return (Failed(found.problem), found) if found.problem else _wait(search, found, meanwhile)
    except ServerDown:
        return Failed(ours("redis_down")), cache.Found()
    metrics.lookup(search.kind, "stale" if ready.stale else "fresh")
    if ready.stale:
        refresh(search, ready, found)
    return ready, found


def refresh(search: Search[Any], ready: Ready | ReadyJob, found: cache.Found) -> str:
    """Have what is out of date fetched anew, behind the reader's back, unless that failed just now.

    Returns the token by which its end can be waited for, "" where nothing is under way.
    """
    if ready.problem is None:
        # Stale is served at once; without a broker it simply stays stale.
        with suppress(ServerDown):
            asking = enqueue_if_claimed(search.behind(), found.since)
            return asking.token if asking.outcome in {"claimed", "joined"} else ""
    return ""


def _wait(
    search: Search[Answer], found: cache.Found, meanwhile: Callable[[], object] | None
) -> tuple[Answer | Pending | Failed, cache.Found]:
    began = time.monotonic()
    answer, found = wait_until(search, found, began + settings.FIRST_WAIT, meanwhile)
    outcome: Literal["ready", "pending", "failed"] = (
        "pending" if isinstance(answer, Pending) else "failed" if isinstance(answer, Failed) else "ready"
    )
    metrics.wait(outcome, time.monotonic() - began)
    return answer, found


def wait_until(
    search: Search[Answer], found: cache.Found, deadline: float, meanwhile: Callable[[], object] | None
) -> tuple[Answer | Pending | Failed, cache.Found]:
    """Claim or join the fetch and wait for it, until `deadline` of the monotonic clock."""
    while True:
        asking = enqueue_if_claimed(search, found.since, is_free=found.is_led_to)
        if asking.outcome == "ended":
            return Failed(why_ended(asking, search.bucket)), found
        if asking.outcome == "refused":
            return Failed(ours("miss_budget", clock.now(), retry_after=math.ceil(asking.again))), found
        if meanwhile:
            meanwhile()
            meanwhile = None
        left = deadline - time.monotonic()
        later = asking.again if asking.outcome == "later" else 0.0
        if left <= later:
            return Pending(max(later, asking.interval), asking.tries, asking.problem), found
        with places.lend(search.bucket.name) as free:
            if not free:
                return Pending(asking.interval, asking.tries, asking.problem), found
            if later:
                time.sleep(later)  # Nobody will wake us before that moment: it is the moment to ask again.
                continue
            claims.wait(search.key, asking.token, left)
        ready, found = search.look()
        if ready is not None:
            return ready, replace(found, claimed=asking.outcome == "claimed" and not asking.overtakes)
        if found.problem:
            return Failed(found.problem), found


def enqueue_if_claimed(search: Search[Any], since: float, *, is_free: bool = False) -> claims.Asking:
    """Claim or join a fetch, and enqueue it if it is ours; an asking that ended before `since` (unix s, CI's time) doesn't count.

    The next pages of a chain are free: it bounds them. What a link can vary for ever costs its reader.

    Raises:
        ServerDown: a Redis can't be reached.
    """
    gate = throttle.gate(search.bucket.name, search.bucket.credential)
    asking = claims.ask(search.key, gate, lane=search.lane, reader="" if is_free else search.reader, since=since)
    metrics.claim(asking.outcome)
    if asking.outcome != "claimed":
        return asking
    # Between our look and our claim somebody else's fetch may have ended: then look once more before asking upstream.
    if asking.stored and _is_answered(search):
        claims.release(search.key, asking.token)
        return asking
    search.enqueue(asking.enqueued_at)
    return asking


def _is_answered(search: Search[Any]) -> bool:
    ready, found = search.look()
    return bool(found.problem) if ready is None else bool(ready.problem) or not ready.stale


def fetch_ahead(bucket: Bucket, job_filter: JobFilter, page: Page) -> None:
    """Let the page behind `page` be fetched while the reader looks at this one; one ahead at most."""
    question = PageQuestion(bucket.name, job_filter, page.pin, page.next)
    with suppress(ServerDown):
        enqueue_if_claimed(PageSearch(bucket, question, "ahead"), 0.0)


HOLDS_UP = 60.0
"""Seconds for which a bucket's last problem says why no call was left for another question: longer than that one may wait.

A good answer that comes meanwhile changes nothing of that: the first calls after an outage go well while others still hang.
"""


def why_ended(asking: claims.Asking, bucket: Bucket) -> Problem:
    """Return why an asking ended without an answer, as its last try or what kept it from any tells.

    Where no try was made there is no worker, or all calls of the bucket are taken by questions that get no answer, or the
    workers were busy.

    Raises:
        ServerDown: a Redis can't be reached.
    """
    now = clock.now()
    if asking.problem or not claims.heartbeats():
        return asking.problem or ours("no_worker", now)
    last = troubles.tallies([bucket.name])[bucket.name].problem
    return last if last and last.at > now - HOLDS_UP else ours("busy", now)
