"""One fetch, run in the test's own process against an emulator of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs import cache, claims, clock, fetch, throttle, upstream
from jobs.filters import JobFilter
from jobs.records import PageQuestion
from tests.emulators import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from jobs.problems import Problem
    from jobs.records import JobQuestion, Page
    from tests.emulators import Emulator

NAME = "media-prod-1250000000"
QUESTION = PageQuestion(NAME, JobFilter())


@pytest.fixture
def own_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process asks as a worker does, by a client that the test's settings make."""
    monkeypatch.setattr(clock, "_clock", clock.Clock())  # it has learned nothing yet
    monkeypatch.setattr(clock, "OFFSET_KEY", "clock:offset:test")  # and teaches the session's worker nothing
    upstream.client.cache_clear()
    yield
    upstream.client().close()
    upstream.client.cache_clear()


@pytest.fixture
def ci(pristine_emulator: Emulator, db: None, settings: Settings, empty_redis: None, own_client: None) -> Emulator:
    """An emulator with one bucket of three jobs, which this process's own client asks."""
    from jobs.models import Bucket  # fixtures are named in conftest, which is read before Django is set up

    settings.CI_ENDPOINT = pristine_emulator.endpoint
    pristine_emulator.create_bucket(NAME, jobs=3, newest=600)
    Bucket.objects.create(name=NAME, region=REGION)
    return pristine_emulator


def ask(question: PageQuestion | JobQuestion) -> claims.Asking:
    """Claim a question as a person who waits for it does."""
    return claims.ask(question.key, throttle.gate(NAME, "default"), lane="person")


def run(question: PageQuestion = QUESTION) -> tuple[Page | None, Problem | None]:
    """Ask and fetch once; return what the cache then knows."""
    asking = ask(question)
    fetch.fetch_page(question, asking.enqueued_at, "person")
    found = cache.find_page(question, "default", person=True)
    return found.page, found.problem


def follow(page: Page) -> Page | None:
    """Fetch the page behind `page`."""
    return run(PageQuestion(NAME, QUESTION.filter, page.pin, page.next))[0]
