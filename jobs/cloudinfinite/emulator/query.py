"""The query of a list call.

Alone responsible for reading the parameters of ci-api.md §1.1 as §1.2 proposes: empty means absent, unknown ones are
ignored, anything else that is wrong is InvalidArgument.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    """What a list call asks for; "" and an empty set mean no such filter, times are unix seconds."""

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
        """Does a job pass every filter but the times?"""
        return (
            (not self.kind or kind == self.kind)
            and (not self.states or state in self.states)
            and (not self.job_id or job_id == self.job_id)
            and (not self.workflow_id or self.workflow_id in workflow_ids)
            and (not self.name or self._named(name))
        )

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
    states = frozenset(values.get("states", "All").split(","))
    if not states <= STATES | {"All"}:
        raise IllegalParameterError("states")
    kind = values.get("type", "")
    if kind and kind not in TYPES:
        raise IllegalParameterError("type")
    order = values.get("orderByTime", "Desc")
    if order not in ("Asc", "Desc"):
        raise IllegalParameterError("orderByTime")
    return Asked(
        kind=kind,
        states=frozenset() if "All" in states else states,
        name=values.get("name", ""),
        name_match=switches.name,
        job_id=values.get("jobId", ""),
        workflow_id=values.get("workflowId", ""),
        first=_moment(values, "startCreationTime"),
        last=_moment(values, "endCreationTime"),
        descending=order == "Desc",
        size=whole(values, "size", 10, 1, 100, clamp=switches.bad_size == "clamp"),
        token=values.get("nextToken", ""),
    )


def _moment(values: dict[str, str], name: str) -> int | None:
    if name not in values:
        return None
    moment = read_strict(values[name])
    if moment is None:
        raise IllegalParameterError(name)
    return moment
