"""The query of a list call.

Alone responsible for reading the parameters of ci-api.md §1.1 as §1.2 proposes: empty means absent, unknown ones are
ignored, anything else that is wrong is InvalidArgument; where a switch says so, it is clamped or taken for absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .clock import read_strict
from .switches import Switches

STATES = frozenset({"Submitted", "Running", "Success", "Failed", "Pause", "Cancel"})
TYPES = ("Workflow", "Job")


class IllegalParameterError(Exception):
    """A parameter's value is not allowed; carries its name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Param {name} is illegal")


@dataclass(frozen=True)
class Asked:
    """What a list call asks for; "" and an empty set mean no such filter, times are unix seconds.

    `suffices` is `all` where a job must pass each filter that is given, `any` where one of them is enough.
    """

    suffices: Callable[[Iterable[bool]], bool]
    kind: str
    states: frozenset[str]
    name: str
    name_match: str
    job_id: str
    workflow_id: str
    first: int | None
    last: int | None
    descending: bool
    size: int
    token: str

    def accepts(self, kind: str, state: str, name: str, job_id: str, workflow_ids: Iterable[str]) -> bool:
        """Does a job pass the filters, apart from the times?"""
        passes = (
            (self.kind, kind == self.kind),
            (self.states, state in self.states),
            (self.job_id, job_id == self.job_id),
            (self.workflow_id, self.workflow_id in workflow_ids),
            (self.name, self._named(name)),
        )
        return self.open or self.suffices(passed for given, passed in passes if given)

    @property
    def open(self) -> bool:
        """Does every job pass?"""
        return not (self.kind or self.states or self.name or self.job_id or self.workflow_id)

    def _named(self, name: str) -> bool:
        if self.name_match == "prefix":
            return name.startswith(self.name)
        if self.name_match == "substring":
            return self.name in name
        return name == self.name


def first_values(query: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Parameters that are not empty; the first of a repeated one counts."""
    values: dict[str, str] = {}
    for name, value in query:
        if value:
            values.setdefault(name, value)
    return values


def whole(values: dict[str, str], name: str, default: int, least: int, most: int, *, clamp: bool = False) -> int:
    """A whole number between bounds. Raises IllegalParameterError, or is brought into the bounds under `clamp`."""
    text = values.get(name, str(default))
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        if clamp:
            return default
        raise IllegalParameterError(name)
    number = int(text)
    if not least <= number <= most and not clamp:
        raise IllegalParameterError(name)
    return max(least, min(number, most))


def read_list(query: Iterable[tuple[str, str]], switches: Switches) -> Asked:
    """Read a list call's query. Raises IllegalParameterError."""
    values = first_values(query)
    for name in [name for name, can_be_read in _READABLE.items() if name in values and not can_be_read(values[name])]:
        if switches.bad_value == "400":
            raise IllegalParameterError(name)
        del values[name]
    if switches.filters == "job_id_alone" and "jobId" in values:
        values = {name: value for name, value in values.items() if name not in _FILTERS}
    states = frozenset(values.get("states", "All").split(","))
    return Asked(
        suffices=any if switches.filters == "or" else all,
        kind=values.get("type", ""),
        states=frozenset() if "All" in states else states,
        name=values.get("name", ""),
        name_match=switches.name,
        job_id=values.get("jobId", ""),
        workflow_id=values.get("workflowId", ""),
        first=_moment(values, "startCreationTime"),
        last=_moment(values, "endCreationTime"),
        descending=values.get("orderByTime") != "Asc",
        size=whole(values, "size", 10, 1, 100, clamp=switches.bad_size == "clamp"),
        token=values.get("nextToken", ""),
    )


_READABLE: dict[str, Callable[[str], bool]] = {
    "states": lambda text: frozenset(text.split(",")) <= STATES | {"All"},
    "type": lambda text: text in TYPES,
    "orderByTime": lambda text: text in ("Asc", "Desc"),
    "startCreationTime": lambda text: read_strict(text) is not None,
    "endCreationTime": lambda text: read_strict(text) is not None,
}
"""Parameter -> whether a value of it can be read."""
_FILTERS = frozenset({"type", "states", "name", "workflowId", "startCreationTime", "endCreationTime"})
"""What a jobId makes needless where it counts alone."""


def _moment(values: dict[str, str], name: str) -> int | None:
    return read_strict(values[name]) if name in values else None
