"""Addresses: what they ask for, what is wrong with them, and that each question has exactly one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from jobs.filters import (
    FormState,
    JobFilter,
    ListRequest,
    ParameterError,
    Pin,
    View,
    form_fields,
    job_query,
    list_query,
    parse_buckets,
    parse_job,
    parse_list,
)
from jobs.filters.times import start_of_day, write_time, zone_names
from jobs.records import Continuation
from tests.asking import NOW, filters, moments, requests

PIN = Pin(end=int(NOW) - 2, opened=int(NOW) * 1000)
PIN_TIME = PIN.time
SHANGHAI, BERLIN, AUCKLAND, HONOLULU = (
    ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu")
)


def asked(query: str) -> ListRequest:
    """Read a list's query."""
    return parse_list(QueryDict(query), now=NOW)


def canonical(query: str) -> str:
    """Return what a query without errors is redirected to."""
    found = asked(query)
    assert found.errors == {}
    assert not found.is_canonical
    return found.canonical


def error(query: str, name: str) -> ParameterError:
    """Return the only error of a query, which is with parameter `name`."""
    found = asked(query)
    assert list(found.errors) == [name]
    assert len(found.errors[name]) == 1
    return found.errors[name][0]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@given(requests())
def test_every_request_is_read_back_from_its_own_query(request: tuple[JobFilter, View]) -> None:
    job_filter, view = request

    found = asked(list_query(job_filter, view))

    assert (found.errors, found.filter, found.view) == ({}, job_filter, view)


@given(requests())
def test_canonical_query_is_a_fixed_point(request: tuple[JobFilter, View]) -> None:
    query = list_query(*request)

    found = asked(query)

    assert (found.canonical, found.is_canonical) == (query, True)


@given(filters(zone="Europe/Berlin"))
def test_every_filter_survives_a_task_message(job_filter: JobFilter) -> None:
    assert JobFilter.from_params(job_filter.params()) == job_filter


@given(filters(zone="Europe/Berlin"), filters(zone="Pacific/Auckland"))
def test_filters_have_one_digest_if_and_only_if_they_are_equal(one: JobFilter, other: JobFilter) -> None:
    assert (one.digest == other.digest) == (one == other)
    assert JobFilter.from_params(one.params()).digest == one.digest


@given(requests(), requests())
def test_requests_have_one_address_if_and_only_if_they_are_equal(
    one: tuple[JobFilter, View], other: tuple[JobFilter, View]
) -> None:
    assert (list_query(*one) == list_query(*other)) == (one == other)


@given(requests(), st.randoms(use_true_random=False))
def test_any_other_order_is_redirected_to_the_one_canonical_query(request: tuple[JobFilter, View], random: Any) -> None:
    query = list_query(*request)
    parameters = [*query.split("&"), "utm_source=mail", "name=", "spm=a.b"]
    random.shuffle(parameters)

    assert canonical("&".join(parameters)) == query


@given(filters(zone="Pacific/Honolulu"), moments.filter(lambda time: time.year > 1981))
def test_window_never_ends_later_than_the_pin(job_filter: JobFilter, pin: datetime) -> None:
    _start, end = job_filter.window(pin)

    assert end <= pin


@given(filters(zone="Pacific/Auckland"), moments.filter(lambda time: time.year > 1981))
def test_frozen_filter_shows_the_same_window_at_any_later_time(job_filter: JobFilter, pin: datetime) -> None:
    frozen = job_filter.frozen(pin)

    assert frozen.window(pin + timedelta(days=400)) == job_filter.window(pin)
    assert frozen.range == ""


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading_of_a_query(text: str) -> None:
    found = asked(text)

    assert found.is_canonical or found.errors == {}


@given(
    st.sampled_from(
        ["type", "states", "name", "startCreationTime", "size", "range", "tz", "depth", "pin", "lang", "after"]
    ),
    st.text(max_size=40),
)
def test_no_value_is_dropped_silently(name: str, value: str) -> None:
    query = QueryDict(mutable=True)
    query[name] = value
    read = QueryDict(query.urlencode())
    meaning = read[name].strip()

    found = parse_list(read, now=NOW)

    defaults = {"All", "Desc", "50", "1", "Asia/Shanghai"}
    assert found.errors or name in found.canonical or meaning in {"", *defaults} or not meaning.strip(",")


# The canonical query ------------------------------------------------------------------------------------------------------


