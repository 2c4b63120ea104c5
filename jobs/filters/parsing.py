"""Reads whole queries: nothing in them is dropped silently. What is wrong is told, with links that go on from there."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from .asked import (
    CardRequest,
    InsightRequest,
    JobRequest,
    ListRequest,
    MergedInsightRequest,
    MergedRequest,
    OverviewRequest,
    ParameterError,
)
from .queries import DRAWER, PARAMETERS, PLACE, encode
from .ranges import CALENDAR
from .reading import (
    INSIGHT,
    TEXT,
    Reading,
    read_card,
    read_insight,
    read_job,
    read_list,
    read_merged,
    read_merged_insight,
    read_overview,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from django.http import QueryDict

    from .reading import Fault

    Pairs = Sequence[tuple[str, str]]

Asked = TypeVar("Asked", bound=JobRequest)

DECORATIONS = re.compile(r"utm_.*|fbclid|gclid|spm|from|_t")
"""Parameters that mail programs, chats and portals hang on to links. They mean nothing to us and are taken off."""


def parse_list(query: QueryDict, *, now: float) -> ListRequest:
    """Return what the query of a list asks for, or what is wrong with it.

    Args:
        query: the request's query.
        now: CI's time in unix seconds.
    """
    return _parsed(ListRequest, query, lambda pairs: read_list(pairs, now))


def parse_merged(query: QueryDict, *, now: float) -> MergedRequest:
    """Return what the query of a merged list asks for; arguments as of `parse_list`."""
    return _parsed(MergedRequest, query, lambda pairs: read_merged(pairs, now))


def parse_card(query: QueryDict, *, now: float) -> CardRequest:
    """Return what the query of a portal's card asks for; arguments as of `parse_list`."""
    return _parsed(CardRequest, query, lambda pairs: read_card(pairs, now))


def parse_insight(query: QueryDict, *, now: float) -> InsightRequest:
    """Return what the query of the page about a list's loaded jobs asks for; arguments as of `parse_list`."""
    return _parsed(InsightRequest, query, lambda pairs: read_insight(pairs, now))


def parse_merged_insight(query: QueryDict, *, now: float) -> MergedInsightRequest:
    """Return what the query of the page about a merged list's loaded jobs asks for; arguments as of `parse_list`."""
    return _parsed(MergedInsightRequest, query, lambda pairs: read_merged_insight(pairs, now))


def parse_job(query: QueryDict) -> JobRequest:
    """Return what the query of a job's page asks for: zone and language."""
    return _parsed(JobRequest, query, read_job)


def parse_overview(query: QueryDict) -> OverviewRequest:
    """Return what the query of the overview asks for, or what is wrong with it."""
    return _parsed(OverviewRequest, query, read_overview)


# From a reading to an answer ---------------------------------------------------------------------------------------------


def _parsed(kind: type[Asked], query: QueryDict, read: Callable[[Pairs], Reading]) -> Asked:
    """Return the request of a kind: of all that a reading tells, what such a request holds."""
    pairs = [(name, value) for name, values in query.lists() for value in values]
    kept = _kept(pairs)
    reading = read(kept)
    errors = {name: tuple(_error(fault, kept, read) for fault in found) for name, found in reading.faults.items()}
    answered = reading.answered() if not errors else pairs
    told: dict[str, Any] = {
        "view": reading.view,
        "errors": errors,
        "canonical": encode(answered),
        # What is compared is what was meant, not how it was percent-encoded: browsers and proxies may write that anew.
        "is_canonical": pairs == answered,
        "own": reading.own,
        "filter": reading.filter,
        "notes": tuple(reading.notes),
        "given": reading.values,
        "buckets": reading.buckets,
        **{name: reading.own.get(name, "") for name in ("group", *INSIGHT)},
    }
    return kind(**{field.name: told[field.name] for field in fields(kind)})


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
