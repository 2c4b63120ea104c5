"""One reading of a query: its values, what is wrong with them, and what must be said about how they were understood."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from django.utils.translation import gettext as _

from jobs.insight import COUNTED

from . import grammar, words
from .filter import DEFAULT_ORDER, DEFAULT_SIZE, JobFilter
from .queries import DRAWER, PARAMETERS, PLACE, list_pairs
from .times import local_text, write_time
from .values import (
    MOST_ROWS,
    WrongValue,
    listed,
    read_bucket_names,
    read_counts,
    read_depth,
    read_family,
    read_kind,
    read_language,
    read_live,
    read_moment,
    read_named_job,
    read_number,
    read_odd,
    read_order,
    read_overview_range,
    read_pin,
    read_pins,
    read_ran,
    read_range,
    read_size,
    read_sort,
    read_states,
    read_tab,
    read_text,
    read_token,
    read_type,
    read_zone,
    shortened,
    write_counts,
)
from .view import TABS, View

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from .pins import Mark, Pin

    T = TypeVar("T")
    Pairs = Sequence[tuple[str, str]]

MOST_PARAMETERS = 30
LONGEST_QUERY = 8192
"""Characters of all names and values together, decoded."""
OVERVIEW = ("q", "group", "range", "sort", "page", "tz", "lang")
"""The overview's parameters, in canonical order: words that are searched for, a label, and how its rows are made."""
OVERVIEW_DEFAULTS = {"range": "24h", "sort": "name", "page": "1"}
TEXT = "q"
"""A whole filter in the words of `grammar`. It is answered by a redirect to its parameters, so it stays in no address."""
MERGED = ("bucket", "group", "at")
"""Parameters of a merged list, besides a list's filter and pin: whose jobs, and how many rows of each are shown already."""
MOST_MERGED = 50
"""Buckets of a merged list, as many as a page of the overview has. Each costs a call, and an address that goes on names each
with its pin; servers bound addresses."""
CARD = ("bucket", "group")
"""Parameters of a portal's card, besides a list's filter: whose jobs are counted."""
CARD_RANGE = "24h"
"""The range of a card whose address names no time."""
INSIGHT = ("odd", "family", "kind", "ran")
"""Parameters of the page about a list's loaded jobs, besides the list's: which of them are shown."""
WHOLE = "query"
"""The name under which errors of the whole query are told."""


@dataclass(frozen=True, slots=True)
class ParameterNote:
    """How a parameter was understood that could have been meant otherwise, in the reader's language."""

    parameter: str
    text: str

    @property
    def label(self) -> str:
        """What people call the parameter."""
        return str(words.PARAMETERS.get(self.parameter, self.parameter))


@dataclass(frozen=True, slots=True)
class Fault:
    """An error before its links are made: what to change to mend it ("" removes), and what to remove to go on without.

    `place` says which part of the text is wrong, first and last place, where the error is in one.
    """

    text: str
    removed: tuple[str, ...]
    suggestion: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)
    place: tuple[int, int] | None = None