def test_plain_list_has_the_empty_query() -> None:
    found = asked("")

    assert (found.filter, found.view, found.canonical, found.is_canonical) == (JobFilter(), View(), "", True)


def test_every_parameter_stands_in_its_place() -> None:
    query = (
        "type=Job&states=Running,Failed&name=nightly&jobId=b1&workflowId=w1&startCreationTime=2024-01-01T00:00:00%2B0800"
        "&endCreationTime=2024-02-01T00:00:00%2B0800&orderByTime=Asc&size=20&nextToken=a%2B%2F%3D&tz=Europe/Berlin&depth=3"
        f"&pin={PIN}&after=2024-01-15T00:00:00%2B0800&live=60s&lang=zh-hans"
    )

    found = asked(query)

    assert found.filter == JobFilter(
        type="Job",
        states=("Running", "Failed"),
        name="nightly",
        job_id="b1",
        workflow_id="w1",
        start=at("2024-01-01T00:00:00+08:00"),
        end=at("2024-02-01T00:00:00+08:00"),
        order="Asc",
        size=20,
    )
    after = at("2024-01-15T00:00:00+08:00")
    assert found.view == View("Europe/Berlin", "zh-hans", 3, PIN, "a+/=", after, live="60s")
    assert (found.canonical, found.is_canonical) == (query, True)


def test_parameters_of_a_task_have_the_names_of_the_api_and_no_defaults() -> None:
    assert JobFilter().params() == {}
    assert asked("states=Pause,Failed&jobId=b1&orderByTime=Asc&range=today&tz=UTC").filter.params() == {
        "states": "Failed,Pause",
        "jobId": "b1",
        "orderByTime": "Asc",
        "range": "today",
        "tz": "UTC",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("type=&states=&name=&jobId=&size=", ""),
        ("name=+++", ""),
        ("states=Failed&states=Pause", "states=Failed,Pause"),
        ("states=Pause,Failed", "states=Failed,Pause"),
        ("states=Failed,Failed,", "states=Failed"),
        ("states=Failed, Pause", "states=Failed,Pause"),
        ("states=All", ""),
        ("size=50&orderByTime=Desc&depth=1&tz=Asia/Shanghai", ""),
        ("size=020", "size=20"),
        ("range=024h", "range=24h"),
        ("jobId=+b1+", "jobId=b1"),
        ("name=a&name=a&name=", "name=a"),
        ("utm_source=x&utm_x=&fbclid=1&gclid=1&spm=1&from=chat&_t=9", ""),
        ("size=20&type=Job", "type=Job&size=20"),
        ("range=today&tz=Asia/Shanghai", "range=today"),
    ],
)
def test_uncanonical_query_is_redirected(given: str, expected: str) -> None:
    assert canonical(given) == expected


@pytest.mark.parametrize(
    "query", ["states=Failed%2CPause", "name=a%20b", "name=a+b", "tz=Europe%2FBerlin", "name=%7Ea"]
)
def test_other_percent_encoding_is_not_redirected(query: str) -> None:
    assert asked(query).is_canonical


def test_token_is_percent_encoded_whole() -> None:
    assert list_query(JobFilter(), View(pin=PIN, next_token="a+/=,:&")).startswith("nextToken=a%2B%2F%3D%2C%3A%26&pin=")


def test_token_keeps_its_spaces() -> None:
    assert asked(f"nextToken=+a+&pin={PIN}").view.next_token == " a "


def test_digest_stays_what_it_is() -> None:
    # Digests name what is cached: one that changes from release to release, or process to process, would orphan it.
    assert JobFilter().digest == "d90c8da2b3bde5a79af8"
    assert asked("states=Failed&range=24h").filter.digest == "ec3e26927df31cbfc1cc"


def test_shown_zone_is_no_part_of_the_question() -> None:
    one, other = asked("range=24h"), asked("range=24h&tz=Europe/Berlin")

    assert (one.filter, one.filter.digest) == (other.filter, other.filter.digest)
    assert one.view != other.view


def test_calendar_range_carries_its_zone() -> None:
    one, other = asked("range=today"), asked("range=today&tz=Europe/Berlin")

    assert (one.filter.zone, other.filter.zone) == ("Asia/Shanghai", "Europe/Berlin")
    assert one.filter.digest != other.filter.digest


