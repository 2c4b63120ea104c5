"""Reads whole queries: nothing in them is dropped silently. What is wrong is told, with links that go on from there."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .asked import (
    CardRequest,
    InsightRequest,
    JobRequest,
    ListRequest,
    MergedRequest,
    OverviewRequest,
    ParameterError,
)
from .queries import DRAWER, PARAMETERS, PLACE, encode
from .ranges import CALENDAR
from .reading import (
    TEXT,
    Reading,
    read_card,
    read_insight,
    read_job,
    read_list,
    read_merged,
    read_overview,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from django.http import QueryDict

    from .reading import Fault

    Pairs = Sequence[tuple[str, str]]

DECORATIONS = re.compile(r"utm_.*|fbclid|gclid|spm|from|_t")
"""Parameters that mail programs, chats and portals hang on to links. They mean nothing to us and are taken off."""


def parse_list(query: QueryDict, *, now: float) -> ListRequest:
    """Return what the query of a list asks for, or what is wrong with it.

    Args:
        query: the request's query.
        now: CI's time in unix seconds.
    """
    reading, outcome = _read(query, lambda pairs: read_list(pairs, now))
    return ListRequest(
        view=reading.view,
        errors=outcome.errors,
        canonical=outcome.canonical,
        is_canonical=outcome.is_canonical,
        filter=reading.filter,
        notes=tuple(reading.notes),
        given=reading.values,
    )


def parse_merged(query: QueryDict, *, now: float) -> MergedRequest:
    """Return what the query of a merged list asks for; arguments as of `parse_list`."""
    reading, outcome = _read(query, lambda pairs: read_merged(pairs, now))
    return MergedRequest(
        view=reading.view,
        errors=outcome.errors,
        canonical=outcome.canonical,
        is_canonical=outcome.is_canonical,
        filter=reading.filter,
        notes=tuple(reading.notes),
        given=reading.values,
        buckets=reading.buckets,
        group=reading.own.get("group", ""),
    )


def parse_card(query: QueryDict, *, now: float) -> CardRequest:
    """Return what the query of a portal's card asks for; arguments as of `parse_list`."""
    reading, outcome = _read(query, lambda pairs: read_card(pairs, now))
    return CardRequest(
        view=reading.view,
        errors=outcome.errors,
        canonical=outcome.canonical,
        is_canonical=outcome.is_canonical,
        filter=reading.filter,
        notes=tuple(reading.notes),
        given=reading.values,
        buckets=reading.buckets,
        group=reading.own.get("group", ""),
    )


def parse_insight(query: QueryDict, *, now: float) -> InsightRequest:
    """Return what the query of the page about a list's loaded jobs asks for; arguments as of `parse_list`."""
    reading, outcome = _read(query, lambda pairs: read_insight(pairs, now))
    return InsightRequest(
        view=reading.view,
        errors=outcome.errors,
        canonical=outcome.canonical,
        is_canonical=outcome.is_canonical,
        filter=reading.filter,
        notes=tuple(reading.notes),
        given=reading.values,
        odd=reading.own.get("odd", ""),
        family=reading.own.get("family", ""),
    )


def parse_job(query: QueryDict) -> JobRequest:
    """Return what the query of a job's page asks for: zone and language."""
    reading, outcome = _read(query, read_job)
    return JobRequest(reading.view, outcome.errors, outcome.canonical, outcome.is_canonical)


def parse_overview(query: QueryDict) -> OverviewRequest:
    """Return what the query of the overview asks for, or what is wrong with it."""
    reading, outcome = _read(query, read_overview)
    return OverviewRequest(
        view=reading.view,
        errors=outcome.errors,
        canonical=outcome.canonical,
        is_canonical=outcome.is_canonical,
        own=reading.own,
    )


# From a reading to an answer ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Outcome:
    errors: dict[str, tuple[ParameterError, ...]]
    canonical: str
    is_canonical: bool


def _read(query: QueryDict, read: Callable[[Pairs], Reading]) -> tuple[Reading, _Outcome]:
    pairs = [(name, value) for name, values in query.lists() for value in values]
    kept = _kept(pairs)
    reading = read(kept)
    if reading.faults:
        errors = {name: tuple(_error(fault, kept, read) for fault in found) for name, found in reading.faults.items()}
        return reading, _Outcome(errors, encode(pairs), is_canonical=True)
    answered = reading.answered()
    # What is compared is what was meant, not how it was percent-encoded: browsers and proxies may write that anew.
    return reading, _Outcome({}, encode(answered), is_canonical=pairs == answered)


def _kept(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what may mean something: no empty values, no decorations, no spaces around but in a token."""
    tidy = ((name, value if name == "nextToken" else value.strip()) for name, value in pairs)
    return [(name, value) for name, value in tidy if value and not DECORATIONS.fullmatch(name)]


def _error(fault: Fault, kept: Pairs, read: Callable[[Pairs], Reading]) -> ParameterError:
    without, _wrong = _going_on(kept, dict.fromkeys(fault.removed, ""), read)
    error = ParameterError(fault.text, "", "", without, fault.place)
    if not fault.suggestion:
        return error
    fixed, still_wrong = _going_on(kept, fault.changes, read)
    # A text may be wrong in several places, and each is mended by itself.
    if still_wrong > (len(read(kept).faults[TEXT]) - 1 if fault.place else 0):
        return error
    return replace(error, suggestion=fault.suggestion, fixed_query=fixed)


def _going_on(kept: Pairs, changes: Mapping[str, str], read: Callable[[Pairs], Reading]) -> tuple[str, int]:
    """Return the query with changes, and how much is wrong now with the parameters that were changed.

    Other errors stay in it, so that nobody loses what isn't mended yet. A place in the list goes with the old question.
    """
    gone = set(changes)
    question = {*PARAMETERS, "bucket", "group"} - {*PLACE, *DRAWER, "lang", "tz"}
    if any(name == "range" and value in CALENDAR for name, value in kept):
        question.add("tz")  # a calendar range is another one in another zone
    if gone & question:
        gone.update(PLACE)
    pairs = [pair for pair in kept if pair[0] not in gone]
    pairs += [(name, value) for name, value in changes.items() if value]
    reading = read(pairs)
    query = encode(pairs if reading.faults else reading.canonical())
    return query, sum(len(reading.faults.get(name, ())) for name in changes)
