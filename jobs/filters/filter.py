"""The filter: what upstream is asked. Two equal filters are one question, with one digest and one address."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jobs.cloudinfinite.schema import FINAL, STATES, TYPES, parse_time

from . import ranges, words
from .queries import DRAWER, PARAMETERS, PLACE, Chip, list_query
from .times import default_zone, local_text, write_time
from .view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_ORDER, DEFAULT_SIZE = "Desc", 50
ORDERS = ("Desc", "Asc")
LARGEST_SIZE = 100
"""Rows of a page, at most (CN 460/76894)."""


@dataclass(frozen=True)
class JobFilter:
    """What upstream is asked, but for the page. Empty values are not asked for; several states mean any of them.

    `start` and `end` are creation times, inclusive, kept in UTC. `range` stands instead of them and is resolved when the
    list is opened; `zone` is whose calendar it means, "" unless it is a calendar range.

    Raises:
        ValueError: the values can't be asked, or not together.
    """

    type: str = ""
    states: tuple[str, ...] = ()
    name: str = ""
    job_id: str = ""
    workflow_id: str = ""
    start: datetime | None = None
    end: datetime | None = None
    range: str = ""
    zone: str = ""
    order: str = DEFAULT_ORDER
    size: int = DEFAULT_SIZE

    def __post_init__(self) -> None:
        """Refuse what can't be asked, and give equal questions one form."""
        asked = (self.type in ("", *TYPES), set(self.states) <= set(STATES), self.order in ORDERS)
        if not all(asked) or not 1 <= self.size <= LARGEST_SIZE:
            raise ValueError(f"a filter that can't be asked: {self!r}")
        if self.range and (self.start or self.end or ranges.normal(self.range) != self.range):
            raise ValueError(f"a range that can't be asked: {self!r}")
        is_calendar = self.range in ranges.CALENDAR
        normal: dict[str, object] = {
            "states": tuple(state for state in STATES if state in self.states),
            "start": _whole_second(self.start),
            "end": _whole_second(self.end),
            "zone": (self.zone or default_zone().key) if is_calendar else "",
        }
        for name, value in normal.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> JobFilter:
        """Return the filter that `params` was called on.

        Raises:
            ValueError: these are not a filter's parameters.
        """
        unknown = set(params) - set(_FIELDS)
        times = [params.get(name, "") for name in ("startCreationTime", "endCreationTime")]
        start, end = (parse_time(time) for time in times)
        if unknown or [bool(start), bool(end)] != [bool(time) for time in times]:
            raise ValueError(f"not a filter's parameters: {dict(params)!r}")
        return cls(
            type=params.get("type", ""),
            states=tuple(filter(None, params.get("states", "").split(","))),
            name=params.get("name", ""),
            job_id=params.get("jobId", ""),
            workflow_id=params.get("workflowId", ""),
            start=start,
            end=end,
            order=params.get("orderByTime") or DEFAULT_ORDER,
            size=int(params.get("size") or DEFAULT_SIZE),
            range=params.get("range", ""),
            zone=params.get("tz", ""),
        )

    def params(self) -> dict[str, str]:
        """Return the question under the API's names, in canonical order and without defaults; `tz` with calendar ranges."""
        given = {
            "type": self.type,
            "states": ",".join(self.states),
            "name": self.name,
            "jobId": self.job_id,
            "workflowId": self.workflow_id,
            "startCreationTime": write_time(self.start) if self.start else "",
            "endCreationTime": write_time(self.end) if self.end else "",
            "orderByTime": self.order if self.order != DEFAULT_ORDER else "",
            "size": str(self.size) if self.size != DEFAULT_SIZE else "",
            "range": self.range,
            "tz": self.zone,
        }
        return {name: value for name, value in given.items() if value}

    @property
    def can_lose_jobs(self) -> bool:
        """Whether a job may leave the list in front of somebody who pages.

        It may stop matching where an open state is asked for, but not every state. The oldest are forgotten some day, and
        an oldest-first list begins with them.
        """
        return self.order == "Asc" or (len(self.states) < len(STATES) and not FINAL.issuperset(self.states))

    @cached_property
    def digest(self) -> str:
        """A short name for the question, the same in every process and for ever. A relative range is part of it unresolved."""
        whole = [
            self.type, self.states, self.name, self.job_id, self.workflow_id, self.start and self.start.timestamp(),
            self.end and self.end.timestamp(), self.range, self.zone, self.order, self.size,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:20]

    def window(self, pin: datetime) -> tuple[datetime | None, datetime]:
        """Return the creation times to ask for, first and last, of a list that is opened at `pin`.

        The last is never later than the pin; the first may be, and then nothing can lie between.
        """
        if self.range:
            start, end = ranges.window(self.range, ZoneInfo(self.zone) if self.zone else default_zone(), pin)
            return start, end
        return self.start, min(pin, self.end) if self.end else pin

    def frozen(self, pin: datetime) -> JobFilter:
        """Return the filter that always shows what this one shows at `pin`: with explicit times."""
        start, end = self.window(pin)
        return replace(self, start=start, end=end, range="", zone="")

    def changed(self, **changes: str) -> JobFilter:
        """Return the filter with parameters changed, under the API's names; "" takes one away.

        A range takes the place of explicit times, and they that of a range. `tz` matters to calendar ranges alone.

        Raises:
            ValueError: that can't be asked.
        """
        kept = self.params()
        if changes.get("range"):
            kept.pop("startCreationTime", None)
            kept.pop("endCreationTime", None)
        elif changes.get("startCreationTime") or changes.get("endCreationTime"):
            kept.pop("range", None)
        return JobFilter.from_params(kept | changes)

    def without(self, name: str, value: str | None = None) -> JobFilter:
        """Return the filter without a parameter, under the API's name, or without one of its states."""
        if name == "states" and value is not None:
            return replace(self, states=tuple(state for state in self.states if state != value))
        return self.changed(**{name: ""})

    def summary(self, zone: ZoneInfo | None = None) -> str:
        """Return in one sentence what is asked, times told in `zone` or TIME_ZONE."""
        return words.sentence(self, zone or default_zone())

    def chips(self, view: View | None = None) -> tuple[Chip, ...]:
        """Return the conditions that narrow the list, each with the query without it; zone and language stay as in `view`."""
        view = (view or View()).first()
        return tuple(
            Chip(
                name,
                str(words.PARAMETERS[name]),
                shown,
                list_query(self.without(name, value), view),
                {"startCreationTime": self.start, "endCreationTime": self.end}.get(name),
            )
            for name, value, shown in self._conditions(view.zone)
        )

    def _conditions(self, zone: ZoneInfo) -> list[tuple[str, str | None, str]]:
        """Return parameter, value where it has several, and the words for it."""
        plain = {"name": self.name, "jobId": self.job_id, "workflowId": self.workflow_id}
        times = {"startCreationTime": self.start, "endCreationTime": self.end}
        found: list[tuple[str, str | None, str]] = []
        if self.type:
            found.append(("type", None, str(words.KINDS[self.type])))
        found += [("states", state, str(words.STATES[state])) for state in self.states]
        found += [(name, None, value) for name, value in plain.items() if value]
        found += [
            (name, None, words.moment_label(local_text(time, zone), zone.key)) for name, time in times.items() if time
        ]
        if self.range:
            label = words.range_label(self.range)
            found.append(("range", None, words.moment_label(label, self.zone) if self.zone else label))
        return found


_FIELDS = tuple(name for name in PARAMETERS if name not in (*PLACE, *DRAWER, "lang"))


def _whole_second(time: datetime | None) -> datetime | None:
    # In UTC, because Python never finds two times equal when one lies in a repeated hour of its zone.
    return time.astimezone(UTC).replace(microsecond=0) if time else None
