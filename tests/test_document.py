"""The document that a reader scrolls: when its next page comes, and what its address becomes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.http import QueryDict
from django.test import RequestFactory

from jobs.filters import ListRequest, Pin, parse_list
from jobs.views.document import Document

if TYPE_CHECKING:
    from django.http import HttpRequest

NOW = 1_720_612_800.0
PIN = Pin(end=int(NOW) - 2, opened=int(NOW) * 1000)
OTHER_PIN = Pin(end=int(NOW) - 60, opened=int(NOW - 58) * 1000)
OLD_PIN = Pin(end=int(NOW) - 7200, opened=int(NOW - 7200) * 1000)
PATH = "/buckets/b-1250000000/jobs/"
SENTINEL = f"states=Failed&size=10&nextToken=t&pin={PIN}"


def asked(query: str) -> ListRequest:
    return parse_list(QueryDict(query), now=NOW)


def request(address: str | None, pages: str | None = "2") -> HttpRequest:
    """A sentinel's request, from a document with that address and so many pages."""
    headers = {"HX-Current-URL": address, "Batchlens-Pages": pages}
    return RequestFactory().get(
        f"{PATH}?{SENTINEL}", headers={name: value for name, value in headers.items() if value is not None}
    )


def around(address: str | None, pages: str | None = "2") -> Document:
    return Document.around(request(address, pages), asked(SENTINEL), NOW)


def document(pages: int, goal: int = 1, size: int = 50) -> Document:
    return Document(size, pages, goal, asked(f"size={size}"))


# When the next page comes -------------------------------------------------------------------------------------------------


def test_five_pages_come_by_themselves_and_the_sixth_waits_for_a_click() -> None:
    by_click = [pages for pages in range(1, 20) if document(pages).asks_first]

    # Page 1 is the reader's own; 2 to 6 come by themselves; a click brings 7, and 8 to 12 come by themselves again.
    assert by_click == [6, 12, 18]


def test_link_alone_takes_the_click() -> None:
    assert document(6).trigger == "click from:find a"
    assert document(5).trigger == "intersect once, click from:find a"


def test_pages_that_the_address_asks_for_come_whether_they_are_seen_or_not() -> None:
    assert [document(pages, goal=8).trigger.split(",")[0] for pages in (2, 6, 7, 8, 12)] == [
        "load",
        "load",
        "load",
        "intersect once",
        "click from:find a",
    ]


@pytest.mark.parametrize(("size", "most"), [(100, 10), (50, 20), (30, 33), (1, 1000)])
def test_document_is_full_where_another_page_would_make_it_more_than_a_thousand_rows(size: int, most: int) -> None:
    assert document(most, size=size).is_full
    assert not document(most - 1, size=size).is_full


def test_sentinel_says_how_many_pages_stand_above_it() -> None:
    assert json.loads(document(3).headers) == {"Batchlens-Pages": "3"}


# Its address --------------------------------------------------------------------------------------------------------------


def test_address_of_a_live_list_becomes_a_place_in_it() -> None:
    found = around(f"http://testserver{PATH}?states=Failed&size=10", "1").holding(1)

    assert found.query(PIN) == f"states=Failed&size=10&depth=2&pin={PIN}"


def test_depth_is_counted_from_where_the_document_begins() -> None:
    found = around(f"http://testserver{PATH}?states=Failed&size=10&nextToken=s&pin={PIN}", "1").holding(1)

    assert found.query(PIN) == f"states=Failed&size=10&nextToken=s&depth=2&pin={PIN}"


def test_address_keeps_zone_and_language_of_the_document() -> None:
    found = around(f"http://testserver{PATH}?states=Failed&size=10&tz=UTC&lang=en#job-x").holding(1)

    assert found.query(PIN) == f"states=Failed&size=10&tz=UTC&depth=3&pin={PIN}&lang=en"


def test_address_that_asks_for_more_than_is_there_yet_stays() -> None:
    found = around(f"http://testserver{PATH}?states=Failed&size=10&depth=5&pin={PIN}").holding(1)

    assert (found.pages, found.goal, found.query(PIN)) == (3, 5, f"states=Failed&size=10&depth=5&pin={PIN}")


def test_place_that_was_too_old_has_become_the_newest_list() -> None:
    found = around(f"http://testserver{PATH}?states=Failed&size=10&depth=5&pin={OLD_PIN}", "1").holding(1)

    assert (found.goal, found.query(PIN)) == (1, f"states=Failed&size=10&depth=2&pin={PIN}")


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "http://[",
        f"http://testserver/buckets/other-1250000000/jobs/?{SENTINEL}",
        f"http://testserver{PATH}?states=Success&size=10",
        f"http://testserver{PATH}?states=Failed&size=20",
        f"http://testserver{PATH}?states=Failed&size=10&depth=3&pin={OTHER_PIN}",
        f"http://testserver{PATH}?states=Failed&size=10&depth=101&pin={PIN}",
        f"http://testserver{PATH}?states=Failed&size=10&colour=red",
    ],
    ids=[
        "none",
        "empty",
        "no address",
        "other bucket",
        "other filter",
        "other size",
        "other chain",
        "too deep",
        "wrong",
    ],
)
def test_address_that_is_not_of_this_list_stays_as_it_is(address: str | None) -> None:
    found = around(address).holding(1)

    assert (found.pages, found.query(PIN)) == (3, "")


@pytest.mark.parametrize(
    ("told", "pages"),
    [(None, 1), ("", 1), ("0", 1), ("-1", 1), ("1e9", 1), ("٣", 1), ("12345", 1), ("7", 7), ("9999", 100)],
)
def test_number_of_pages_is_believed_within_what_a_document_can_hold(told: str | None, pages: int) -> None:
    sent = request(None, told)

    assert Document.around(sent, asked(SENTINEL), NOW).pages == pages


def test_new_document_holds_nothing_and_wants_what_its_address_asks_for() -> None:
    found = Document.new(asked(f"size=10&depth=4&pin={PIN}"), NOW)

    assert (found.pages, found.goal, found.holding(4).query(PIN)) == (0, 4, f"size=10&depth=4&pin={PIN}")


def test_new_document_of_a_place_that_is_too_old_wants_one_page() -> None:
    assert Document.new(asked(f"size=10&depth=4&pin={OLD_PIN}"), NOW).goal == 1