class Reading:
    """The values of a query, and what was found out about them so far."""

    def __init__(self, pairs: Pairs, known: tuple[str, ...]) -> None:
        self.values: dict[str, str] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.notes: list[ParameterNote] = []
        self.filter = JobFilter()
        self.view = View()
        self.buckets: tuple[str, ...] = ()  # of a merged list
        self.own: dict[str, str] = {}  # parameters that belong to neither, without defaults
        length = sum(len(name) + len(value) for name, value in pairs)
        if len(pairs) > MOST_PARAMETERS or length > LONGEST_QUERY:
            text = _("This address is too long: at most %(most)s parameters and %(length)s characters can be read.")
            everything = tuple(name for name, _value in pairs)
            self._add(WHOLE, Fault(text % {"most": MOST_PARAMETERS, "length": LONGEST_QUERY}, everything))
            return
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            given.setdefault(name, []).append(value)
        for name, values in given.items():
            self.values[name] = ",".join(values) if name == "states" else values[0]
            if name not in known:
                self._add(name, _unknown(name, self.values[name], known, given))
            elif name != "states" and len(set(values)) > 1:
                text = _("This is given several times, with different values: %(values)s. Give it once.")
                shown = listed(f"“{shortened(value)}”" for value in dict.fromkeys(values))
                self.fault(name, text % {"values": shown})

    def read(self, name: str, reader: Callable[[str], T], default: T) -> T:
        """Return the value of a parameter, or `default` where it isn't given or can't be taken."""
        if name not in self.values or name in self.faults:
            return default
        try:
            return reader(self.values[name])
        except WrongValue as wrong:
            self.fault(name, wrong.text, wrong.meant)
            return default

    def read_moment(self, name: str, zone: ZoneInfo, *, is_end: bool) -> datetime | None:
        """Return the time in a parameter, and note in which zone it was read if it didn't say so."""
        moment = self.read(name, lambda value: read_moment(value, zone, is_end=is_end), None)
        if moment is None:
            return None
        if moment.zone:
            text = _("This time has no offset, so it is read in %(zone)s: %(time)s.")
            if moment.twice and is_end:
                text = _("In %(zone)s this time comes twice, as the clocks go back; the later is taken: %(time)s.")
            elif moment.twice:
                text = _("In %(zone)s this time comes twice, as the clocks go back; the earlier is taken: %(time)s.")
            written = write_time(moment.time, zone)
            self.notes.append(ParameterNote(name, text % {"zone": moment.zone, "time": written}))
        return moment.time

    def fault(self, name: str, text: str, meant: str = "") -> None:
        """Note what is wrong with a parameter. Who goes on without a part of the place goes on without all of it."""
        removed = PLACE if name in {"pin", "nextToken", "after", "at"} else (name,)
        self._add(name, Fault(text, removed, meant, {name: meant} if meant else {}))

    def read_text(self) -> None:
        """Read the filter as a text in the view's zone. What is wrong in it is told with its place."""
        text = self.values[TEXT]
        parsed = grammar.parse(text, self.view.zone)
        self.filter = parsed.filter
        for slip in parsed.slips:
            changes = {TEXT: f"{text[: slip.start]}{slip.meant}{text[slip.end :]}"} if slip.meant else {}
            self._add(TEXT, Fault(slip.text, (TEXT,), slip.meant, changes, (slip.start, slip.end)))

    def _add(self, name: str, fault: Fault) -> None:
        self.faults.setdefault(name, []).append(fault)

    def canonical(self) -> list[tuple[str, str]]:
        """Return the parameters as a canonical query has them."""
        return [*self.own.items(), *list_pairs(self.filter, self.view)]

    def answered(self) -> list[tuple[str, str]]:
        """Return the parameters as the address has them under which this is answered.

        They are the canonical ones, but for times without an offset: those stay as they were typed, so that the page can
        say how it reads them for as long as its address leaves that open.
        """
        typed = {note.parameter: self.values[note.parameter] for note in self.notes}
        return [(name, typed.get(name, value)) for name, value in self.canonical()]


def read_insight(pairs: Pairs, now: float) -> Reading:
    """Read what a page about a list's loaded jobs is asked: the list's own query, and which of its jobs are wanted."""
    return _read_narrowed(read_list(pairs, now, INSIGHT))


def read_merged_insight(pairs: Pairs, now: float) -> Reading:
    """Read what a page about a merged list's loaded jobs is asked."""
    return _read_narrowed(read_merged(pairs, now, INSIGHT))


def _read_narrowed(reading: Reading) -> Reading:
    """Read which of the loaded jobs are wanted."""
    read: dict[str, Callable[[str], str]] = {"odd": read_odd, "family": read_family, "kind": read_kind, "ran": read_ran}
    values = {name: reading.read(name, reader, "") for name, reader in read.items()}
    reading.own = {**{name: value for name, value in values.items() if value}, **reading.own}
    return reading


