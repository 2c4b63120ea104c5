"""Addresses and filters: each question has exactly one of both, and each is read back from what is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from jobs.filters import JobFilter, View, job_query, list_query, parse_job, parse_merged, parse_overview
from tests.asking import NOW, filters, requests
from tests.queries import PIN, PIN_TIME, asked, at


def canonical(query: str) -> str:
    """Return what a query without errors is redirected to."""
    found = asked(query)
    assert found.errors == {}
    assert not found.is_canonical
    return found.canonical


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


@given(requests(), st.data())
def test_every_request_of_several_buckets_is_read_back_from_its_own_query(
    request: tuple[JobFilter, View], data: st.DataObject
) -> None:
    """Where each bucket goes on stands beside the filter, in whatever order that is given."""
    job_filter, view = request
    names = sorted(data.draw(st.sets(st.sampled_from([f"{name}-1250000000" for name in "abcdef"]), min_size=1)))
    pairs = [("bucket", ",".join(names)), *parse_qsl(list_query(job_filter, replace(view.first(), job="")))]
    if data.draw(st.booleans()):
        opened = [f"{data.draw(st.integers(0, int(NOW)))}.{data.draw(st.integers(0, int(NOW * 1000)))}" for _ in names]
        taken = [str(data.draw(st.integers(0, 5000))) for _ in names]
        pairs += [("pin", ",".join(opened)), ("at", ".".join(taken))]

    found = parse_merged(QueryDict(urlencode(data.draw(st.permutations(pairs)))), now=NOW)
    again = parse_merged(QueryDict(found.canonical), now=NOW)

    assert found.errors == {}
    assert (found.buckets, found.filter) == (tuple(names), job_filter)
    assert [str(pin) for pin, _taken in found.view.places] == (
        opened if len(pairs) > 1 and pairs[-1][0] == "at" else []
    )
    assert (again.filter, again.view, again.buckets, again.is_canonical) == (
        found.filter,
        found.view,
        found.buckets,
        True,
    )


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


# The canonical query --------------------------------------------------------------------------------------------------


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


# Filters are what can be asked ----------------------------------------------------------------------------------------


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


# Other pages ----------------------------------------------------------------------------------------------------------


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
    found = parse_overview(QueryDict("q=VIDEO+shang"))

    assert (found.search, found.is_canonical) == ("VIDEO shang", True)
    assert found.matches("video-1250000000", "", "ap-shanghai")
    assert not found.matches("video-1250000000", "", "ap-beijing")
    assert parse_overview(QueryDict("")).matches("anything")


def test_empty_bucket_search_is_redirected() -> None:
    found = parse_overview(QueryDict("q=&lang=en"))

    assert (found.canonical, found.is_canonical) == ("lang=en", False)