# Filters are what can be asked ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"type": "job"},
        {"states": ("Foo",)},
        {"order": "desc"},
        {"size": 0},
        {"size": 101},
        {"range": "1y"},
        {"range": "024h"},
        {"range": "24h", "start": PIN_TIME},
    ],
)
def test_filter_that_cannot_be_asked_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="can't be asked"):
        JobFilter(**values)


@pytest.mark.parametrize("params", [{"state": "Failed"}, {"startCreationTime": "yesterday"}, {"nextToken": "1"}])
def test_message_that_is_no_filter_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not a filter's parameters"):
        JobFilter.from_params(params)


def test_equal_questions_are_equal_filters() -> None:
    shanghai = JobFilter(states=("Pause", "Failed", "Pause"), start=at("2024-01-01T08:00:00.5+08:00"), zone="UTC")
    utc = JobFilter(states=("Failed", "Pause"), start=at("2024-01-01T00:00:00+00:00"))

    assert shanghai == utc


def test_filter_without_a_parameter() -> None:
    whole = asked("states=Failed,Pause&name=x&range=today&tz=UTC").filter

    assert whole.without("states", "Pause") == replace(whole, states=("Failed",))
    assert whole.without("states") == replace(whole, states=())
    assert whole.without("name") == replace(whole, name="")
    assert whole.without("range") == JobFilter(states=("Failed", "Pause"), name="x")


def test_range_and_explicit_times_take_each_others_place() -> None:
    assert JobFilter(range="24h").changed(startCreationTime="2024-01-01T00:00:00+0800") == JobFilter(
        start=at("2024-01-01T00:00:00+08:00")
    )
    assert JobFilter(start=PIN_TIME, end=PIN_TIME).changed(range="24h") == JobFilter(range="24h")


# States, kinds and numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "name", "suggestion", "fixed"),
    [
        ("states=Faild", "states", "Failed", "states=Failed"),
        ("states=failed", "states", "Failed", "states=Failed"),
        ("states=all", "states", "All", ""),
        ("states=Runing,Pause,Foo", "states", "Running,Pause", "states=Running,Pause"),
        ("states=All,Failed", "states", "Failed", "states=Failed"),
        ("states=Failed&states=All", "states", "Failed", "states=Failed"),
        ("type=job", "type", "Job", "type=Job"),
        ("type=Workflows", "type", "Workflow", "type=Workflow"),
        ("orderByTime=asc", "orderByTime", "Asc", "orderByTime=Asc"),
        ("size=101", "size", "100", "size=100"),
        ("size=0", "size", "1", "size=1"),
        ("size=-5", "size", "1", "size=1"),
        ("depth=0", "depth", "1", ""),
        ("depth=21", "depth", "20", "depth=20"),
        ("size=100&depth=11", "depth", "10", "size=100&depth=10"),
        ("range=24H", "range", "24h", "range=24h"),
        ("range=7+d", "range", "7d", "range=7d"),
        ("range=This+week", "range", "this-week", "range=this-week"),
        ("range=todai", "range", "today", "range=today"),
        ("tz=berlin", "tz", "Europe/Berlin", "tz=Europe/Berlin"),
        ("tz=europe/berlin", "tz", "Europe/Berlin", "tz=Europe/Berlin"),
        ("tz=New+York", "tz", "America/New_York", "tz=America/New_York"),
        ("tz=Asia/Shangai", "tz", "Asia/Shanghai", ""),
        ("live=1m", "live", "60s", "live=60s"),
        ("live=9999", "live", "3600s", "live=3600s"),
        ("live=Off", "live", "off", "live=off"),
        ("lang=zh-CN", "lang", "zh-hans", "lang=zh-hans"),
        ("lang=EN", "lang", "en", "lang=en"),
        ("state=Failed", "state", "states", "states=Failed"),
        ("job_id=b1", "job_id", "jobId", "jobId=b1"),
        ("order=Asc", "order", "orderByTime", "orderByTime=Asc"),
        ("startCreationTime=2024-01-01", "startCreationTime", "2024-01-01T00:00:00", "startCreationTime=2024-01-01T00:00:00%2B0800"),
        ("endCreationTime=2024-01-01", "endCreationTime", "2024-01-01T23:59:59", "endCreationTime=2024-01-01T23:59:59%2B0800"),
        (
            "startCreationTime=2024-01-01T00:00:00.250Z",
            "startCreationTime",
            "2024-01-01T00:00:00Z",
            "startCreationTime=2024-01-01T08:00:00%2B0800",
        ),
    ],
)  # fmt: skip
def test_slip_is_told_with_what_was_probably_meant(query: str, name: str, suggestion: str, fixed: str) -> None:
    found = error(query, name)

    assert (found.suggestion, found.fixed_query) == (suggestion, fixed)
    assert asked(fixed).is_canonical
    assert str(found) == f"{found.text} Did you mean “{suggestion}”?"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("states=Foo", "states"),
        ("type=All", "type"),
        ("orderByTime=Name", "orderByTime"),
        ("size=many", "size"),
        ("size=5.0", "size"),
        ("size=%D9%A5", "size"),
        ("size=%2B5", "size"),
        ("depth=two", "depth"),
        ("range=1M", "range"),
        ("range=0h", "range"),
        ("range=521w", "range"),
        ("range=-24h", "range"),
        ("range=last-week", "range"),
        ("tz=%2B08:00", "tz"),
        ("tz=../../etc/passwd", "tz"),
        ("tz=localtime", "tz"),
        ("lang=fr", "lang"),
        ("page=2", "page"),
        ("colour=red", "colour"),
        ("name=a&name=b", "name"),
        ("type=Job&type=Workflow", "type"),
        ("name=%00", "name"),
        ("name=a%0Ab", "name"),
        ("name=%FF", "name"),
        ("name=" + "a" * 129, "name"),
        ("jobId=" + "a" * 129, "jobId"),
        ("startCreationTime=soon", "startCreationTime"),
        ("startCreationTime=2024-02-30T00:00:00", "startCreationTime"),
        ("startCreationTime=2024-01-01T24:30", "startCreationTime"),
        ("startCreationTime=2024-01-01T00:00:00%2B0860", "startCreationTime"),
        ("startCreationTime=2024-01-01T00:00:00%2B2400", "startCreationTime"),
        ("startCreationTime=0001-01-01T00:00:00", "startCreationTime"),
        ("startCreationTime=9999-12-31T23:59:59", "startCreationTime"),
        ("endCreationTime=1719000000", "endCreationTime"),
        ("pin=1", "pin"),
        ("pin=01.1", "pin"),
        ("pin=1.1.1", "pin"),
    ],
)
def test_wrong_parameter_is_told_and_the_rest_goes_on_without_it(query: str, name: str) -> None:
    found = error(query, name)

    assert found.text
    assert (found.suggestion, found.fixed_query, found.without_query) == ("", "", "")
    assert str(found) == found.text


