"""The jobs of one bucket, generated and given ones in one order.

Alone responsible for which rows a list call gets: order, bounds, filters, and going on from a token.
"""

from __future__ import annotations

import random
import threading
from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any
from uuid import UUID

from .clock import read_loose, written
from .generate import Generated, Recipe
from .markup import Node, Tree
from .query import Asked
from .tokens import Cursor, Offset, Place


@dataclass(frozen=True, order=True)
class Given:
    """A job whose record a test or the demo gave, node by node. Ordered like the list: by creation, then JobId."""

    created: int
    job_id: str
    tree: Tree = field(compare=False)

    def text(self, name: str) -> str:
        node = self.tree.get(name, "")
        return node if isinstance(node, str) else ""

    def workflow_ids(self) -> list[str]:
        operation = self.tree.get("Operation")
        ids = operation.get("WorkflowIds", "") if isinstance(operation, dict) else ""
        return ids.split(",") if isinstance(ids, str) else []


Row = int | Given  # an int is the index of a generated job


@dataclass(frozen=True)
class Found:
    """One page: the rows, and where the next one begins (None after the last)."""

    rows: list[Row]
    following: Place | None


class JobStore:
    """All jobs of a bucket. Safe to use from several threads."""

    def __init__(self, recipe: Recipe, bucket: str, region: str, anchor: int) -> None:
        self._lock = threading.RLock()
        self._arguments = (recipe, bucket, region, anchor)
        self._made: Generated | None = None
        self._given: list[Given] = []
        self._removed: set[int] = set()
        self._serial = 0

    @property
    def _generated(self) -> Generated:
        """Made when first needed, so that a start with 20,000 jobs is quick."""
        with self._lock:
            if self._made is None:
                self._made = Generated(*self._arguments)
            return self._made

    def add(self, fields: Mapping[str, Any], now: float) -> str:
        """Add a job; returns its JobId.

        `fields` are nodes of JobsDetail: they come first and in their order, so odd orders can be made. Nodes that are
        not named get plain values; a node given as None is left out. `_created` (unix seconds) places a job whose
        CreationTime can't be read.
        """
        with self._lock:
            self._serial += 1
            given = _complete(fields, now, self._serial)
            insort(self._given, given)
            return given.job_id

    def change(self, job_id: str, fields: Mapping[str, Any], now: float) -> None:
        """Change nodes of a job; None removes one. A generated job stops moving. Raises KeyError."""
        with self._lock:
            row = self._pop(job_id, now)
            merged: dict[str, Any] = {**self.tree(row, now), "_created": self._key(row)[0], **fields}
            insort(self._given, Given(_place(merged), job_id, _nodes(merged)))

    def remove(self, job_id: str, now: float) -> None:
        """Take a job away. Raises KeyError."""
        with self._lock:
            self._pop(job_id, now)

    def _pop(self, job_id: str, now: float) -> Row:
        row = self.find(job_id, now)
        if row is None:
            raise KeyError(job_id)
        if isinstance(row, Given):
            self._given.remove(row)
        else:
            self._removed.add(row)
        return row

    def find(self, job_id: str, now: float) -> Row | None:
        with self._lock:
            for given in self._given:
                if given.job_id == job_id:
                    return given
            self._generated.advance(now)
            index = self._generated.index_of(job_id, now)
            return None if index in self._removed else index

    def tree(self, row: Row, now: float) -> Tree:
        return row.tree if isinstance(row, Given) else self._generated.tree(row, now)

    def job_id(self, row: Row) -> str:
        return row.job_id if isinstance(row, Given) else self._generated.job_id(row)

    def page(
        self,
        asked: Asked,
        start: Place | None,
        now: float,
        *,
        offset_tokens: bool,
        repeat: int = 0,
        ties: float | None = None,
    ) -> Found:
        """The rows asked for, from `start` on.

        `repeat` begins that many rows earlier, as a careless server would. `ties` puts rows of one second into an order
        drawn from it, as a database does that sorts by time alone. A cursor is a place in the one true order, so then
        only the rows of an answer change places.
        """
        with self._lock:
            counts_rows = isinstance(start, Offset) or (start is None and offset_tokens)
            if repeat or (ties is not None and counts_rows):
                matching = self._tied(list(self._matching(asked, None, now)), ties if counts_rows else None)
                skipped = max(0, len(matching) - len(list(self._from(asked, start, now))) - repeat)
                rows: list[Row] = matching[skipped : skipped + asked.size + 1]
            else:
                rows = list(islice(self._from(asked, start, now), asked.size + 1))
                skipped = start.rows if isinstance(start, Offset) else 0
            shown = rows[: asked.size]
            told = shown if counts_rows else self._tied(shown, ties)
            if len(rows) <= asked.size:
                return Found(told, None)
            # A token of the other kind than it is switched to (the switch moved in mid-paging) is carried on in its own kind.
            if counts_rows:
                return Found(told, Offset(skipped + len(shown)))
            return Found(told, Cursor(*self._key(shown[-1])))

    def _tied(self, rows: list[Row], ties: float | None) -> list[Row]:
        """`rows`, those of one second in the order that `ties` draws."""
        if ties is None:
            return rows
        order = random.Random(ties)
        groups = (list(group) for _, group in groupby(rows, key=lambda row: self._key(row)[0]))
        return [row for group in groups for row in order.sample(group, len(group))]

    def all_rows(self, now: float) -> list[Row]:
        """Every job that exists by now, newest first."""
        with self._lock:
            return list(self._ordered(None, now, descending=True, behind=None))

    def summary(self, row: Row, now: float) -> dict[str, str]:
        """JobId, Type, Name, State and CreationTime: the truth for a test to compare with."""
        if isinstance(row, Given):
            return {name: row.text(name) for name in ("JobId", "Type", "Name", "State", "CreationTime")}
        made = self._generated
        return {
            "JobId": made.job_id(row),
            "Type": made.kind(row),
            "Name": made.name(row),
            "State": made.state(row, now),
            "CreationTime": written(made.created(row)),
        }

    def _key(self, row: Row) -> tuple[int, str]:
        if isinstance(row, Given):
            return row.created, row.job_id
        return self._generated.created(row), self._generated.job_id(row)

    def _from(self, asked: Asked, start: Place | None, now: float) -> Iterator[Row]:
        if isinstance(start, Offset):
            return islice(self._matching(asked, None, now), start.rows, None)
        return self._matching(asked, start, now)

    def _matching(self, asked: Asked, behind: Cursor | None, now: float) -> Iterator[Row]:
        last = now if asked.last is None else min(asked.last, now)
        rows = self._ordered(asked.first, last, descending=asked.descending, behind=behind)
        if asked.open:
            return rows
        return (row for row in rows if self._accepts(asked, row, now))

    def _accepts(self, asked: Asked, row: Row, now: float) -> bool:
        if isinstance(row, Given):
            return asked.accepts(row.text("Type"), row.text("State"), row.text("Name"), row.job_id, row.workflow_ids())
        made = self._generated
        state = made.state(row, now)
        if asked.suffices is all and asked.states and state not in asked.states:
            return False  # most rows of a long list end here, before the dearer parts
        job_id = made.job_id(row) if asked.job_id else ""
        return asked.accepts(made.kind(row), state, made.name(row), job_id, made.workflow_ids(row))

    def _ordered(self, first: int | None, last: float, *, descending: bool, behind: Cursor | None) -> Iterator[Row]:
        """Rows created from `first` to `last`, in order, behind a cursor."""
        made = self._generated
        made.advance(last)
        low, high = made.span(first, last)
        given = [row for row in self._given if row.created <= last and (first is None or row.created >= first)]
        if behind is not None:
            spot = made.position(behind.created, behind.job_id)
            here = spot < len(made.order) and made.job_id(made.order[spot]) == behind.job_id
            if descending:
                high = min(high, spot)
                given = [row for row in given if (row.created, row.job_id) < (behind.created, behind.job_id)]
            else:
                low = max(low, spot + here)
                given = [row for row in given if (row.created, row.job_id) > (behind.created, behind.job_id)]
        if descending:
            return self._descending(low, high, given)
        return self._ascending(low, high, given)

    def _ascending(self, low: int, high: int, given: list[Given]) -> Iterator[Row]:
        for row in given:
            spot = min(high, self._generated.position(row.created, row.job_id))
            yield from self._stretch(range(low, spot))
            yield row
            low = max(low, spot)
        yield from self._stretch(range(low, high))

    def _descending(self, low: int, high: int, given: list[Given]) -> Iterator[Row]:
        for row in reversed(given):
            spot = max(low, self._generated.position(row.created, row.job_id))
            yield from self._stretch(range(high - 1, spot - 1, -1))
            yield row
            high = min(high, spot)
        yield from self._stretch(range(high - 1, low - 1, -1))

    def _stretch(self, positions: range) -> Iterator[int]:
        order, removed = self._generated.order, self._removed
        if not removed:
            return map(order.__getitem__, positions)
        return (order[position] for position in positions if order[position] not in removed)


