"""Writes jobs as files: CSV for spreadsheets, JSON Lines for programs. Only what is asked for a line is ever in memory.

A CSV must stay one table, or nothing can read it, and must say what it holds, or nobody knows later. So its last column has
no values, and its name is the sentence that says how many rows there are, of what. JSON Lines begin with an object that says
the same.
"""

from __future__ import annotations

import csv
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from zoneinfo import ZoneInfo

    from jobs.cloudinfinite.schema import Job
    from jobs.cloudinfinite.tree import Node

BOM = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""
RISKY = tuple("=+-@\t\r\n＝＋－＠")
"""How a cell begins that a spreadsheet may take for a formula: names and messages are a stranger's."""
GUARD = "'"

PLAIN = ("JobId", "Name", "Type", "State", "Code", "Message", "Progress")
TIMES = ("CreationTime", "StartTime", "EndTime")
NESTED = (
    "Operation.Tag", "Operation.WorkflowIds", "Operation.QueueId", "Operation.JobParam.TemplateId", "Operation.UserData",
    "Operation.JobLevel", "Operation.CallBack", "Operation.CallBackFormat", "Operation.TimeInterval.Start",
    "Operation.TimeInterval.End", "Operation.Output.Region", "Operation.Output.Bucket", "Operation.Output.Object",
    "Operation.Output.AuObject", "Operation.Output.SpriteObject", "Input.Manifest", "Input.UrlFile", "Input.Prefix", "Input.Object",
)  # fmt: skip
"""Where in a job's tree a value stands. Two may stand elsewhere as well (`BESIDE`)."""
BESIDE = {"Operation.Tag": "Tag", "Operation.QueueId": "QueueId"}
COLUMNS = (*PLAIN, *TIMES, *(f"{name}_UTC" for name in TIMES), *NESTED, "_masked")
"""The columns of a CSV, called as in the API; times stand there twice, in the reader's zone and in UTC."""


class _Echo:
    """Takes what the csv module writes and gives it back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(jobs: Iterable[tuple[Job, Iterable[str]]], zone: ZoneInfo, told: str) -> Iterator[str]:
    """Yield the lines of a CSV, the first with a byte order mark.

    Args:
        jobs: each with the paths of what is masked in it.
        zone: in which times are told.
        told: how many jobs these are, of what: the name of the last column.
    """
    writer = csv.writer(_Echo())
    yield BOM + writer.writerow([*COLUMNS, guarded(told)])
    for job, masked in jobs:
        yield writer.writerow([*map(guarded, _cells(job, masked, zone)), ""])


def json_lines(told: Mapping[str, Any], jobs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield one line for each job, after one that says what they are.

    Args:
        told: how many jobs these are, of what.
        jobs: as the JSON twins have them.
    """
    yield _line({"_export": told})
    for job in jobs:
        yield _line(job)


def guarded(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return GUARD + text if text.startswith(RISKY) else text


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _cells(job: Job, masked: Iterable[str], zone: ZoneInfo) -> Iterator[str]:
    tree = job.tree
    for name in PLAIN:
        yield _text(tree.get(name))
    times = (job.creation_time, job.start_time, job.end_time)
    for name, time in zip(TIMES, times, strict=True):
        # What can't be read as a time is shown as it came; "-" is a time that hasn't come.
        yield time.astimezone(zone).isoformat() if time else _text(tree.get(name)).strip("- ")
    for time in times:
        yield time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time else ""
    for path in NESTED:
        found: Node | None = tree
        for part in path.split("."):
            found = _first(found)
            found = found.get(part) if isinstance(found, dict) else None
        yield _text(found) or (_text(tree.get(BESIDE[path])) if path in BESIDE else "")
    yield " ".join(masked)


def _first(node: Node | None) -> Node | None:
    return node[0] if isinstance(node, list) and node else node


def _text(node: Node | None) -> str:
    """Return the text of a leaf; of several, joined by spaces; of what has children, nothing."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return " ".join(filter(None, map(_text, node)))
    own = node.get("#text", "") if node else ""
    return own if isinstance(own, str) else ""