def read_merged(pairs: Pairs, now: float, own: tuple[str, ...] = ()) -> Reading:
    """Read a merged list's query: whose jobs are wanted, a list's filter, and where each bucket goes on.

    `own` are the parameters that it may hold besides.
    """
    plain = [(name, value) for name, value in pairs if name != "pin"]
    reading = read_list(plain, now, (*MERGED, "pin", *own), read_named_job)
    for name in ("nextToken", "after"):
        if name in reading.values and name not in reading.faults:
            reading.fault(name, _("A list of several buckets has no such parameter."))
    no_names: tuple[str, ...] = ()
    no_pins: tuple[Pin | None, ...] = ()
    no_counts: tuple[tuple[int, ...], Mark | None] = (), None
    names = reading.read("bucket", read_bucket_names, no_names)
    group = reading.read("group", read_text, "")
    if names and group:
        reading.fault("group", _("Name buckets or their label, not both."))
    written = next((value for name, value in pairs if name == "pin"), "")
    if written:
        reading.values["pin"] = written
    pins = reading.read("pin", lambda value: read_pins(value, now), no_pins)
    at, mark = reading.read("at", read_counts, no_counts)
    if len(names) > MOST_MERGED:
        text = _("At most %(most)s buckets can stand in one list; these are %(count)s.")
        reading.fault("bucket", text % {"most": MOST_MERGED, "count": len(names)})
    # In another order each bucket would go on at another's place.
    is_ordered = names == tuple(part.strip() for part in reading.values.get("bucket", "").split(","))
    if (pins or at) and not (is_ordered and len(names) == len(pins) == len(at)) and not reading.faults:
        reading.fault(
            "pin",
            _(
                "pin and at go on with a list that was opened earlier: they need one part for each bucket, in the order of"
                " their names."
            ),
        )
    told = {"bucket": ",".join(names), "group": group, "pin": written if pins else "", "at": write_counts(at, mark)}
    reading.own = {name: value for name, value in told.items() if value}
    reading.buckets = names
    if not reading.faults:
        reading.view = reading.view.beginning(zip(pins, at, strict=True), depth=reading.view.depth, mark=mark)
    return reading


def read_card(pairs: Pairs, now: float) -> Reading:
    """Read a card's query: whose jobs are counted, and a list's filter. What a card does by itself stays out of it."""
    reading = read_list(pairs, now, CARD)
    for name in (*PLACE, *DRAWER, "live", "size", "orderByTime"):
        if name in reading.values and name not in reading.faults:
            reading.fault(name, _("A card has no such parameter."))
    no_names: tuple[str, ...] = ()
    names = reading.read("bucket", read_bucket_names, no_names)
    group = reading.read("group", read_text, "")
    if names and group:
        reading.fault("group", _("Name buckets or their label, not both."))
    if len(names) > MOST_MERGED:
        text = _("At most %(most)s buckets can stand in one list; these are %(count)s.")
        reading.fault("bucket", text % {"most": MOST_MERGED, "count": len(names)})
    asked = reading.filter
    if uncounted := [state for state in asked.states if state not in COUNTED]:
        text = _("A card counts jobs that failed or are not over (%(allowed)s), so not %(states)s.")
        told = text % {"allowed": listed(COUNTED), "states": listed(uncounted)}
        counted = ",".join(state for state in asked.states if state in COUNTED)
        reading.fault(*((TEXT, told) if TEXT in reading.values else ("states", told, counted)))
    elif TEXT in reading.values and (asked.size, asked.order) != (DEFAULT_SIZE, DEFAULT_ORDER):
        reading.fault(TEXT, _("A card has no rows, so it takes neither their number nor their order."))
    # What a card does anyway stands in no address.
    every, usual = set(asked.states) == set(COUNTED), asked.range == CARD_RANGE
    reading.filter = replace(
        asked,
        states=() if every else asked.states,
        range="" if usual else asked.range,
        zone="" if usual else asked.zone,
    )
    reading.own = {name: value for name, value in {"bucket": ",".join(names), "group": group}.items() if value}
    reading.buckets = names
    return reading


