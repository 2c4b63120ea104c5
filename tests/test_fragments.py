"""Rows are rendered once for all who read the same, and anew for everybody who reads something else."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from bs4 import BeautifulSoup
from django.utils import translation

from jobs import servers
from jobs.cloudinfinite.schema import Job
from jobs.filters import Pin, View
from jobs.fragments import FLIGHTS, rows_html
from jobs.records import Page, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("empty_redis")

READERS = 25
VIEW = View()
_moments = itertools.count(1)


class CountedRows(tuple[Row, ...]):
    """A page's rows, which count how often they are gone through: once in each rendering."""

    seconds = 0.0
    """How long each rendering takes at least."""

    def __init__(self, _rows: tuple[Row, ...]) -> None:
        self.renders = 0

    def __iter__(self) -> Iterator[Row]:
        self.renders += 1
        time.sleep(self.seconds)
        return super().__iter__()


class BrokenRows(CountedRows):
    """Rows that can't be rendered at first."""

    seconds = 1.0

    def __iter__(self) -> Iterator[Row]:
        rows = super().__iter__()
        if self.renders == 1:
            raise ValueError("broken")
        return rows


def page_of(kind: type[CountedRows] = CountedRows, count: int = 3) -> tuple[Page, CountedRows]:
    """A page that no test before has rendered, and its rows."""
    times = {"CreationTime": "2023-11-14T10:11:32+0800"}
    rows = kind(tuple(Row(Job({"JobId": f"b{n}", "State": "Success", **times})) for n in range(count)))
    page = Page(
        bucket="media-1250000000", region="ap-guangzhou", digest="d", pin=Pin(1_700_000_000, 1_700_000_002_000), n=1,
        rows=rows, received=count, repeats=0, next=None, end="missing", request_id="req", as_of=float(next(_moments)),
    )  # fmt: skip
    return page, rows


def together(read: Callable[[], Any]) -> list[Any]:
    """What each of many threads gets that read at once; an exception in place of what raised it."""
    line = threading.Barrier(READERS)

    def reader(_number: int) -> Any:
        line.wait()
        try:
            return read()
        except ValueError as error:
            return error

    with ThreadPoolExecutor(READERS) as threads:
        return list(threads.map(reader, range(READERS)))


def shown(html: str) -> list[str]:
    return [str(row["id"]) for row in BeautifulSoup(html, "html.parser").select("tr")]


@pytest.mark.parametrize("seconds", [0.0, 0.002, 0.3])
def test_readers_of_one_page_at_once_cost_one_rendering(seconds: float) -> None:
    for _ in range(5 if seconds < 0.1 else 1):
        page, rows = page_of()
        rows.seconds = seconds

        read = together(lambda page=page: rows_html(page, VIEW, embedded=False))  # type: ignore[misc]

        assert rows.renders == 1
        assert [shown(html) for html in read] == [["job-b0", "job-b1", "job-b2"]] * READERS
        assert len(set(read)) == 1


def test_fragment_that_its_process_forgot_is_found_in_the_cache(until: Callable[[Callable[[], Any]], None]) -> None:
    page, rows = page_of()
    first = rows_html(page, VIEW, embedded=False)
    until(lambda: is_kept(page))

    for _ in range(FLIGHTS):
        rows_html(page_of()[0], VIEW, embedded=False)

    assert rows_html(page, VIEW, embedded=False) == first
    assert rows.renders == 1


def is_kept(page: Page) -> bool:
    with servers.cache_server().connection() as client:
        return any(client.scan_iter(servers.cache_key(f"html:{page.version}:*")))


@pytest.mark.parametrize(
    ("language", "view", "embedded", "newer"),
    [
        ("zh-hans", VIEW, False, False),
        ("en", View(tz="Europe/Berlin"), False, False),
        ("en", View(lang="en"), False, False),
        ("en", VIEW, True, False),
        ("en", VIEW, False, True),
    ],
)
def test_who_reads_something_else_gets_another_fragment(language: str, view: View, embedded: bool, newer: bool) -> None:
    page, rows = page_of()
    later = replace(page, as_of=page.as_of + 0.5) if newer else page
    with translation.override("en"):
        first = rows_html(page, VIEW, embedded=False)

    with translation.override(language):
        second = rows_html(later, view, embedded=embedded)

    assert rows.renders == 2
    assert shown(second) == shown(first)


def test_who_reads_the_same_with_another_pin_or_depth_gets_the_same_fragment() -> None:
    page, rows = page_of()
    rows_html(page, VIEW, embedded=False)

    rows_html(page, View(pin=page.pin, depth=3), embedded=False)

    assert rows.renders == 1


def test_failed_rendering_is_told_to_all_who_waited_and_not_remembered() -> None:
    page, _rows = page_of(BrokenRows)

    read = together(lambda: rows_html(page, VIEW, embedded=False))

    assert [str(error) for error in read] == ["broken"] * READERS
    assert shown(rows_html(page, VIEW, embedded=False)) == ["job-b0", "job-b1", "job-b2"]
