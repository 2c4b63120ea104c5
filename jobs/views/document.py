"""The document that a reader scrolls: how many pages it holds, how it gets the next one, and what its address says of that.

A sentinel asks for its page by that page's own link, which works without JavaScript, too. What its answer lands in, the
request tells besides: the document's address, as htmx sends it with every request, and a number of pages.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.http import QueryDict

from jobs import filters
from jobs.filters import MergedRequest
from jobs.filters.values import MOST_ROWS

if TYPE_CHECKING:
    from django.http import HttpRequest

    from jobs.filters import ListRequest, Pin

ADDRESS = "HX-Current-URL"
SHOWN_BY = "Batchlens-Address"
"""The header in which a sentinel's answer says which address shows as much as the document then does (js/address.js). Not htmx's own,
which would save a page that nobody keeps, and write the address twice, while the rows are put in place."""
PAGES = "Batchlens-Pages"
"""The header in which a sentinel says how many pages stand above it."""
AUTOMATIC = 5
"""Pages that come by themselves before the reader is asked whether to go on."""

_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class Document:
    """What the pages of one answer are a part of.

    `pages` counts those that it holds, the answer's included; `goal` is how many its address asks for. `asked` is what the
    address asks for, None where that can't be told: then the address stays as it is.
    """

    size: int
    pages: int
    goal: int
    asked: ListRequest | None

    @classmethod
    def new(cls, asked: ListRequest, now: float) -> Document:
        """Return the document that a whole page will be, before its first page.

        Args:
            asked: what the page's address asks for.
            now: CI's time in unix seconds.
        """
        return cls(asked.filter.size, 0, 1 if asked.view.is_old_place(now) else asked.view.depth, asked)

    @classmethod
    def around(cls, request: HttpRequest, asked: ListRequest, now: float) -> Document:
        """Return the document that holds the sentinel which sent `request`, before the answer.

        What the request says of it is a stranger's word: it is read as any address is, and decides about nothing but this
        one answer.

        Args:
            request: a sentinel's.
            asked: what it asks for, a continuation.
            now: CI's time in unix seconds.
        """
        told = request.headers.get(PAGES, "")
        size = asked.filter.size
        pages = min(int(told) if _NUMBER.fullmatch(told) else 1, MOST_ROWS // size)
        address = _address_of(request, asked, now)
        return cls(size, pages, address.view.depth if address else pages, address)

    def holding(self, more: int) -> Document:
        """Return the document with so many more pages in it."""
        return replace(self, pages=self.pages + more)

    @property
    def depth(self) -> int:
        """How many pages its address names."""
        return max(self.pages, self.goal)

    @property
    def most(self) -> int:
        """How many pages one document holds at most."""
        return MOST_ROWS // self.size

    @property
    def is_full(self) -> bool:
        """Whether what follows must open as a page of its own."""
        return self.pages >= self.most

    @property
    def asks_first(self) -> bool:
        """Whether the next page waits for a click.

        It depends on the number of pages alone, so the same link shows the same to everybody. What the address asks for
        comes in any case.
        """
        return self.pages >= self.goal and self.pages % (AUTOMATIC + 1) == 0

    @property
    def trigger(self) -> str:
        """When htmx fetches the next page. A click counts on the link alone, which then leads nowhere."""
        click = "click from:find a"
        if self.asks_first:
            return click
        return f"load, {click}" if self.pages < self.goal else f"intersect once, {click}"

    @property
    def headers(self) -> str:
        """What the sentinel sends besides, for `hx-headers`."""
        return json.dumps({PAGES: str(self.pages)})

    def query(self, pin: Pin) -> str:
        """Return the query that shows this document again, "" where that can't be told.

        Args:
            pin: that of its chain.
        """
        return self.asked.depth_query(pin, self.depth) if self.asked else ""


def _address_of(request: HttpRequest, asked: ListRequest, now: float) -> ListRequest | None:
    """Return what the document's address asks for, if it is a document of the list that is `asked` for."""
    try:
        address = urlsplit(request.headers.get(ADDRESS, ""))
    except ValueError:
        return None
    if address.path != request.path:
        return None
    query = QueryDict(address.query)
    if isinstance(asked, MergedRequest):
        return _merged_address(filters.parse_merged(query, now=now), asked, now)
    there = filters.parse_list(query, now=now)
    if there.errors or there.filter != asked.filter:
        return None
    if there.view.pin in {None, asked.view.pin}:
        return there
    if asked.view.pin and there.view.pin and there.view.pin.end == asked.view.pin.end:
        # Its chain was forgotten, and the list opened anew with the same end.
        return replace(there, view=replace(there.view, pin=asked.view.pin))
    # Such a link opened the newest list, which is the one that is scrolled now.
    return replace(there, view=there.view.first()) if there.view.is_old_place(now) else None


def _merged_address(there: MergedRequest, asked: MergedRequest, now: float) -> MergedRequest | None:
    """Return what a merged list's address asks for, with the places at which its document begins."""
    if there.errors or there.filter != asked.filter or there.buckets not in {(), asked.buckets}:
        return None
    places, pins = there.view.places, [pin for pin, _taken in asked.view.places]
    if places and any(
        mine and theirs and mine.end != theirs.end for (mine, _taken), theirs in zip(places, pins, strict=False)
    ):
        if not there.view.is_old_place(now):
            return None
        # Such a link opened the newest list, which is the one that is scrolled now.
        places, there = (), replace(there, view=there.view.first())
    begins = places or ((pin, 0) for pin in pins)
    view = there.view.beginning(begins, depth=there.view.depth, mark=there.view.mark)
    return replace(there.named(asked.buckets), view=view)