def _complete(fields: Mapping[str, Any], now: float, serial: int) -> Given:
    kind = fields.get("Type", "Workflow")
    state = fields.get("State", "Submitted")
    created = read_loose(fields.get("CreationTime") or "")
    began = int(now) if created is None else created
    defaults: dict[str, Any] = {
        "Code": "InternalError" if state == "Failed" else "Success",
        "Message": "internal error" if state == "Failed" else "",
        "Type": kind,
        "Name": f"given-{serial}",
        "JobId": "b" + UUID(int=began << 64 | serial).hex,
        "State": state,
        "CreationTime": written(began),
        "StartTime": "-" if state == "Submitted" else written(began + 1),
        "EndTime": written(began + 2) if state in ("Success", "Failed", "Cancel") else "-",
        "Input": {"Prefix": "given/"},
        "Operation": {"WorkflowIds": "w4d0f6a1b2c3e4f5061728394a5b6c7d8"}
        if kind == "Workflow"
        else {
            "Tag": "Transcode",
            "JobParam": {"TemplateId": "t19b0c8d7e6f5a4b3c2d1e0f9a8b7c6d5"},
            "Output": {"Region": "ap-guangzhou", "Bucket": "media-out-1250000000", "Object": "out/${InputName}.mp4"},
        },
    }
    merged = dict(fields) | {name: value for name, value in defaults.items() if name not in fields}
    placed = merged if created is not None or "_created" in merged else {**merged, "_created": began}
    job_id = merged["JobId"] if isinstance(merged["JobId"], str) else ""
    return Given(_place(placed), job_id, _nodes(merged))


def _place(fields: Mapping[str, Any]) -> int:
    """Where a job stands in the order: its CreationTime, else `_created`."""
    text = fields.get("CreationTime")
    readable = read_loose(text) if isinstance(text, str) else None
    return int(fields["_created"]) if readable is None else readable


def _nodes(fields: Mapping[str, Any]) -> Tree:
    return {name: _node(value) for name, value in fields.items() if value is not None and not name.startswith("_")}


def _node(value: Any) -> Node:
    """A JSON value as a node. Raises ValueError for numbers and the like: XML has texts only."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: _node(below) for name, below in value.items() if below is not None}
    if isinstance(value, list):
        return [item for item in map(_node, value) if not isinstance(item, list)]
    raise ValueError(f"a node is a text, an object or a list, not {value!r}")
