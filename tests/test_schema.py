"""Times, and what a Job knows of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.cloudinfinite.schema import Job, format_time, parse_time
from jobs.cloudinfinite.tree import Tree

MOMENT = datetime(2023, 11, 14, 2, 11, 32, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["2023-11-14T10:11:32+0800", "2023-11-14T10:11:32+08:00", "2023-11-14T02:11:32Z", " 2023-11-14T02:11:32Z\n"],
)
def test_parse_time_reads_every_form_of_offset(written: str) -> None:
    assert parse_time(written) == MOMENT


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "-",
        "0",
        "2023-11-14",
        "2023-11-14T10:11:32",
        "2023-13-14T10:11:32+0800",
        "T",
        "0001-01-01T00:00:00+0800",
        "9999-12-31T23:59:59-0800",
    ],
)
def test_parse_time_is_none_for_what_is_no_time(written: str | None) -> None:
    assert parse_time(written) is None


@given(st.text(alphabet="0123456789-+:TZW. ", max_size=30))
def test_parse_time_never_raises_and_shows_in_every_zone(written: str) -> None:
    time = parse_time(written)

    assert time is None or (time.astimezone(ZoneInfo("Asia/Shanghai")) == time and time.astimezone(UTC) == time)


def test_format_time_writes_the_offset_without_a_colon() -> None:
    eight = timezone(timedelta(hours=8))

    assert format_time(datetime(2022, 6, 27, 15, 23, 10, 999999, tzinfo=eight)) == "2022-06-27T15:23:10+0800"


def test_format_time_refuses_a_naive_time() -> None:
    with pytest.raises(ValueError, match="without an offset"):
        format_time(datetime(2022, 6, 27))  # noqa: DTZ001 - naive on purpose


@given(
    st.datetimes(min_value=datetime(3, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001 - hypothesis adds zones
    st.sampled_from(["Asia/Shanghai", "UTC", "America/St_Johns", "Europe/Amsterdam", "Asia/Kathmandu"]),
)
def test_format_time_then_parse_time_is_the_same_second(naive: datetime, zone: str) -> None:
    time = naive.replace(microsecond=0, tzinfo=ZoneInfo(zone))

    assert parse_time(format_time(time)) == time.astimezone(UTC)


def job(**changes: str) -> Job:
    tree: Tree = {
        "State": "Success",
        "CreationTime": "2023-11-14T10:00:00+0800",
        "StartTime": "2023-11-14T10:01:00+0800",
        "EndTime": "2023-11-14T10:11:00+0800",
    }
    return Job({**tree, **changes})


def test_job_waited_and_ran() -> None:
    assert (job().waited, job().ran) == (timedelta(minutes=1), timedelta(minutes=10))


def test_job_ran_is_none_while_running_though_an_end_is_printed() -> None:
    assert (job(State="Running").is_final, job(State="Running").ran) == (False, None)


def test_job_ran_is_none_when_negative() -> None:
    assert job(EndTime="2023-11-14T09:00:00+0800").ran is None


def test_job_that_never_started_has_no_spans() -> None:
    unstarted = job(State="Cancel", StartTime="-")

    assert (unstarted.start_time, unstarted.waited, unstarted.ran) == (None, None, None)


def test_job_of_an_empty_tree_has_empty_fields() -> None:
    empty = Job({})

    assert (empty.job_id, empty.state, empty.tag, empty.workflow_ids, empty.creation_time) == ("", "", None, (), None)


def test_job_prefers_the_operations_tag_to_its_own() -> None:
    both = Job({"Tag": "Outer", "Operation": {"Tag": "Inner", "QueueId": "p1"}})

    assert (both.tag, both.queue_id) == ("Inner", "p1")
