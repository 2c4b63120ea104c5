"""The place in a list, and the links that lead from a page: on, back, to other filters and to other zones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import QueryDict
from hypothesis import given

from jobs.filters import JobFilter, Pin, View, list_query, parse_list, parse_merged
from jobs.records import Continuation
from tests.asking import NOW, requests
from tests.queries import PIN, PIN_TIME, asked, error

# The place in a list --------------------------------------------------------------------------------------------------


def test_pin_reads_what_it_writes() -> None:
    assert str(PIN) == f"{int(NOW) - 2}.{int(NOW) * 1000}"
    assert Pin.parse(str(PIN)) == PIN


@pytest.mark.parametrize(
    "written", ["", "1", "1.", ".1", "-1.1", "1.-1", "01.1", "1.01", "１.1", "1.1 ", "9" * 12 + ".1"]
)
def test_pin_that_is_written_otherwise_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not a pin"):
        Pin.parse(written)


@pytest.mark.parametrize(("end", "opened"), [(6, 0), (0, 6000), (10**9, 10**9)])
def test_pin_in_the_future_is_an_error(end: int, opened: int) -> None:
    found = error(f"pin={int(NOW) + end}.{int(NOW) * 1000 + opened}", "pin")

    assert found.text == "This pin lies in the future, but a pin says when a list was opened."


def test_pin_a_few_seconds_ahead_is_taken() -> None:
    assert asked(f"pin={int(NOW) + 5}.{int(NOW) * 1000 + 5000}").errors == {}


@pytest.mark.parametrize("query", ["name=a&nextToken=t&depth=2", "name=a&after=2024-01-01T00:00Z"])
def test_continuation_without_pin_offers_the_first_page(query: str) -> None:
    found = asked(query)

    (problem,) = next(iter(found.errors.values()))
    assert problem.text == (
        "This goes on with a list that was opened earlier, so it works only together with that list's pin. "
        "Start from the first page instead."
    )
    assert problem.without_query == "name=a"


def test_overlong_token_is_an_error() -> None:
    assert asked(f"pin={PIN}&nextToken=" + "a" * 4096).errors == {}
    assert error(f"pin={PIN}&nextToken=" + "é" * 2049, "nextToken").text == "This token is longer than 4096 bytes."


@pytest.mark.parametrize(
    ("size", "depth", "is_wrong"), [(100, 10, False), (100, 11, True), (1, 1000, False), (1, 1001, True)]
)
def test_depth_is_limited_by_the_rows_shown_together(size: int, depth: int, is_wrong: bool) -> None:
    assert bool(asked(f"size={size}&depth={depth}").errors) == is_wrong


def test_after_is_sent_as_upstream_wants_it() -> None:
    view = asked(f"pin={PIN}&after=2024-01-01T00:00:00Z").view

    assert view.after_text == "2024-01-01T08:00:00+0800"
    assert view.is_continuation


@pytest.mark.parametrize(
    ("view", "seconds", "is_old"),
    [
        (View(pin=PIN, depth=3), 3600, False),
        (View(pin=PIN, depth=3), 3601, True),
        (View(pin=PIN), 3601, True),
        (View(pin=PIN, next_token="t"), 3601, False),
        (View(pin=PIN, after=PIN_TIME), 3601, False),
        (View(depth=3), 3601, False),
    ],
)
def test_place_in_a_list_is_old_after_an_hour(view: View, seconds: int, is_old: bool) -> None:
    assert view.is_old_place(PIN.opened / 1000 + seconds) == is_old


# Links from a page ----------------------------------------------------------------------------------------------------


def test_next_query_carries_the_pin_and_the_continuation() -> None:
    found = asked("states=Failed&depth=3&lang=en")

    assert found.next_query(PIN, Continuation("a+", "2024-01-01T00:00:00+0800")) == (
        f"states=Failed&nextToken=a%2B&pin={PIN}&after=2024-01-01T00:00:00%2B0800&lang=en"
    )


def test_place_query_counts_from_any_page_of_the_chain() -> None:
    found = asked(f"states=Failed&tz=UTC&nextToken=t&depth=3&pin={PIN}")

    assert found.place_query(PIN, Continuation("s"), depth=20) == (
        f"states=Failed&nextToken=s&tz=UTC&depth=20&pin={PIN}"
    )
    assert found.place_query(PIN, Continuation(), depth=1) == f"states=Failed&tz=UTC&pin={PIN}"


def test_depth_query_counts_from_the_page_it_begins_with() -> None:
    assert asked("states=Failed").depth_query(PIN, 3) == f"states=Failed&depth=3&pin={PIN}"
    assert asked(f"nextToken=t&pin={PIN}").depth_query(PIN, 2) == f"nextToken=t&depth=2&pin={PIN}"


def test_first_query_drops_the_place_and_plain_query_the_filter_too() -> None:
    found = asked(f"states=Failed&nextToken=t&depth=2&pin={PIN}&tz=UTC&lang=en")

    assert (found.first_query, found.plain_query) == ("states=Failed&tz=UTC&lang=en", "tz=UTC&lang=en")


def test_frozen_query_has_explicit_times_and_no_pin() -> None:
    found = asked(f"range=24h&pin={PIN}&depth=2&tz=Europe/Berlin")

    assert found.frozen_query(PIN) == (
        "startCreationTime=2024-07-09T19:59:58%2B0800&endCreationTime=2024-07-10T19:59:58%2B0800&tz=Europe/Berlin"
    )


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Pacific/Auckland", "Pacific/Honolulu"])
@pytest.mark.parametrize("written", ["24h", "today", "yesterday"])
def test_live_link_moves_within_a_day_and_frozen_link_does_not(written: str, zone: str) -> None:
    found = asked(f"range={written}&tz={zone}" if zone != "Asia/Shanghai" else f"range={written}")
    tomorrow = PIN_TIME + timedelta(days=1)

    live, frozen = (parse_list(QueryDict(query), now=NOW) for query in (found.first_query, found.frozen_query(PIN)))

    assert live.filter.window(tomorrow) != live.filter.window(PIN_TIME)
    assert frozen.filter.window(tomorrow) == frozen.filter.window(PIN_TIME) == live.filter.window(PIN_TIME)
    assert "pin" not in found.frozen_query(PIN)


def test_changed_filter_drops_the_place_but_keeps_zone_and_language() -> None:
    found = asked(f"states=Failed&nextToken=t&depth=2&pin={PIN}&tz=UTC&lang=en")

    assert found.query(type="Job") == "type=Job&states=Failed&tz=UTC&lang=en"
    assert found.query(states="") == "tz=UTC&lang=en"


def test_other_zone_keeps_the_place_unless_the_calendar_is_asked_for() -> None:
    assert asked(f"range=24h&pin={PIN}").query(tz="UTC") == f"range=24h&tz=UTC&pin={PIN}"
    assert asked(f"range=today&pin={PIN}").query(tz="UTC") == "range=today&tz=UTC"


def test_new_calendar_range_is_that_of_the_page_zone() -> None:
    assert asked("tz=UTC").query(range="today") == "range=today&tz=UTC"


def test_each_chip_takes_one_condition_away() -> None:
    found = asked(f"type=Job&states=Failed,Pause&name=nightly&range=today&size=20&tz=UTC&pin={PIN}&depth=2")

    assert [(chip.name, chip.label, chip.value, chip.query_without) for chip in found.chips] == [
        ("type", "Kind", "Job", "states=Failed,Pause&name=nightly&size=20&range=today&tz=UTC"),
        ("states", "State", "Failed", "type=Job&states=Pause&name=nightly&size=20&range=today&tz=UTC"),
        ("states", "State", "Paused", "type=Job&states=Failed&name=nightly&size=20&range=today&tz=UTC"),
        ("name", "Name", "nightly", "type=Job&states=Failed,Pause&size=20&range=today&tz=UTC"),
        ("range", "Created", "Today (UTC)", "type=Job&states=Failed,Pause&name=nightly&size=20&tz=UTC"),
    ]


def test_chip_of_a_time_names_the_zone() -> None:
    found = asked("startCreationTime=2024-01-01T00:00:00%2B0800&tz=Pacific/Honolulu")

    assert [(chip.label, chip.value) for chip in found.chips] == [
        ("Created from", "2023-12-31 06:00:00 (Pacific/Honolulu)")
    ]


@given(requests())
def test_removing_chip_after_chip_ends_with_the_unfiltered_list(request: tuple[JobFilter, View]) -> None:
    found = asked(list_query(*request))
    count = len(found.chips)
    for _ in range(count):
        assert len(found.chips) == count
        found = asked(found.chips[0].query_without)
        assert found.is_canonical
        count -= 1

    assert found.filter == JobFilter(order=request[0].order, size=request[0].size)


# Lists of several buckets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "",
        "bucket=a-1250000000,b-1250000000",
        "group=Film&states=Failed&tz=UTC&live=60s&lang=en",
        f"bucket=a-1250000000,b-1250000000&pin={PIN},-&at=20.0&size=10&depth=3",
        f"bucket=a-1250000000,b-1250000000&pin={PIN},-&at=20.0-1700000000-0123ab-cdef01&depth=3",
        "bucket=a-1250000000&depth=2&job=a-1250000000/b0123&tab=raw",
    ],
)
def test_merged_query_read_and_written_again_is_the_same(query: str) -> None:
    merged = parse_merged(QueryDict(query), now=NOW)

    assert merged.errors == {}
    assert merged.is_canonical
    assert merged.written(merged.filter, merged.view) == query


def test_another_filter_of_a_merged_list_keeps_its_buckets_and_leaves_the_place() -> None:
    merged = parse_merged(
        QueryDict(f"bucket=a-1250000000,b-1250000000&pin={PIN},{PIN}&at=0.0&depth=2&job=a-1250000000/b0"), now=NOW
    )

    assert merged.query(states="Failed") == "bucket=a-1250000000,b-1250000000&states=Failed"
    assert merged.query(tz="UTC") == f"{merged.canonical.replace('&depth', '&tz=UTC&depth')}"
    assert merged.drawer_query("b1", bucket="b-1250000000").endswith("&depth=2&job=b-1250000000/b1")
    assert merged.drawer_query("") == merged.canonical.removesuffix("&job=a-1250000000/b0")