def test_error_says_what_is_wrong_and_what_is_allowed() -> None:
    assert error("states=Faild,Foo", "states").text == (
        "“Faild”, “Foo”: no such state. Known are Submitted, Running, Success, Failed, Pause, Cancel, All; "
        "several are joined by commas."
    )
    assert error("size=1000", "size").text == "A page has 1 to 100 rows, so the size can't be “1000”."


def test_percent_signs_in_a_wrong_value_are_told_as_they_are() -> None:
    assert error("tz=%2525s%25(zone)s", "tz").text.startswith("“%25s%(zone)s” is no time zone.")
    assert error("startCreationTime=%25(zone)s", "startCreationTime").text.startswith("“%(zone)s” is no time.")


def test_long_wrong_value_is_told_shortened() -> None:
    assert error("type=" + "x" * 500, "type").text.startswith("“" + "x" * 59 + "…”")


def test_all_errors_are_told_at_once_and_each_link_keeps_the_others() -> None:
    found = asked("size=0&states=Faild&colour=red")

    assert list(found.errors) == ["colour", "states", "size"]
    assert found.errors["states"][0].fixed_query == "size=0&colour=red&states=Failed"
    assert found.errors["size"][0].without_query == "states=Faild&colour=red"


def test_wrong_query_is_not_redirected() -> None:
    found = asked("size=0&name=&states=Failed")

    assert found.errors
    assert (found.canonical, found.is_canonical) == ("size=0&name=&states=Failed", True)


def test_suggested_name_that_is_given_already_is_not_suggested() -> None:
    found = error("state=Failed&states=Pause", "state")

    assert (found.suggestion, found.without_query) == ("", "states=Pause")


def test_suggested_name_that_would_be_wrong_is_not_suggested() -> None:
    assert error("sizes=huge", "sizes").suggestion == ""


