"""Fixtures of the end-to-end tests: sites, a browser, and people who are signed in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import sync_playwright

from tests.e2e.sites import Reader, Site, own_database, start_site
from tests.emulators import SECRET_ID, SECRET_KEY, Emulator
from tests.factories import make_staff
from tests.processes import Process, web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, BrowserContext, Page

# Playwright keeps an event loop in the main thread, so Django takes every query of a test for one from async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-gpu",
]  # fmt: skip
TROUBLE_STATUS = r"Failed to load resource: the server responded with a status of [45]\d\d .*"
"""What the browser itself writes about a true status of a page or fragment."""


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers of tests in which the browser's console may say something, or the web server is another one."""
    config.addinivalue_line("markers", "console_allows(*patterns): messages of the console that this test expects")
    config.addinivalue_line(
        "markers", "web(**variables): what the web server of the shared site has of its own in this test"
    )


# Sites -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def session_web(
    process_environment: dict[str, str], static_files: None
) -> Iterator[Callable[..., tuple[Process, str]]]:
    """Start gunicorn with some variables, once for each choice of them."""
    started: dict[tuple[tuple[str, str], ...], tuple[Process, str]] = {}

    def get(**variables: str) -> tuple[Process, str]:
        chosen = tuple(sorted(variables.items()))
        if chosen not in started:
            log = Path(settings.VAR_DIR) / f"web-{os.getpid()}-shared-{len(started)}.log"
            process, address = web(log, **process_environment, **variables)
            process.start()
            started[chosen] = process, address
        return started[chosen]

    yield get
    for process, _address in started.values():
        process.kill()


@pytest.fixture
def site(
    request: pytest.FixtureRequest,
    session_web: Callable[..., tuple[Process, str]],
    worker: Process,
    emulator: Emulator,
    transactional_db: None,
) -> Site:
    """The site that most tests share: people must sign in."""
    marker = request.node.get_closest_marker("web")
    process, address = session_web(**(marker.kwargs if marker else {}))
    return Site(address, process, worker, emulator)


@pytest.fixture
def open_site(
    session_web: Callable[..., tuple[Process, str]], worker: Process, emulator: Emulator, transactional_db: None
) -> Site:
    """The same with a web server that lets everybody look."""
    process, address = session_web(ANONYMOUS_ACCESS="true")
    return Site(address, process, worker, emulator)


@pytest.fixture(scope="session")
def demo_session(django_db_setup: None, static_files: None) -> Iterator[Site]:
    """A site of the demo's emulator."""
    with Emulator(demo=True) as emulator:
        site = start_site(emulator, ANONYMOUS_ACCESS="true", DEMO="true", **own_database(1))
        yield site
        site.stop()


@pytest.fixture
def demo(demo_session: Site, transactional_db: None) -> Site:
    """A site of the demo's emulator, as at its start; its buckets are in the database."""
    from jobs.cloudinfinite.emulator import DEMO_BUCKETS
    from jobs.models import Bucket

    demo_session.emulator.reset()
    demo_session.forget()
    Bucket.objects.bulk_create(
        Bucket(name=bucket.name, region=bucket.region, label=bucket.label) for bucket in DEMO_BUCKETS
    )
    return demo_session


@pytest.fixture(scope="session")
def hasty_session(django_db_setup: None, static_files: None) -> Iterator[Site]:
    """A site with an emulator of its own that waits no longer than a second for an answer, and whose credential is temporary."""
    token = "TEMPORARY+/0001=="
    limits = {"CI_DEADLINE": "1", "FETCH_DEADLINE": "4"}
    with Emulator(credentials=((SECRET_ID, SECRET_KEY, token),)) as emulator:
        site = start_site(emulator, ANONYMOUS_ACCESS="true", CI_SECURITY_TOKEN=token, **limits, **own_database(2))
        yield site
        site.stop()


@pytest.fixture
def hasty(hasty_session: Site, transactional_db: None) -> Site:
    """A site with an emulator as at its start, which waits no longer than a second for an answer."""
    hasty_session.emulator.reset()
    hasty_session.forget()
    return hasty_session


# People ----------------------------------------------------------------------------------------------------------------


def session_of(user: User) -> str:
    """Sign `user` in and return the key of the session."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def staff(transactional_db: None) -> User:
    """Somebody who sees every bucket."""
    return make_staff()


@pytest.fixture
def reader(site: Site, staff: User) -> Reader:
    """A program that is signed in to the shared site and sees every bucket."""
    return Reader(site, session_of(staff))


# The browser -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a process."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def _close(context: BrowserContext) -> None:
    """Close a context, or leave it to the browser's end: with a clock that a test moves Chromium now and then never answers."""
    with contextlib.suppress(TimeoutError):
        # Playwright's own close has no time-out, so its inside is waited for.
        context._sync(asyncio.wait_for(context._impl_obj.close(None), timeout=5))


@pytest.fixture
def new_context(
    browser: Browser, request: pytest.FixtureRequest, transactional_db: None
) -> Iterator[Callable[..., BrowserContext]]:
    """Make contexts; whatever their pages write to the console, or throw, fails the test.

    They close before the database is emptied: a page that still asks then is told that its bucket is gone.
    """
    allowed = [pattern for marker in request.node.iter_markers("console_allows") for pattern in marker.args]
    said: list[tuple[str, str]] = []
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**{"locale": "en-US", **options})
        context.set_default_timeout(10_000)
        context.on("console", lambda message: said.append((message.text, message.location["url"])))
        context.on("weberror", lambda error: said.append((str(error.error), error.page.url if error.page else "")))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        _close(context)
    unexpected = [
        (text, where) for text, where in said if not any(re.fullmatch(pattern, text, re.DOTALL) for pattern in allowed)
    ]
    assert unexpected == []


@pytest.fixture
def sign_in(staff: User) -> Callable[..., BrowserContext]:
    """Give a context the session of a user, by default of one who sees every bucket."""

    def give(context: BrowserContext, site: Site | str, user: User | None = None) -> BrowserContext:
        address = site if isinstance(site, str) else site.address
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session_of(user or staff), "url": address}]
        )
        return context

    return give


@pytest.fixture
def page(new_context: Callable[..., BrowserContext], sign_in: Callable[..., BrowserContext], site: Site) -> Page:
    """A page of a new context, signed in to the shared site; `page.goto` takes paths."""
    return sign_in(new_context(base_url=site.address), site).new_page()


@pytest.fixture
def plain_page(new_context: Callable[..., BrowserContext], sign_in: Callable[..., BrowserContext], site: Site) -> Page:
    """The same without JavaScript."""
    return sign_in(new_context(base_url=site.address, java_script_enabled=False), site).new_page()
