"""The form of a list: for each parameter what it holds now, what may be chosen, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from jobs.cloudinfinite.schema import STATES, TYPES

from . import words
from .filter import DEFAULT_ORDER, DEFAULT_SIZE
from .reading import TEXT
from .times import write_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import _StrPromise

    from .asked import ListRequest, ParameterError

SIZES = ("10", "20", "50", "100")
RANGES = ("15m", "1h", "24h", "7d", "30d", "today", "yesterday", "this-week", "this-month")

EXAMPLES: tuple[tuple[str, _StrPromise], ...] = (
    ("state:failed,pause", _("one of several states, in English or Chinese, in any case")),
    ("type:job", _("the kind: job or workflow")),
    ("name:nightly", _("the name; a word alone means the same")),
    ('name:"nightly build"', _("quotation marks hold spaces together")),
    ("created:24h", _("moves with the clock: 15m, 7d, today, yesterday, this-week, this-month")),
    ("created:2026-11-01..2026-11-05", _("whole days in the page's time zone, the last one included")),
    ("created:>=2026-11-01T09:00", _("from a time on; also >, < and <=, and with an offset such as +0800")),
    ("id:b0123456789abcdef0123456789abcdef", _("the job with this id")),
    ("workflow:w0123456789abcdef0123456789abcdef", _("the jobs of this workflow")),
    ("order:oldest size:100", _("the oldest first, and how many rows a page has")),
)
"""What can be written into the text box, each with what it means."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that can be chosen."""

    value: str
    label: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter. `value` is what the control shows: what was typed, where that was wrong or lacks an offset."""

    name: str
    label: str
    value: str
    choices: tuple[Choice, ...] = ()
    errors: tuple[ParameterError, ...] = ()

    @property
    def id(self) -> str:
        """The control's id in the page."""
        return f"filter-{self.name}"

    @property
    def errors_id(self) -> str:
        """The id of what the control's `aria-describedby` points to where it is wrong."""
        return f"{self.id}-errors"

    @property
    def notes_id(self) -> str:
        """The id of what says how a time without an offset was read."""
        return f"{self.id}-notes"


@dataclass(frozen=True)
class FormState:
    """Every parameter of the API and the range. `hidden` are name and value of what a change keeps.

    `other_errors` belong to no control: unknown parameters, and those that only links carry.
    """

    type: Field
    states: Field
    name: Field
    job_id: Field
    workflow_id: Field
    start: Field
    end: Field
    range: Field
    order: Field
    size: Field
    next_token: Field
    hidden: tuple[tuple[str, str], ...]
    other_errors: tuple[tuple[str, ParameterError], ...]


def form_fields(asked: ListRequest) -> FormState:
    """Return the form that shows what was asked.

    A time is shown in the page's zone with its offset, so that sending the form again asks for the very same moment.
    """
    values = _values(asked)
    fields = _Fields(asked, values)
    state = FormState(
        type=fields.choosing("type", [("", _("Both kinds")), *((kind, words.KINDS[kind]) for kind in TYPES)]),
        states=fields.choosing("states", [(state, words.STATES[state]) for state in STATES]),
        name=fields.plain("name"),
        job_id=fields.plain("jobId"),
        workflow_id=fields.plain("workflowId"),
        start=fields.plain("startCreationTime"),
        end=fields.plain("endCreationTime"),
        range=fields.choosing("range", [("", _("Any time")), *((name, words.range_label(name)) for name in RANGES)]),
        order=fields.choosing("orderByTime", words.ORDERS.items()),
        size=fields.choosing("size", [(size, size) for size in SIZES]),
        next_token=fields.plain("nextToken"),
        hidden=(
            *asked.whose.items(),
            *((name, values[name]) for name in ("tz", "live", "lang") if values.get(name)),
        ),
        other_errors=(),
    )
    others = [(name, error) for name, found in asked.errors.items() if name not in fields.made for error in found]
    return replace(state, other_errors=tuple(others))


def _values(asked: ListRequest) -> dict[str, str]:
    """Return the controls' values: what was typed, while it is wrong or lacks an offset; else what was understood.

    A text has a box of its own: of a wrong one, the controls show what was understood.
    """
    if asked.errors and TEXT not in asked.given:
        return dict(asked.given)
    view = asked.view
    values = asked.filter.params() | {"nextToken": view.next_token, "tz": view.tz, "live": view.live, "lang": view.lang}
    for name, time in (("startCreationTime", asked.filter.start), ("endCreationTime", asked.filter.end)):
        if time:
            values[name] = write_time(time, view.zone)
    return values | {note.parameter: asked.given[note.parameter] for note in asked.notes}


class _Fields:
    """Makes the fields of one form."""

    def __init__(self, asked: ListRequest, values: dict[str, str]) -> None:
        self._asked = asked
        self._values = {"orderByTime": DEFAULT_ORDER, "size": str(DEFAULT_SIZE)} | values
        self.made: set[str] = set()

    def plain(self, name: str, choices: tuple[Choice, ...] = ()) -> Field:
        """Return a field in which anything can be typed."""
        self.made.add(name)
        return Field(
            name=name,
            label=str(words.PARAMETERS[name]),
            value=self._values.get(name, ""),
            choices=choices,
            errors=self._asked.errors.get(name, ()),
        )

    def choosing(self, name: str, known: Iterable[tuple[str, str | _StrPromise]]) -> Field:
        """Return a field with choices. A value that isn't among them is one more, or sending the form would lose it."""
        value = self._values.get(name, "")
        held = set(value.split(",")) if name == "states" else {value}
        choices = [Choice(choice, str(label), choice in held) for choice, label in known]
        held -= {choice.value for choice in choices} | {""}
        wrong = bool(self._asked.errors.get(name))
        choices += [Choice(more, _label(name, more, wrong=wrong), selected=True) for more in sorted(held)]
        return self.plain(name, tuple(choices))


def _label(name: str, value: str, *, wrong: bool) -> str:
    return words.range_label(value) if name == "range" and not wrong else value
