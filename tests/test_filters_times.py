"""Times and ranges in addresses: offsets, zones and clocks that change, and the window that is asked for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from jobs.filters import JobFilter, list_query
from jobs.filters.times import start_of_day, write_time, zone_names
from tests.asking import filters, moments
from tests.queries import PIN_TIME, asked, at, error

BERLIN = ZoneInfo("Europe/Berlin")


@given(filters(zone="Pacific/Honolulu"), moments.filter(lambda time: time.year > 1981))
def test_window_never_ends_later_than_the_pin(job_filter: JobFilter, pin: datetime) -> None:
    _start, end = job_filter.window(pin)

    assert end <= pin


@given(filters(zone="Pacific/Auckland"), moments.filter(lambda time: time.year > 1981))
def test_frozen_filter_shows_the_same_window_at_any_later_time(job_filter: JobFilter, pin: datetime) -> None:
    frozen = job_filter.frozen(pin)

    assert frozen.window(pin + timedelta(days=400)) == job_filter.window(pin)
    assert frozen.range == ""


# Times ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "zone", "start", "end"),
    [
        ("2022-06-27", "Asia/Shanghai", "2022-06-27T00:00:00+08:00", "2022-06-27T23:59:59+08:00"),
        # The clocks skip midnight, have it twice, and go back in the day's last hour.
        ("2024-04-26", "Africa/Cairo", "2024-04-26T01:00:00+03:00", "2024-04-26T23:59:59+03:00"),
        ("2024-11-03", "America/Havana", "2024-11-03T00:00:00-04:00", "2024-11-03T23:59:59-05:00"),
        ("2024-10-31", "Africa/Cairo", "2024-10-31T00:00:00+03:00", "2024-10-31T23:59:59+02:00"),
    ],
)
def test_day_alone_means_its_first_or_its_last_second(day: str, zone: str, start: str, end: str) -> None:
    found = asked(f"startCreationTime={day}&endCreationTime={day}&tz={zone}")

    assert found.errors == {}
    assert (found.filter.start, found.filter.end) == (at(start), at(end))


@pytest.mark.parametrize(
    "written",
    [
        "2022-06-27T15:23:10%2B0800",
        "2022-06-27T15:23:10%2B08:00",
        "2022-06-27T15:23:10+0800",
        "2022-06-27T15:23:10+08:00",
        "2022-06-27T07:23:10Z",
        "2022-06-27T07:23:10.000Z",
        "2022-06-27T00:23:10-0700",
    ],
)
def test_equal_instants_have_equal_addresses(written: str) -> None:
    found = asked(f"startCreationTime={written}")

    assert found.errors == {}
    assert found.canonical == "startCreationTime=2022-06-27T15:23:10%2B0800"


@pytest.mark.parametrize("written", ["2022-06-27 15:23:10", "2022-06-27T15:23:10", "2022-06-27T15:23", "2022-06-27"])
def test_time_without_offset_stays_as_it_was_typed_and_every_link_holds_the_exact_one(written: str) -> None:
    found = asked(f"size=50&startCreationTime={written}&name=")
    exact = list_query(found.filter, found.view)

    assert found.canonical == f"startCreationTime={written.replace(' ', '%20')}"
    assert asked(found.canonical).is_canonical
    assert asked(exact).filter == found.filter
    assert (found.exact_query, found.first_query, found.query(lang="en")) == (exact, exact, f"{exact}&lang=en")
    assert asked(exact).notes == ()


@pytest.mark.parametrize(
    ("query", "expected", "zone"),
    [
        ("startCreationTime=2024-07-01T12:00", "2024-07-01T12:00:00+0800", "Asia/Shanghai"),
        ("startCreationTime=2024-07-01T12:00&tz=Europe/Berlin", "2024-07-01T18:00:00+0800", "Europe/Berlin"),
        ("startCreationTime=2024-01-01T12:00&tz=Europe/Berlin", "2024-01-01T19:00:00+0800", "Europe/Berlin"),
        ("startCreationTime=2024-07-01T12:00&tz=Pacific/Auckland", "2024-07-01T08:00:00+0800", "Pacific/Auckland"),
        ("startCreationTime=2024-01-01T12:00&tz=Pacific/Auckland", "2024-01-01T07:00:00+0800", "Pacific/Auckland"),
        ("startCreationTime=2024-01-01T12:00&tz=Pacific/Honolulu", "2024-01-02T06:00:00+0800", "Pacific/Honolulu"),
    ],
)
def test_time_without_offset_is_read_in_the_page_zone_and_said_so(query: str, expected: str, zone: str) -> None:
    found = asked(query)

    assert found.errors == {}
    assert found.filter.params()["startCreationTime"] == expected
    written = write_time(at(expected), ZoneInfo(zone))
    assert [(note.parameter, note.text) for note in found.notes] == [
        ("startCreationTime", f"This time has no offset, so it is read in {zone}: {written}.")
    ]


def test_time_with_offset_needs_no_note() -> None:
    assert asked("startCreationTime=2024-07-01T12:00%2B0800&tz=Europe/Berlin").notes == ()


@pytest.mark.parametrize(
    ("zone", "skipped", "suggestion"),
    [
        ("Europe/Berlin", "2024-03-31T02:30", "2024-03-31T03:00:00+0200"),
        ("Pacific/Auckland", "2024-09-29T02:00", "2024-09-29T03:00:00+1300"),
        ("Australia/Lord_Howe", "2024-10-06T02:15", "2024-10-06T02:30:00+1100"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-31T00:00:00+1400"),
    ],
)
def test_time_that_the_clocks_skip_is_an_error(zone: str, skipped: str, suggestion: str) -> None:
    found = error(f"startCreationTime={skipped}&tz={zone}", "startCreationTime")

    assert found.suggestion == suggestion
    assert found.text.startswith(f"“{skipped}” does not exist in {zone}: the clocks go forward and skip it.")


def test_time_that_comes_twice_is_read_so_that_nothing_is_left_out() -> None:
    found = asked("startCreationTime=2024-10-27T02:30&endCreationTime=2024-10-27T02:30&tz=Europe/Berlin")

    assert found.errors == {}
    assert (found.filter.start, found.filter.end) == (at("2024-10-27T00:30:00+00:00"), at("2024-10-27T01:30:00+00:00"))
    assert [note.text for note in found.notes] == [
        "In Europe/Berlin this time comes twice, as the clocks go back; the earlier is taken: 2024-10-27T02:30:00+0200.",
        "In Europe/Berlin this time comes twice, as the clocks go back; the later is taken: 2024-10-27T02:30:00+0100.",
    ]


@given(zone=st.sampled_from(["Europe/Berlin", "Pacific/Auckland", "America/St_Johns"]), moment=moments)
def test_addresses_are_exact_where_the_default_zone_has_summer_time(zone: str, moment: datetime) -> None:
    with override_settings(TIME_ZONE=zone):
        query = list_query(JobFilter(start=moment))
        found = asked(query)

    assert (found.filter.start, found.is_canonical) == (moment, True)


@override_settings(TIME_ZONE="Europe/Berlin")
def test_repeated_hour_of_the_default_zone_stays_apart() -> None:
    first, second = (JobFilter(start=datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=fold)) for fold in (0, 1))

    assert list_query(first) == "startCreationTime=2024-10-27T02:30:00%2B0200"
    assert list_query(second) == "startCreationTime=2024-10-27T02:30:00%2B0100"
    assert asked(list_query(first)).filter == first


def test_start_after_end_is_an_error() -> None:
    found = error("startCreationTime=2024-02-01T00:00Z&endCreationTime=2024-01-01T00:00Z", "startCreationTime")

    assert found.text == (
        "The start, 2024-02-01 08:00:00, is later than the end, 2024-01-01 08:00:00 (Asia/Shanghai), so nothing can lie "
        "between."
    )
    assert found.without_query == "endCreationTime=2024-01-01T08:00:00%2B0800"


def test_start_at_the_end_is_one_second() -> None:
    assert asked("startCreationTime=2024-02-01T00:00Z&endCreationTime=2024-02-01T00:00Z").errors == {}


@pytest.mark.parametrize("times", ["startCreationTime=2024-01-01T00:00Z", "endCreationTime=soon"])
def test_range_beside_a_start_or_end_is_an_error(times: str) -> None:
    found = asked(f"range=24h&{times}")

    assert found.errors["range"][0].text == "A range can't stand beside a start or an end. Give the one or the other."
    assert found.filter.range == ""


# Ranges ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ago"),
    [
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
    ],
)
def test_relative_range_ends_at_the_pin(written: str, ago: timedelta) -> None:
    assert JobFilter(range=written).window(PIN_TIME) == (PIN_TIME - ago, PIN_TIME)


@pytest.mark.parametrize(
    ("name", "zone", "pin", "start", "end"),
    [
        # 2024-07-10 is a Wednesday; it is still the 9th in Honolulu and already the 11th in Auckland.
        ("today", "Asia/Shanghai", "2024-07-10T12:00:00Z", "2024-07-10T00:00:00+08:00", None),
        ("today", "Pacific/Auckland", "2024-07-10T12:00:00Z", "2024-07-11T00:00:00+12:00", None),
        ("today", "Pacific/Honolulu", "2024-07-10T09:59:59Z", "2024-07-09T00:00:00-10:00", None),
        ("yesterday", "Europe/Berlin", "2024-07-10T12:00:00Z", "2024-07-09T00:00:00+02:00", "2024-07-09T23:59:59+02:00"),
        ("this-week", "Europe/Berlin", "2024-07-10T12:00:00Z", "2024-07-08T00:00:00+02:00", None),
        ("this-month", "Europe/Berlin", "2024-07-10T12:00:00Z", "2024-07-01T00:00:00+02:00", None),
        # Days and weeks with a change of the clocks in them.
        ("today", "Europe/Berlin", "2024-03-31T12:00:00Z", "2024-03-31T00:00:00+01:00", None),
        ("yesterday", "Pacific/Auckland", "2024-04-07T20:00:00Z", "2024-04-07T00:00:00+13:00", "2024-04-07T23:59:59+12:00"),
        ("this-week", "Europe/Berlin", "2024-03-31T12:00:00Z", "2024-03-25T00:00:00+01:00", None),
        ("this-month", "Europe/Berlin", "2024-03-31T12:00:00Z", "2024-03-01T00:00:00+01:00", None),
        # Where the clocks skip midnight the day begins after the gap; where they repeat it, at the first of both.
        ("today", "Africa/Cairo", "2024-04-26T12:00:00Z", "2024-04-26T01:00:00+03:00", None),
        ("today", "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T01:00:00-02:00", None),
        ("today", "America/Havana", "2024-11-03T18:00:00Z", "2024-11-03T00:00:00-04:00", None),
        # A day that Samoa never had.
        ("yesterday", "Pacific/Apia", "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00", "2011-12-30T23:59:59+14:00"),
    ],
)  # fmt: skip
def test_calendar_range_follows_the_clocks_of_its_zone(
    name: str, zone: str, pin: str, start: str, end: str | None
) -> None:
    found = JobFilter(range=name, zone=zone).window(at(pin))

    assert found == (at(start), at(end or pin))


@given(
    st.dates(date(1971, 1, 1), date(2040, 12, 31)),
    st.sampled_from(["Asia/Shanghai", "Pacific/Auckland", "Pacific/Honolulu", "Europe/Berlin", "Africa/Cairo", "Pacific/Apia",
                     "America/Havana", "America/Toronto", "Atlantic/Azores", "Asia/Beirut", "America/Nuuk"]),
)  # fmt: skip
def test_start_of_a_day_is_its_first_second(day: date, name: str) -> None:
    zone = ZoneInfo(name)

    start = start_of_day(day, zone)

    assert start.astimezone(zone).date() >= day
    assert (start - timedelta(seconds=1)).astimezone(zone).date() < day


def test_explicit_end_after_the_pin_is_the_pin() -> None:
    assert JobFilter(end=PIN_TIME + timedelta(days=1)).window(PIN_TIME) == (None, PIN_TIME)
    assert JobFilter(end=PIN_TIME - timedelta(days=1)).window(PIN_TIME) == (None, PIN_TIME - timedelta(days=1))


def test_start_after_the_pin_is_kept() -> None:
    later = PIN_TIME + timedelta(days=1)

    assert JobFilter(start=later).window(PIN_TIME) == (later, PIN_TIME)


def test_zones_that_depend_on_the_machine_are_not_known() -> None:
    assert {"localtime", "Factory"} & zone_names() == set()
    assert {"UTC", "Asia/Shanghai", "Europe/Berlin"} <= zone_names()