def read_list(
    pairs: Pairs, now: float, own: tuple[str, ...] = (), read_drawn: Callable[[str], str] = read_text
) -> Reading:
    """Read a list's query; `own` are the parameters that it may hold besides, `read_drawn` reads which job is in the drawer."""
    reading = Reading(pairs, (*PARAMETERS, TEXT, *own))
    if TEXT in reading.values:
        return _read_written(reading, own)
    read = reading.read
    view = _read_view(reading)
    start = reading.read_moment("startCreationTime", view.zone, is_end=False)
    end = reading.read_moment("endCreationTime", view.zone, is_end=True)
    reading.filter = JobFilter(
        type=read("type", read_type, ""),
        states=read("states", read_states, ()),
        name=read("name", read_text, ""),
        job_id=read("jobId", read_text, ""),
        workflow_id=read("workflowId", read_text, ""),
        start=start,
        end=end,
        order=read("orderByTime", read_order, DEFAULT_ORDER),
        size=read("size", read_size, DEFAULT_SIZE),
    )
    chosen = read("range", read_range, "")
    if chosen and reading.values.keys() & {"startCreationTime", "endCreationTime"}:
        reading.fault("range", _("A range can't stand beside a start or an end. Give the one or the other."))
    elif chosen:
        reading.filter = replace(reading.filter, range=chosen, zone=view.zone.key)
    if start and end and start > end:
        times = {"start": local_text(start, view.zone), "end": local_text(end, view.zone), "zone": view.zone.key}
        text = _("The start, %(start)s, is later than the end, %(end)s (%(zone)s), so nothing can lie between.")
        reading.fault("startCreationTime", text % times)
    reading.view = replace(
        view,
        live=read("live", read_live, ""),
        depth=_read_depth(reading),
        pin=read("pin", lambda value: read_pin(value, now), None),
        next_token=read("nextToken", read_token, ""),
        after=reading.read_moment("after", view.zone, is_end=reading.filter.order == DEFAULT_ORDER),
        job=read("job", read_drawn, ""),
        tab=read("tab", read_tab, TABS[0]),
    )
    if "tab" in reading.values and "job" not in reading.values:
        reading.fault("tab", _("This is a part of a job, so it works only together with job, which says of which."))
    for name in ("nextToken", "after"):
        if name in reading.values and "pin" not in reading.values:
            text = _(
                "This goes on with a list that was opened earlier, so it works only together with that list's pin."
            )
            reading.fault(name, f"{text} {_('Start from the first page instead.')}")
    return reading


def _read_written(reading: Reading, own: tuple[str, ...]) -> Reading:
    """Read a list's query that holds its filter as a text."""
    reading.view = replace(_read_view(reading), live=reading.read("live", read_live, ""))
    for name in [name for name in reading.values if name not in {TEXT, "tz", "live", "lang", *own}]:
        if name not in reading.faults:
            reading.fault(name, _("The text in “q” is the whole filter, so no other parameter can stand beside it."))
    if TEXT not in reading.faults:
        reading.read_text()
    return reading


def _read_depth(reading: Reading) -> int:
    depth = reading.read("depth", read_depth, 1)
    if depth * reading.filter.size > MOST_ROWS:
        most = MOST_ROWS // reading.filter.size
        text = _("At most %(rows)s rows are shown together: that is %(pages)s pages of %(size)s rows.")
        reading.fault("depth", text % {"rows": MOST_ROWS, "pages": most, "size": reading.filter.size}, str(most))
        return 1
    return depth


def read_job(pairs: Pairs) -> Reading:
    reading = Reading(pairs, ("tz", "lang"))
    reading.view = _read_view(reading)
    return reading


def read_overview(pairs: Pairs) -> Reading:
    reading = Reading(pairs, OVERVIEW)
    reading.view = _read_view(reading)
    read: dict[str, Callable[[str], str]] = {
        "q": read_text, "group": read_text, "range": read_overview_range, "sort": read_sort, "page": read_number,
    }  # fmt: skip
    values = {name: reading.read(name, reader, "") for name, reader in read.items()}
    reading.own = {name: value for name, value in values.items() if value and value != OVERVIEW_DEFAULTS.get(name)}
    return reading


def _read_view(reading: Reading) -> View:
    return View(tz=reading.read("tz", read_zone, ""), lang=reading.read("lang", read_language, ""))


def _unknown(name: str, value: str, known: tuple[str, ...], given: Collection[str]) -> Fault:
    """Return the error of a parameter that doesn't exist. One that is given already is not what was meant."""
    text = _("There is no parameter “%(name)s”. Known are %(known)s.") % {
        "name": shortened(name),
        "known": listed(known),
    }
    meant = _similar_parameter(name, known)
    if not meant or meant in given:
        return Fault(text, (name,))
    return Fault(text, (name,), meant, {name: "", meant: value})


@lru_cache(maxsize=256)  # each error is looked at again for the links of every other
def _similar_parameter(name: str, known: tuple[str, ...]) -> str:
    wanted = name.lower().replace("_", "").replace("-", "")[:100]
    by_lower = {parameter.lower(): parameter for parameter in known}
    beginning = [parameter for parameter in by_lower if len(wanted) > 2 and parameter.startswith(wanted)]
    near = beginning or get_close_matches(wanted, by_lower, n=1, cutoff=0.7)
    return by_lower[near[0]] if near else ""
