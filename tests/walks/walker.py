"""Alone responsible for walking one chain page by page: asking, fetching and finding by the product's own code.

No Celery and no views: what a worker does stands in `fetch.fetch_page`, and what a reader sees in `cache.find_page`.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from jobs import cache, claims, fetch, servers, throttle
from jobs.cloudinfinite.schema import format_time
from jobs.records import PageQuestion
from tests.emulators import SECRET_ID, SECRET_KEY
from tests.walks.events import happen, set_passed
from tests.walks.site import SECURITY_TOKEN

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


@dataclass
class _Reader:
    """One who walks: the page that comes next, None where the walk is over."""

    walk: Walk
    question: PageQuestion | None


def walk(scenario: Scenario, emulator: Emulator, go_on: Callable[[PageQuestion, Page], PageQuestion]) -> Walk:
    """Walk as the first reader does, and return that walk."""
    return walk_together(scenario, emulator, go_on)[0]


def walk_together(
    scenario: Scenario, emulator: Emulator, go_on: Callable[[PageQuestion, Page], PageQuestion]
) -> list[Walk]:
    """Walk from the first page to the end, one reader or two of the same pin.

    `go_on` says what follows a page: `follow`, but for tests of the oracle. What the bucket held counts for a second reader
    from the moment on at which the first one opened the list: that is what a link shows.
    """
    _prepare(scenario, emulator)
    chance = random.Random(f"readers {scenario.seed}")
    readers = [_Reader(Walk(scenario), PageQuestion(BUCKET, scenario.filter))]
    held: list[list[JobSummary]] = []
    asked: list[PageQuestion] = []
    for look in count():
        _between(look, scenario, held, emulator, asked)
        if _second_comes(look, scenario, readers):
            pin = readers[0].walk.pages[0].pin
            readers.append(_Reader(Walk(scenario), PageQuestion(BUCKET, scenario.filter, pin)))
        waiting = [reader for reader in readers if reader.question is not None]
        if not waiting:
            break
        _read_on(chance.choice(waiting), held, asked, go_on)
    calls = emulator.calls(BUCKET)
    for reader in readers:
        reader.walk.calls = calls
    return [reader.walk for reader in readers]


def _second_comes(look: int, scenario: Scenario, readers: list[_Reader]) -> bool:
    """Tell whether a second reader opens the list now: at the latest when the first has come to its end."""
    first = readers[0]
    is_time = scenario.second is not None and (look >= scenario.second or first.question is None)
    return is_time and len(readers) == 1 and bool(first.walk.pages)


def _read_on(
    reader: _Reader,
    held: list[list[JobSummary]],
    asked: list[PageQuestion],
    go_on: Callable[[PageQuestion, Page], PageQuestion],
) -> None:
    """Let one reader see the next page of a walk that isn't over."""
    assert reader.question is not None
    done, question = reader.walk, reader.question
    page, done.problem = _look(question)
    reader.question = None
    if page is not None:
        done.pages.append(page)
        done.endless = len(done.pages) > _most_pages(done.scenario, held)
        asked.append(replace(question, pin=page.pin))
        if page.next is not None and not done.endless:
            reader.question = go_on(question, page)
    done.held = list(held)


def _most_pages(scenario: Scenario, held: list[list[JobSummary]]) -> int:
    """Return how many pages a walk may need: by keyset each brings a row or passes one, and each trouble costs one more."""
    ever = len({job.job_id for jobs in held for job in jobs})
    return 3 * ever + 3 * len(scenario.events) + 3


def follow(question: PageQuestion, page: Page) -> PageQuestion:
    """Return the question behind a page."""
    return PageQuestion(BUCKET, question.filter, page.pin, page.next)


def _prepare(scenario: Scenario, emulator: Emulator) -> None:
    for server in (servers.broker(), servers.cache_server()):
        with server.connection() as client:
            client.flushall()
    set_passed(emulator, 0)
    now = datetime.fromtimestamp(int(emulator.now()), UTC)
    given = tuple(
        {**job.fields, "CreationTime": format_time(now - timedelta(seconds=job.age))} for job in scenario.jobs
    )
    emulator.set_credentials((SECRET_ID, SECRET_KEY, SECURITY_TOKEN))
    emulator.set_switches(**scenario.switches)
    emulator.create_bucket(BUCKET, given=given)
    emulator.clear_calls()


def _between(
    gap: int, scenario: Scenario, held: list[list[JobSummary]], emulator: Emulator, asked: list[PageQuestion]
) -> None:
    events = scenario.events[gap] if gap < len(scenario.events) else ()
    if not held:
        held.append(emulator.jobs(BUCKET))
    for event in events:
        happen(event, scenario, emulator, BUCKET, asked)
    if events:
        held.append(emulator.jobs(BUCKET))


def _look(question: PageQuestion) -> tuple[Page | None, Problem | None]:
    """Ask for a page as a patient reader does, until there is a page or a problem that is said."""
    gate = throttle.gate(BUCKET, "default")
    if question.pin and (known := cache.find_page(question, "default", person=True).page):
        return known, None
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