def test_mending_a_filter_drops_the_place_in_the_list() -> None:
    found = error(f"states=Faild&nextToken=t&pin={PIN}&depth=2&tz=UTC&lang=en", "states")

    assert (found.fixed_query, found.without_query) == ("states=Failed&tz=UTC&lang=en", "tz=UTC&lang=en")


@pytest.mark.parametrize(
    ("query", "without"),
    [
        (f"name=a&tz=Foo/Bar&pin={PIN}", f"name=a&pin={PIN}"),
        (f"range=today&tz=Foo/Bar&pin={PIN}", "range=today"),
        (f"name=a&depth=x&pin={PIN}", f"name=a&pin={PIN}"),
        (f"name=a&depth=2&nextToken=%00&pin={PIN}", "name=a"),
        ("name=a&depth=2&nextToken=t&pin=soon", "name=a"),
    ],
)
def test_going_on_without_a_part_of_the_view(query: str, without: str) -> None:
    found = asked(query)

    assert [problem.without_query for problems in found.errors.values() for problem in problems] == [without]


@pytest.mark.parametrize("query", ["&".join(f"x{number}=1" for number in range(31)), "name=" + "a" * 8200])
def test_overlong_query_is_one_error(query: str) -> None:
    found = asked(query)

    assert (found.filter, found.view) == (JobFilter(), View())
    assert [problem.without_query for problem in found.errors["query"]] == [""]


def test_unknown_parameter_named_query_hides_no_other_error() -> None:
    assert list(asked("query=x&size=0").errors) == ["query", "size"]


def test_empty_parameters_do_not_count_against_the_limit() -> None:
    assert asked("&".join(f"utm_{number}=1&name=" for number in range(100))).errors == {}


# Times --------------------------------------------------------------------------------------------------------------------


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
        "2022-06-27 15:23:10",
        "2022-06-27T15:23:10",
    ],
)
def test_equal_instants_have_equal_addresses(written: str) -> None:
    found = asked(f"startCreationTime={written}")

    assert found.errors == {}
    assert found.canonical == "startCreationTime=2022-06-27T15:23:10%2B0800"


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


# Ranges -------------------------------------------------------------------------------------------------------------------


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


# The place in a list ------------------------------------------------------------------------------------------------------


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


# Links from a page --------------------------------------------------------------------------------------------------------


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


# Words --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "All jobs, newest first"),
        ("type=Workflow&orderByTime=Asc", "All jobs of kind Workflow, oldest first"),
        ("states=Failed", "Failed jobs, newest first"),
        ("states=Failed,Pause,Cancel", "Failed, paused and cancelled jobs, newest first"),
        (
            "type=Job&states=Failed,Pause&name=nightly&range=24h",
            "Failed and paused jobs of kind Job named “nightly”, created in the last 24 hours, newest first",
        ),
        ("jobId=b1&workflowId=w1", "All jobs with the id b1 of workflow w1, newest first"),
        ("range=1h", "All jobs, created in the last 1 hour, newest first"),
        ("range=this-week&tz=Europe/Berlin", "All jobs, created this week (Europe/Berlin), newest first"),
        (
            "startCreationTime=2024-01-01T00:00:00Z&tz=UTC",
            "All jobs, created from 2024-01-01 00:00:00 on (UTC), newest first",
        ),
        ("endCreationTime=2024-01-01T00:00:00Z", "All jobs, created until 2024-01-01 08:00:00 (Asia/Shanghai), newest first"),
        (
            "startCreationTime=2024-01-01T00:00:00Z&endCreationTime=2024-01-02T00:00:00Z&tz=UTC",
            "All jobs, created from 2024-01-01 00:00:00 to 2024-01-02 00:00:00 (UTC), newest first",
        ),
        ("name=100%25(jobs)s", "All jobs named “100%(jobs)s”, newest first"),
    ],
)  # fmt: skip
def test_summary_says_in_one_sentence_what_is_asked(query: str, sentence: str) -> None:
    assert asked(query).summary == sentence


@given(requests())
def test_every_request_has_a_sentence(request: tuple[JobFilter, View]) -> None:
    assert request[0].summary(request[1].zone).endswith("est first")


def test_summary_alone_tells_times_in_the_default_zone() -> None:
    assert JobFilter(end=at("2024-01-01T00:00:00Z")).summary() == (
        "All jobs, created until 2024-01-01 08:00:00 (Asia/Shanghai), newest first"
    )


# The form -----------------------------------------------------------------------------------------------------------------


