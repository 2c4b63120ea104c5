"""What is wrong with an address: every slip is told, with what was probably meant and a way on."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from jobs.filters import JobFilter, View, parse_list
from tests.asking import NOW
from tests.queries import PIN, asked, error


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


# States, kinds and numbers --------------------------------------------------------------------------------------------


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
