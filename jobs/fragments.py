"""Renders the rows of a page once for everybody and keeps the result: single flight in a process, shared through Redis.

A fragment holds only what is equal for every reader and every minute. Its name says page version, language, zone, where
it stands (embedded or not) and the release, so a new one never shows an old fragment.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from jobs import servers
from jobs.records import pack, unpack
from jobs.release import release
from jobs.servers import ServerDown, cache_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.filters import View
    from jobs.records import Page

LIFE = 15 * 60 * 1000
"""Milliseconds for which a fragment is kept."""
FLIGHTS = 32
"""How many fragments a process remembers by itself."""

_flights: dict[str, Future[str]] = {}
"""What is being rendered, and what was of late: another process's lies in the cache, and is read from there once."""
_lock = threading.Lock()
_keeper = ThreadPoolExecutor(1, thread_name_prefix="fragments")
"""Keeps fragments for the next readers, so that the first one doesn't wait for it."""
BEHIND_READER = 0.03
"""Seconds after which a fragment is kept: two threads at once would get in each other's way."""


def rows_html(page: Page, view: View, *, embedded: bool, new: bool = False) -> SafeString:
    """Return the table rows of `page`, rendered from `job_list.html#row_list`.

    Args:
        page: the page as it was cached.
        view: its zone is the one in which times are shown; zone and language go into the links.
        embedded: whether its links stay under `/embed`.
        new: whether the page came because of this very look, so that hardly anybody can have rendered it before.
    """
    language = get_language() or settings.LANGUAGE_CODE
    name = f"{page.version}:{language}:{view.lang}:{view.tz}:{int(embedded)}:{release()}"
    context = {"page": page, "rows": page.rows, "zone": view.zone, "view": view.first(), "embedded": embedded}
    # What the template engine has escaped once is not escaped again when it is put into the page.
    return SafeString(_single_flight(name, lambda: render_to_string("jobs/job_list.html#row_list", context), new=new))


def _single_flight(name: str, render: Callable[[], str], *, new: bool) -> str:
    """Return the kept fragment, or look for it, and else render it, in one thread while the others wait for that one."""
    with _lock:
        flight = _flights.get(name)
        mine = flight is None
        if flight is None:
            flight = _flights[name] = Future()
        if len(_flights) > FLIGHTS:
            del _flights[next(iter(_flights))]
    if not mine:
        return flight.result()
    try:
        kept = None if new else _find(name)
        html = render() if kept is None else kept
    except BaseException as error:
        with _lock:
            _flights.pop(name, None)
        flight.set_exception(error)
        raise
    flight.set_result(html)
    if kept is None:
        _keeper.submit(_keep, name, html, time.monotonic() + BEHIND_READER)
    return html


def _keep(name: str, html: str, at: float) -> None:
    time.sleep(max(0.0, at - time.monotonic()))
    with suppress(ServerDown), servers.cache_server().connection() as client:
        client.set(_key(name), pack(html), px=LIFE)


def _find(name: str) -> str | None:
    with suppress(ServerDown), servers.cache_server().connection() as client:
        data = cast("bytes | None", client.get(_key(name)))
        return cast("str", unpack(data)) if data is not None else None
    return None


def _key(name: str) -> str:
    return cache_key(f"html:{name}")
