"""Alone responsible for walking one chain page by page: asking, fetching and finding by the product's own code.

No Celery and no views: what a worker does stands in `fetch.fetch_page`, and what a reader sees in `cache.find_page`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from jobs import cache, claims, fetch, servers, throttle
from jobs.cloudinfinite.schema import format_time
from jobs.records import PageQuestion
from tests.walks.events import happen

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.problems import Problem
    from jobs.records import Page
    from tests.emulators import Call, Emulator, JobSummary
    from tests.walks.scenario import Scenario

BUCKET = "walks-1250000000"
TRIES = 8
"""Looks of one reader at one page before the walk ends there."""


@dataclass
class Walk:
    """What was seen on one walk, and what the bucket held before, between and after its pages."""

    scenario: Scenario
    pages: list[Page] = field(default_factory=list)
    held: list[list[JobSummary]] = field(default_factory=list)
    problem: Problem | None = None
    calls: list[Call] = field(default_factory=list)
    endless: bool = False

    @property
    def ever(self) -> int:
        """How many jobs the bucket ever held."""
        return len({job.job_id for jobs in self.held for job in jobs})

    @property
    def most_pages(self) -> int:
        """How many pages a walk may need: by keyset each brings a row or passes one, and each trouble costs one more."""
        return 3 * self.ever + 3 * len(self.scenario.events) + 3


def walk(scenario: Scenario, emulator: Emulator, go_on: Callable[[PageQuestion, Page], PageQuestion]) -> Walk:
    """Walk from the first page to the end; `go_on` says what follows a page: `follow`, but for tests of the oracle."""
    _prepare(scenario, emulator)
    done = Walk(scenario)
    question = PageQuestion(BUCKET, scenario.filter)
    while True:
        _between(len(done.pages), done, emulator)
        page, done.problem = _look(question)
        if page is None:
            break
        done.pages.append(page)
        done.endless = len(done.pages) > done.most_pages
        if page.next is None or done.endless:
            break
        question = go_on(question, page)
    done.calls = emulator.calls(BUCKET)
    return done


def follow(question: PageQuestion, page: Page) -> PageQuestion:
    """Return the question behind a page."""
    return PageQuestion(BUCKET, question.filter, page.pin, page.next)


def _prepare(scenario: Scenario, emulator: Emulator) -> None:
    now = datetime.fromtimestamp(int(emulator.now()), UTC)
    given = tuple(
        {**job.fields, "CreationTime": format_time(now - timedelta(seconds=job.age))} for job in scenario.jobs
    )
    emulator.set_switches(**scenario.switches)
    emulator.create_bucket(BUCKET, given=given)
    emulator.clear_calls()
    for server in (servers.broker(), servers.cache_server()):
        with server.connection() as client:
            client.flushall()


def _between(gap: int, done: Walk, emulator: Emulator) -> None:
    events = done.scenario.events[gap] if gap < len(done.scenario.events) else ()
    if not done.held:
        done.held.append(emulator.jobs(BUCKET))
    for event in events:
        happen(event, done.scenario, emulator, BUCKET)
    if events:
        done.held.append(emulator.jobs(BUCKET))


def _look(question: PageQuestion) -> tuple[Page | None, Problem | None]:
    """Ask for a page as a patient reader does, until there is a page or a problem that is said."""
    gate = throttle.gate(BUCKET, "default")
    for turn in range(TRIES):
        with servers.broker().connection() as client:
            client.delete(gate.cool_bucket)  # as if every cool-down were over: walks measure truth, not patience
        asking = claims.ask(question.key, gate, lane="person")
        fetch.fetch_page(question, asking.enqueued_at, "person")
        found = cache.find_page(question, "default", person=True)
        if found.page or found.problem:
            return found.page, None if found.page else found.problem
        if turn >= 2:  # a retry need not wait for its turn, but where fetching is put off, the reader waits
            time.sleep(min(asking.again, 1.0))
    return None, asking.problem