def sent(form: FormState) -> str:
    """Return the query that a browser makes of the untouched form."""
    query = QueryDict(mutable=True)
    texts = [form.name, form.job_id, form.workflow_id, form.start, form.end]
    for control in texts:
        query.appendlist(control.name, control.value)
    for control in [form.type, form.range, form.order, form.size]:
        query.appendlist(control.name, next(choice.value for choice in control.choices if choice.selected))
    for choice in form.states.choices:
        if choice.selected:
            query.appendlist("states", choice.value)
    for name, value in form.hidden:
        query.appendlist(name, value)
    return query.urlencode()


@given(requests())
def test_untouched_form_asks_for_the_very_same(request: tuple[JobFilter, View]) -> None:
    job_filter, view = request

    found = asked(sent(form_fields(asked(list_query(job_filter, view)))))

    assert (found.errors, found.canonical) == ({}, list_query(job_filter, view.first()))


def test_form_shows_times_in_the_page_zone_with_their_offset() -> None:
    form = form_fields(asked("startCreationTime=2024-10-27T08:30:00%2B0800&tz=Europe/Berlin"))

    assert form.start.value == "2024-10-27T02:30:00+0200"


def test_form_keeps_what_was_typed_wrong_beside_its_error() -> None:
    found = asked("states=Failed,Foo&size=1000&startCreationTime=soon&colour=red&lang=en")

    form = form_fields(found)

    assert [(choice.value, choice.selected) for choice in form.states.choices if choice.selected] == [
        ("Failed", True),
        ("Foo", True),
    ]
    assert (form.start.value, form.size.choices[-1].value) == ("soon", "1000")
    assert form.states.errors == found.errors["states"]
    assert (form.states.id, form.states.errors_id) == ("filter-states", "filter-states-errors")
    assert form.name.errors == ()
    assert form.hidden == (("lang", "en"),)
    assert form.other_errors == (("colour", found.errors["colour"][0]),)


def test_form_shows_how_a_time_was_read() -> None:
    found = asked("startCreationTime=2024-01-01T00:00")

    assert form_fields(found).start.notes == found.notes
    assert form_fields(found).end.notes == ()


def test_form_offers_a_value_that_is_not_among_the_usual_ones() -> None:
    form = form_fields(asked("range=90m&size=33"))

    assert [(choice.value, choice.label) for choice in form.range.choices if choice.selected] == [
        ("90m", "Last 90 minutes")
    ]
    assert [choice.value for choice in form.size.choices if choice.selected] == ["33"]


def test_plain_form_chooses_the_defaults() -> None:
    form = form_fields(asked(""))

    chosen = [
        [choice.value for choice in control.choices if choice.selected]
        for control in (form.type, form.range, form.order, form.size)
    ]
    assert chosen == [[""], [""], ["Desc"], ["50"]]
    assert (form.hidden, form.other_errors) == ((), ())


# Other pages --------------------------------------------------------------------------------------------------------------


def test_job_page_knows_zone_and_language_only() -> None:
    found = parse_job(QueryDict("lang=en&tz=UTC"))

    assert (found.view, found.errors) == (View(tz="UTC", lang="en"), {})
    assert (found.canonical, found.is_canonical) == ("tz=UTC&lang=en", False)
    assert job_query(found.view) == "tz=UTC&lang=en"


def test_job_page_refuses_what_it_does_not_know() -> None:
    found = parse_job(QueryDict("states=Failed&tz=UTC"))

    assert [str(problem) for problem in found.errors["states"]] == [
        "There is no parameter “states”. Known are tz, lang."
    ]
    assert found.errors["states"][0].without_query == "tz=UTC"


def test_bucket_search_finds_all_words_in_any_case() -> None:
    found = parse_buckets(QueryDict("q=VIDEO+shang"))

    assert (found.search, found.is_canonical) == ("VIDEO shang", True)
    assert found.matches("video-1250000000", "", "ap-shanghai")
    assert not found.matches("video-1250000000", "", "ap-beijing")
    assert parse_buckets(QueryDict("")).matches("anything")


def test_empty_bucket_search_is_redirected() -> None:
    found = parse_buckets(QueryDict("q=&lang=en"))

    assert (found.canonical, found.is_canonical) == ("lang=en", False)


def test_zones_that_depend_on_the_machine_are_not_known() -> None:
    assert {"localtime", "Factory"} & zone_names() == set()
    assert {"UTC", "Asia/Shanghai", "Europe/Berlin"} <= zone_names()
