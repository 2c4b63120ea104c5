"""The filter as one line of text: what it means, what is wrong where, and that what is written is read back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.http import QueryDict
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from jobs.filters import EXAMPLES, JobFilter, ListRequest, View, list_query, parse_list
from jobs.filters.grammar import parse, write
from jobs.filters.times import end_of_day, start_of_day
from jobs.filters.vocabulary import KEYS
from jobs.filters.words import KINDS, STATES
from tests.asking import NOW, changing, filters, requests, texts

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = ["Asia/Shanghai", "Pacific/Auckland", "Pacific/Honolulu", "Europe/Berlin", "America/St_Johns", "Africa/Cairo"]


def asked(text: str, **others: str) -> ListRequest:
    """Read a list's query that holds a text."""
    query = QueryDict(mutable=True)
    query.update({"q": text, **others})
    return parse_list(query, now=NOW)


def canonical(text: str, **others: str) -> str:
    """Return the query to which a text without errors leads."""
    found = asked(text, **others)
    assert (found.errors, found.is_canonical) == ({}, False)
    return found.canonical


def wrong(text: str) -> list[tuple[str, str]]:
    """Return each wrong part of a text with what was probably meant."""
    return [(text[slip.start : slip.end], slip.meant) for slip in parse(text, SHANGHAI).slips]


# Round trips --------------------------------------------------------------------------------------------------------------


@given(requests())
def test_every_filter_is_read_back_from_its_own_text(request: tuple[JobFilter, View]) -> None:
    job_filter, view = request

    text = write(job_filter, view.zone)

    assert (parse(text, view.zone).filter, parse(text, view.zone).slips) == (job_filter, ())
    assert write(parse(text, view.zone).filter, view.zone) == text


@given(requests())
def test_every_text_leads_to_the_address_of_its_filter(request: tuple[JobFilter, View]) -> None:
    job_filter, view = request
    text = write(job_filter, view.zone)
    if text:
        assert canonical(text, tz=view.tz, live=view.live, lang=view.lang) == list_query(job_filter, view.first())


@given(filters(zone="Asia/Shanghai"), filters(zone="Asia/Shanghai"))
def test_texts_are_equal_if_and_only_if_filters_are(one: JobFilter, other: JobFilter) -> None:
    assert (write(one, SHANGHAI) == write(other, SHANGHAI)) == (one == other)


