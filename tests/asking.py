"""Everything that can be asked: hypothesis strategies for filters and views, around the hours at which clocks change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import assume
from hypothesis import strategies as st

from jobs.filters import TABS, JobFilter, Pin, View
from jobs.filters.ranges import CALENDAR, LONGEST, UNITS
from jobs.filters.values import LONGEST_LIVE

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

NOW = datetime(2024, 7, 10, 12, 0, tzinfo=UTC).timestamp()
ZONES = ["", "Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu", "UTC", "Asia/Kathmandu", "America/St_Johns"]

any_moments = st.datetimes(datetime(1970, 1, 2), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
# Around the hours that Berlin, Auckland and St. John's skip or repeat in 2024.
changes = [
    datetime(2024, 3, 10, 4, tzinfo=UTC),
    datetime(2024, 3, 31, 1, tzinfo=UTC),
    datetime(2024, 4, 6, 14, tzinfo=UTC),
    datetime(2024, 9, 28, 14, tzinfo=UTC),
    datetime(2024, 10, 27, 1, tzinfo=UTC),
    datetime(2024, 11, 3, 4, tzinfo=UTC),
]
changing = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes), st.sampled_from(changes), st.integers(-90, 90)
)
moments = st.one_of(any_moments.map(lambda time: time.replace(microsecond=0)), changing)
texts = st.one_of(
    st.sampled_from(["nightly", "每日 转码", "a&b=c", "100%", "b+c d", "?#/;,:'\"<>", "b" + "0" * 32]),
    st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffd"), min_size=1, max_size=128),
).filter(lambda text: text == text.strip())
names = st.one_of(st.just(""), texts)
intervals = st.one_of(st.sampled_from(["", "off"]), st.integers(1, LONGEST_LIVE).map("{}s".format))
relative_ranges = st.tuples(st.integers(1, 5000), st.sampled_from("mhdw")).filter(
    lambda given: given[0] * UNITS[given[1]] <= LONGEST
)


@st.composite
def filters(draw: DrawFn, zone: str = "") -> JobFilter:
    """Any filter; a calendar range is that of `zone`."""
    times: dict[str, Any] = {}
    kind = draw(st.sampled_from(["", "times", "relative", "calendar"]))
    if kind == "times":
        start, end = draw(st.none() | moments), draw(st.none() | moments)
        assume(not (start and end and start > end))
        times = {"start": start, "end": end}
    elif kind == "relative":
        times = {"range": "{}{}".format(*draw(relative_ranges))}
    elif kind == "calendar":
        times = {"range": draw(st.sampled_from(CALENDAR)), "zone": zone}
    return JobFilter(
        type=draw(st.sampled_from(["", "Job", "Workflow"])),
        states=tuple(draw(st.sets(st.sampled_from(["Submitted", "Running", "Success", "Failed", "Pause", "Cancel"])))),
        name=draw(names),
        job_id=draw(names),
        workflow_id=draw(names),
        order=draw(st.sampled_from(["Desc", "Asc"])),
        size=draw(st.integers(1, 100)),
        **times,
    )


@st.composite
def requests(draw: DrawFn) -> tuple[JobFilter, View]:
    """Any filter, and any view that belongs to it."""
    zone = draw(st.sampled_from(ZONES))
    job_filter = draw(filters(zone=zone))
    view = View(tz=zone, lang=draw(st.sampled_from(["", "en", "zh-hans"])), live=draw(intervals))
    if draw(st.booleans()):
        view = replace(
            view,
            pin=Pin(draw(st.integers(0, int(NOW))), draw(st.integers(0, int(NOW * 1000)))),
            depth=draw(st.integers(1, 1000 // job_filter.size)),
            next_token=draw(names),
            after=draw(st.none() | moments),
        )
    if draw(st.booleans()):
        view = view.showing(draw(names.filter(bool)), draw(st.sampled_from(TABS)))
    return job_filter, view
