"""A job's own times and those of the objects it takes, drawn to scale beside each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.cloudinfinite.schema import Job
from jobs.details.contradictions import contradictions, odd_times
from jobs.details.scale import MOST_TICKS, Axis
from jobs.details.time_interval import time_interval
from jobs.details.timeline import timeline
from tests.detailing import AS_OF, FAILED, FIRST, LAST, NIGHTLY, SHANGHAI, at, job


def interval_of(**fields: Any) -> Any:
    return time_interval(job(**fields), AS_OF, SHANGHAI)


def test_time_interval_reads_both_ends() -> None:
    found = time_interval(NIGHTLY, AS_OF, SHANGHAI)

    assert (found.start.time, found.end.time, found.relation) == (
        at("2023-11-13T00:00:00+0800"),
        at("2023-11-14T00:00:00+0800"),
        "",
    )
    assert found.length == timedelta(days=1)


def test_time_interval_without_ends_reaches_to_the_creation() -> None:
    created = "2023-11-14T10:00:00+0800"

    found = interval_of(CreationTime=created, Operation={"TimeInterval": {"Start": "0"}})

    assert (found.start.time, found.upto, found.length) == (None, at(created), None)
    assert found.selection is not None
    assert (found.selection.x, found.selection.opens_left, found.selection.opens_right) == ("0.00%", True, False)


def test_time_interval_gives_an_open_start_room() -> None:
    found = interval_of(State="Submitted", CreationTime="2023-11-14T10:00:00+0800")

    assert found.selection is not None
    assert float(found.selection.width.rstrip("%")) > 15


def test_time_interval_draws_moments_that_fall_together_as_one() -> None:
    found = interval_of(
        State="Success",
        CreationTime="2023-11-14T10:00:00+0800",
        StartTime="2023-11-14T10:00:05+0800",
        EndTime="2023-11-14T10:01:00+0800",
        Operation={"TimeInterval": {"Start": "2023-10-01T00:00:00+0800"}},
    )

    assert [point.kind for point in found.job_points] == ["created"]


@pytest.mark.parametrize(
    ("start", "end", "relation"),
    [
        ("2023-11-02T00:00:00+0800", "2023-11-01T00:00:00+0800", "reversed"),
        ("2023-11-01T00:00:00+0800", "2023-10-31T16:00:00Z", "moment"),
        ("2023-11-01T00:00:00+0800", "2023-12-01T00:00:00+0800", "later"),
        ("2023-10-01T00:00:00+0800", "2023-11-01T00:00:00+0800", ""),
    ],
)
def test_time_interval_says_how_its_ends_lie(start: str, end: str, relation: str) -> None:
    found = interval_of(
        CreationTime="2023-11-14T10:00:00+0800", Operation={"TimeInterval": {"Start": start, "End": end}}
    )

    assert found.relation == relation


def test_time_interval_draws_no_bar_between_reversed_ends() -> None:
    found = interval_of(
        Operation={"TimeInterval": {"Start": "2023-11-02T00:00:00+0800", "End": "2023-11-01T00:00:00+0800"}}
    )

    assert found.selection is None
    assert [edge.kind for edge in found.edges] == ["from", "until"]


def test_time_interval_keeps_what_is_no_time() -> None:
    found = interval_of(Operation={"TimeInterval": {"Start": "yesterday", "Zone": "UTC"}})

    assert (found.start.unreadable, found.start.time) == ("yesterday", None)
    assert [branch.name for branch in found.others] == ["Zone"]


def test_timeline_of_a_finished_job_is_drawn_to_scale() -> None:
    found = timeline(
        job(
            State="Success",
            CreationTime="2023-11-14T00:00:00+0800",
            StartTime="2023-11-14T01:00:00+0800",
            EndTime="2023-11-14T04:00:00+0800",
        ),
        AS_OF,
        SHANGHAI,
    )

    waiting, running = (float(bar.width.rstrip("%")) for bar in found.bars)
    assert running == pytest.approx(3 * waiting, rel=0.001)
    assert [(tick.above, tick.below) for tick in found.ticks] == [
        ("00:00", "2023-11-14"), ("01:00", ""), ("02:00", ""), ("03:00", ""), ("04:00", ""),
    ]  # fmt: skip


def test_timeline_of_a_running_job_goes_on_until_now() -> None:
    found = timeline(FIRST["course-archive-2023Q4"], AS_OF, SHANGHAI)

    assert found.running is not None
    assert (found.running.length, found.running.is_open) == (timedelta(seconds=5), True)
    assert [point.kind for point in found.points] == ["created", "started", "now"]


def test_timeline_of_a_waiting_job_goes_on_until_now() -> None:
    found = timeline(FIRST["thumbs-backfill"], AS_OF, SHANGHAI)

    assert found.waiting is not None
    assert found.waiting.is_open
    assert found.running is None


def test_timeline_does_not_count_the_end_of_a_running_job() -> None:
    found = timeline(
        job(State="Running", StartTime="2023-11-14T10:00:00+0800", EndTime="2023-11-14T10:01:00+0800"), AS_OF, SHANGHAI
    )

    assert found.running is not None
    assert found.running.last == AS_OF


def test_timeline_draws_nothing_between_reversed_times() -> None:
    found = timeline(
        job(State="Success", StartTime="2023-11-14T10:00:00+0800", EndTime="2023-11-14T09:00:00+0800"), AS_OF, SHANGHAI
    )

    assert (found.bars, len(found.points)) == ((), 2)


def test_timeline_without_times_draws_nothing() -> None:
    found = timeline(job(State="Success"), AS_OF, SHANGHAI)

    assert (found.stretches, found.bars, found.points, found.ticks) == ((), (), (), ())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"State": "Running", "StartTime": "2023-11-14T09:00:00+0800", "EndTime": "2023-11-14T09:10:00+0800"}, "end is not counted"),
        ({"State": "Running", "StartTime": "-"}, "no start time"),
        ({"State": "Success", "StartTime": "2023-11-14T09:10:00+0800", "EndTime": "2023-11-14T09:00:00+0800"}, "ended before it started"),
        ({"State": "Pause", "CreationTime": "2023-11-14T09:10:00+0800", "StartTime": "2023-11-14T09:00:00+0800"}, "started before it was created"),
        ({"State": "Cancel", "EndTime": "-"}, "no end time"),
        ({"State": "Failed", "Code": "Success", "EndTime": "2023-11-14T09:10:00+0800"}, "no error code"),
        ({"State": "Submitted", "CreationTime": "2023-11-14T11:00:00+0800"}, "later than"),
        ({"State": "Archived"}, "“Archived” is a state"),
        ({"State": "Pause", "Type": "Dance"}, "“Dance” is a kind"),
        ({"State": "Pause", "EndTime": "soon"}, "EndTime reads “soon”"),
        ({}, "No state"),
    ],
)  # fmt: skip
def test_contradictions_are_said_in_words(fields: dict[str, str], said: str) -> None:
    found = contradictions(job(**fields), AS_OF)

    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("sample", [*FIRST.values(), *FAILED.values(), *LAST.values()], ids=lambda sample: sample.name)
def test_ordinary_jobs_have_no_contradictions(sample: Job) -> None:
    assert contradictions(sample, AS_OF) == ()


@pytest.mark.parametrize(
    ("first", "last", "labels"),
    [
        ("2023-11-14T10:00:00+0800", "2023-11-14T10:00:00+0800", ["09:59:30", "09:59:45", "10:00:00", "10:00:15", "10:00:30"]),
        ("2023-11-14T10:00:00+0800", "2023-11-14T10:04:00+0800", ["10:00", "10:01", "10:02", "10:03", "10:04"]),
        ("2023-11-12T00:00:00+0800", "2023-11-16T00:00:00+0800", ["11-12", "11-13", "11-14", "11-15", "11-16"]),
        ("2023-01-01T00:00:00+0800", "2023-05-01T00:00:00+0800", ["2023-01", "2023-02", "2023-03", "2023-04", "2023-05"]),
        ("2018-01-01T00:00:00+0800", "2023-01-01T00:00:00+0800", ["2018", "2019", "2020", "2021", "2022", "2023"]),
    ],
)  # fmt: skip
def test_ticks_stand_at_round_local_times(first: str, last: str, labels: list[str]) -> None:
    axis = Axis.over([at(first), at(last)], SHANGHAI)

    assert axis is not None
    assert [tick.above for tick in axis.ticks] == labels


moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 # bounds of hypothesis are naive


zones = st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"])


@given(st.lists(moments, min_size=1, max_size=4), zones)
def test_an_axis_holds_every_moment_and_has_few_ticks(times: list[datetime], zone: str) -> None:
    axis = Axis.over(times, ZoneInfo(zone))

    assert axis is not None
    assert all(0 <= axis.share(time) <= 100 for time in times)
    assert len(axis.ticks) <= MOST_TICKS + 1
    shares = [float(tick.x.rstrip("%")) for tick in axis.ticks]
    assert shares == sorted(shares)


@given(moments, st.integers(1, 400 * 86400), zones)
def test_an_axis_of_a_year_or_less_has_ticks(first: datetime, span: int, zone: str) -> None:
    last = min(first + timedelta(seconds=span), datetime(9998, 12, 31, tzinfo=UTC))

    axis = Axis.over([first, last], ZoneInfo(zone))

    assert axis is not None
    assert len(axis.ticks) >= 1


@pytest.mark.parametrize(
    ("fields", "odd"),
    [
        ({"State": "Success", "StartTime": "2023-11-14T09:00:05+0800", "EndTime": "2023-11-14T09:30:00+0800"}, set()),
        (
            {"State": "Running", "StartTime": "2023-11-14T09:00:05+0800", "EndTime": "2023-11-14T09:30:00+0800"},
            {"ended"},
        ),
        ({"State": "Submitted", "StartTime": "2023-11-14T09:00:05+0800"}, {"started"}),
        ({"State": "Success", "StartTime": "2023-11-14T08:00:05+0800"}, {"started"}),
        ({"State": "Success", "EndTime": "2023-11-14T08:00:05+0800"}, {"ended"}),
        ({"State": "Submitted", "CreationTime": "2023-11-14T12:00:00+0800"}, {"created"}),
        ({"State": "Melted", "EndTime": "2023-11-14T09:30:00+0800"}, set()),
    ],
)
def test_times_that_can_not_be_true_beside_the_others_are_marked_in_the_drawing(
    fields: dict[str, str], odd: set[str]
) -> None:
    sample = job(**{"CreationTime": "2023-11-14T09:00:00+0800", **fields})

    drawn = timeline(sample, AS_OF, SHANGHAI)

    assert odd_times(sample, AS_OF) == odd
    assert {point.kind for point in drawn.points if point.odd} == odd
    assert bool(odd) <= bool(contradictions(sample, AS_OF))