@given(st.sampled_from(ZONES), changing, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_stretches_around_changes_of_the_clocks_are_read_back(zone: str, start: datetime, length: timedelta) -> None:
    there = ZoneInfo(zone)
    day = start.astimezone(there).date()
    asked_for = [
        JobFilter(start=start, end=start + length),
        JobFilter(start=start_of_day(day, there), end=end_of_day(day, there)),
        JobFilter(start=start_of_day(day, there)),
        JobFilter(end=start),
    ]

    assert [parse(write(one, there), there).filter for one in asked_for] == asked_for


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_and_every_part_is_either_understood_or_marked(text: str) -> None:
    found = asked(text)

    assert "".join(part for part, _wrong in found.text_parts) == found.text
    assert all(error.place for error in found.errors.get("q", ()))
    assert found.is_canonical or found.errors == {}


@given(
    st.lists(
        st.sampled_from(
            ["state:", "failed", ",", '"', "“", "name:", "a", " ", "created:", "..", "2026-11-01", "\\", ":", ">="]
        )
    )
)
def test_no_mixture_of_the_grammars_own_signs_breaks_the_reading(pieces: list[str]) -> None:
    found = parse("".join(pieces), SHANGHAI)

    assert parse(write(found.filter, SHANGHAI), SHANGHAI).filter == found.filter


@given(texts)
def test_any_name_can_be_written_between_quotation_marks(name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')

    assert parse(f'"{escaped}"', SHANGHAI) == parse(write(JobFilter(name=name), SHANGHAI), SHANGHAI)


# What is understood -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("state:failed,pause type:job name:nightly created:24h", "type=Job&states=Failed,Pause&name=nightly&range=24h"),
        ("STATE:Failed STATE:PAUSED Type:JOB", "type=Job&states=Failed,Pause"),
        ("state: failed , pause,cancelled", "states=Failed,Pause,Cancel"),
        ("state:all", ""),
        ("状态：失败、暂停 类型：工作流 创建：今天", "type=Workflow&states=Failed,Pause&range=today"),
        ("状态:执行中，已提交 排序:最早", "states=Submitted,Running&orderByTime=Asc"),
        ("nightly", "name=nightly"),
        ("nightly state:failed build", "states=Failed&name=nightly%20build"),
        ('name:"nightly build" id:b1 workflow:w1', "name=nightly%20build&jobId=b1&workflowId=w1"),
        ("“夜间 转码”", "name=%E5%A4%9C%E9%97%B4%20%E8%BD%AC%E7%A0%81"),
        ("每日：转码", "name=%E6%AF%8F%E6%97%A5%EF%BC%9A%E8%BD%AC%E7%A0%81"),
        (r'name:"a \"b\" \\ c"', "name=a%20%22b%22%20%5C%20c"),
        ('name:5"disk', "name=5%22disk"),
        ('"12:30"', "name=12:30"),
        ("job:b1", "jobId=b1"),
        ('name:"state:failed"', "name=state:failed"),
        ("order:oldest size:20", "orderByTime=Asc&size=20"),
        ("order:newest size:50", ""),
        ("created:TODAY", "range=today"),
        ("created:最近24小时", "range=24h"),
        ("创建时间:30分钟", "range=30m"),
        (
            "created:2026-11-01..2026-11-05",
            "startCreationTime=2026-11-01T00:00:00%2B0800&endCreationTime=2026-11-05T23:59:59%2B0800",
        ),
        (
            "created:2026-11-01",
            "startCreationTime=2026-11-01T00:00:00%2B0800&endCreationTime=2026-11-01T23:59:59%2B0800",
        ),
        ("created:>=2026-11-01T10:00", "startCreationTime=2026-11-01T10:00:00%2B0800"),
        ("created:>2026-11-01", "startCreationTime=2026-11-02T00:00:00%2B0800"),
        ("created:<=2026-11-01", "endCreationTime=2026-11-01T23:59:59%2B0800"),
        (
            "created:>=2026-11-01T10:00Z created:<2026-11-05",
            "startCreationTime=2026-11-01T18:00:00%2B0800&endCreationTime=2026-11-04T23:59:59%2B0800",
        ),
        ('created:"2026-11-01 10:00.."', "startCreationTime=2026-11-01T10:00:00%2B0800"),
        ("created:..2026-11-01T10:00:05+0100", "endCreationTime=2026-11-01T17:00:05%2B0800"),
    ],
)  # fmt: skip
def test_text_leads_to_parameters(text: str, query: str) -> None:
    assert canonical(text) == query


def test_days_and_calendar_ranges_are_those_of_the_page_zone() -> None:
    assert canonical("created:2026-11-01", tz="Pacific/Honolulu") == (
        "startCreationTime=2026-11-01T18:00:00%2B0800&endCreationTime=2026-11-02T17:59:59%2B0800&tz=Pacific/Honolulu"
    )
    assert canonical("created:today", tz="Pacific/Auckland") == "range=today&tz=Pacific/Auckland"


def test_day_on_which_the_clocks_skip_midnight_begins_with_its_first_second() -> None:
    cairo = ZoneInfo("Africa/Cairo")

    found = parse("created:2024-04-26", cairo).filter

    assert (found.start, found.end) == (
        datetime(2024, 4, 25, 22, tzinfo=UTC),
        datetime(2024, 4, 26, 20, 59, 59, tzinfo=UTC),
    )
    assert write(found, cairo) == "created:2024-04-26"


def test_language_and_zone_stay_and_the_place_goes_nowhere() -> None:
    assert canonical("state:failed", lang="en", tz="UTC") == "states=Failed&tz=UTC&lang=en"


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_every_label_of_a_state_or_kind_is_understood_in_each_language(language: str) -> None:
    with override(language):
        states = {state: str(label) for state, label in STATES.items()}
        kinds = {kind: str(label) for kind, label in KINDS.items()}

    assert {label: parse(f"state:{label}", SHANGHAI).filter.states for label in states.values()} == {
        label: (state,) for state, label in states.items()
    }
    assert {label: parse(f"type:{label}", SHANGHAI).filter.type for label in kinds.values()} == {
        label: kind for kind, label in kinds.items()
    }


def test_text_of_a_filter_is_short_and_in_one_order() -> None:
    shown = asked('size:20 "nightly build" created:2026-11-01..2026-11-05 STATUS:失败,暂停 kind:job order:asc').filter

    assert write(shown, SHANGHAI) == (
        'state:failed,pause type:job name:"nightly build" created:2026-11-01..2026-11-05 order:oldest size:20'
    )
    assert write(shown, ZoneInfo("UTC")).count("created:2026-10-31T16:00:00+0000..2026-11-05T15:59:59+0000") == 1
    assert write(JobFilter(), SHANGHAI) == ""


