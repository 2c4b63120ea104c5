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
    from jobs.cloudinfinite.tree import Node, Tree

BOM = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""
RISKY = frozenset("=+-@\t\r\n＝＋－＠")
"""How a cell begins that a spreadsheet may take for a formula: names and messages are a stranger's."""
GUARD = "'"

PLAIN = ("JobId", "Name", "Type", "State", "Code", "Message", "Progress")
TIMES = ("CreationTime", "StartTime", "EndTime")
NESTED: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("Operation",), ("Tag", "WorkflowIds", "QueueId", "UserData", "JobLevel", "CallBack", "CallBackFormat")),
    (("Operation", "JobParam"), ("TemplateId",)),
    (("Operation", "TimeInterval"), ("Start", "End")),
    (("Operation", "Output"), ("Region", "Bucket", "Object", "AuObject", "SpriteObject")),
    (("Input",), ("Manifest", "UrlFile", "Prefix", "Object")),
)
"""The nodes of a job's tree in which values stand, and which of them are columns."""
BESIDE = frozenset({"Tag", "QueueId"})
"""What may stand beside Operation as well (the Go SDK)."""
COLUMNS = (
    *PLAIN,
    *TIMES,
    *(f"{name}_UTC" for name in TIMES),
    *(".".join((*path, name)) for path, names in NESTED for name in names),
    "_masked",
)
"""The columns of a CSV, called as in the API; times stand there twice, in the reader's zone and in UTC."""
OWNER = "_bucket"
"""The column, and the key, that says whose a job of several buckets is."""


class _Echo:
    """Takes what the csv module writes and gives it back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(
    jobs: Iterable[tuple[Job, Iterable[str]]], zone: ZoneInfo, told: str, owners: Iterable[str] | None = None
) -> Iterator[str]:
    """Yield the lines of a CSV, the first with a byte order mark.

    Args:
        jobs: each with the paths of what is masked in it.
        zone: in which times are told.
        told: how many jobs these are, of what: the name of the last column.
        owners: the bucket of each job, which then is the first column; None where all are of one.
    """
    writer = csv.writer(_Echo())
    yield BOM + writer.writerow([*([] if owners is None else [OWNER]), *COLUMNS, guarded(told)])
    owned = ((None, one) for one in jobs) if owners is None else zip(owners, jobs, strict=True)
    for owner, (job, masked) in owned:
        own = () if owner is None else (owner,)
        yield writer.writerow([*map(guarded, (*own, *_cells(job, masked, zone))), ""])


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
    return GUARD + text if text and text[0] in RISKY else text


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
    for path, names in NESTED:
        node = tree
        for part in path:
            node = _child(node, part)
        for name in names:
            text = _text(node.get(name))
            yield text or (_text(tree.get(name)) if name in BESIDE else "")
    yield " ".join(masked)


def _child(node: Tree, name: str) -> Tree:
    """Return the first child of a name that has children, an empty one where there is none."""
    found = node.get(name)
    if isinstance(found, list):
        found = next((one for one in found if isinstance(one, dict)), None)
    return found if isinstance(found, dict) else {}


def _text(node: Node | None) -> str:
    """Return the text of a leaf; of several, joined by spaces; of what has children, nothing."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return " ".join(filter(None, map(_text, node)))
    own = node.get("#text", "") if node else ""
    return own if isinstance(own, str) else ""