# What is wrong ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("state:faild", [("faild", "failed")]),
        ("state:failed,pasue type:jb", [("pasue", "pause"), ("jb", "job")]),
        ('state:"failed,pasue"', [('"failed,pasue"', "pause")]),
        ("state:all,failed", [("all,failed", "failed")]),
        ("stat:failed", [("stat:failed", "state:failed")]),
        ("12:30 x", [("12:30", '"12:30"')]),
        ("state: type:job", [("state:", "")]),
        ("type:job name:", [("name:", "")]),
        ('name:"nightly build', [('"nightly build', '"nightly build"')]),
        ('name:"nightly"build type:job', [('"nightly"build', "")]),
        ("type:job kind:workflow", [("kind:workflow", "")]),
        ("name:a b", [("b", "")]),
        ("size:500 order:oldset", [("500", "100"), ("oldset", "oldest")]),
        ("created:1M", [("1M", "")]),
        ("created:tody", [("tody", "today")]),
        ("created:24h created:7d", [("7d", "")]),
        ("created:24h created:>=2026-11-01", [(">=2026-11-01", "")]),
        ("created:2026-11-05..2026-11-01", [("2026-11-05..2026-11-01", "")]),
        ("created:..", [("..", "")]),
        ("created:2026-13-01", [("2026-13-01", "")]),
        ("created:2026-11-01T10:00", [("2026-11-01T10:00", ">=2026-11-01T10:00")]),
        ("id:" + "x" * 200, [("x" * 200, "")]),
    ],
)
def test_wrong_part_is_marked_with_what_was_meant(text: str, parts: list[tuple[str, str]]) -> None:
    assert wrong(text) == parts


def test_time_that_the_clocks_skip_is_marked_with_the_next_one() -> None:
    found = parse("created:>=2024-03-31T02:30", ZoneInfo("Europe/Berlin"))

    assert [slip.meant for slip in found.slips] == ["2024-03-31T03:00:00+0200"]


@pytest.mark.parametrize(
    "text", ['"' + "\\" * 8000, "a:" * 4000, "state:" + "failed, " * 1000, '"a" ' * 2000, ":" * 8000]
)
def test_longest_text_is_read_in_no_time(text: str) -> None:
    started = time.process_time()

    parse(text, SHANGHAI)

    assert time.process_time() - started < 1


def test_each_slip_is_mended_by_itself_and_the_last_one_leads_to_the_list() -> None:
    first, second = asked("state:faild,cancel type:jb", tz="UTC").errors["q"]

    assert (first.suggestion, second.suggestion) == ("failed", "job")
    once = parse_list(QueryDict(first.fixed_query), now=NOW)
    assert [error.suggestion for error in once.errors["q"]] == ["job"]
    assert once.errors["q"][0].fixed_query == "type=Job&states=Failed,Cancel&tz=UTC"


def test_what_was_understood_of_a_wrong_text_is_known() -> None:
    found = asked("state:failed type:jb name:nightly")

    assert found.filter == JobFilter(states=("Failed",), name="nightly")
    assert found.text == "state:failed type:jb name:nightly"
    assert found.text_parts == [("state:failed type:", False), ("jb", True), (" name:nightly", False)]


def test_text_beside_other_parameters_of_the_filter_is_an_error() -> None:
    found = asked("state:failed", size="20", pin="1.1")

    assert sorted(found.errors) == ["pin", "size"]
    assert found.errors["size"][0].without_query == "states=Failed"


def test_several_texts_are_an_error() -> None:
    assert list(parse_list(QueryDict("q=a&q=b"), now=NOW).errors) == ["q"]


def test_empty_text_is_the_whole_list() -> None:
    found = parse_list(QueryDict("q=&tz=UTC"), now=NOW)

    assert (found.errors, found.canonical, found.is_canonical) == ({}, "tz=UTC", False)


def test_keys_are_told_where_one_is_unknown() -> None:
    (slip,) = parse("colour:red", SHANGHAI).slips

    assert slip.text.startswith(
        "There is no key “colour”. Known are state, type, name, id, workflow, created, order, size."
    )
    assert {"state", "状态", "created", "创建时间"} <= KEYS.keys()


@pytest.mark.parametrize("example", [example for example, _meaning in EXAMPLES])
def test_every_example_of_the_help_can_be_written(example: str) -> None:
    assert asked(example).errors == {}


def test_wrong_part_is_found_by_browsers_too_which_count_in_utf_16() -> None:
    found = asked('name:"😀 a" state:faild')

    assert found.errors["q"][0].place == (17, 22)
    assert found.wrong_units == (18, 23)
