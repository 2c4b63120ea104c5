"""What is cached: frozen records of pages and jobs, the questions they answer, and their compressed form in Redis."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, overload

from jobs import completeness
from jobs.cloudinfinite.schema import Job
from jobs.completeness import Completeness
from jobs.filters import JobFilter, Pin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jobs.cloudinfinite.tree import Tree

MAX_INFLATED = 64 * 1024 * 1024
"""Bytes a cached value may have after decompression; Redis is not trusted more than that."""


def pack(value: object) -> bytes:
    """Return `value` as compressed JSON: a tenth of the XML's size, and nothing in it can run code."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def unpack(data: bytes) -> Any:
    """Return the value that `pack` was given.

    Raises:
        ValueError: `data` is not what `pack` writes.
    """
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, MAX_INFLATED)
    except zlib.error as error:
        raise ValueError(f"not a packed value: {error}") from None
    if not inflater.eof:
        raise ValueError("a packed value is cut off or too large")
    return json.loads(text)


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a chain goes on: by CI's token, or from a creation time (`after`, ±HHMM text, inclusive), or both."""

    next_token: str = ""
    after: str = ""

    @property
    def digest(self) -> str:
        """A short name for this continuation; tokens are opaque and may be long."""
        return hashlib.sha256(f"{self.next_token}\n{self.after}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """One page of one list: what the web process asks and the worker answers.

    Without a pin it asks for the newest first page (the head), and the worker sets the pin. Without a continuation it
    asks for the first page of the chain.
    """

    bucket: str
    filter: JobFilter
    pin: Pin | None = None
    continuation: Continuation | None = None

    @property
    def key(self) -> str:
        """The name under which this question is claimed, asked and answered."""
        if self.pin is None:
            return f"head:{self.bucket}:{self.filter.digest}"
        return f"page:{self.bucket}:{self.filter.digest}:{self.pin}:{self.place}"

    @property
    def place(self) -> str:
        """The page's name inside its chain."""
        return self.continuation.digest if self.continuation else "first"

    def to_primitives(self) -> dict[str, Any]:
        """Return the question as a task's arguments."""
        return {
            "bucket": self.bucket,
            "filter": self.filter.params(),
            "pin": str(self.pin) if self.pin else "",
            "next_token": self.continuation.next_token if self.continuation else "",
            "after": self.continuation.after if self.continuation else "",
        }

    @classmethod
    def from_primitives(cls, given: Mapping[str, Any]) -> PageQuestion:
        """Return the question that `to_primitives` was called on."""
        continuation = Continuation(given["next_token"], given["after"])
        return cls(
            bucket=given["bucket"],
            filter=JobFilter.from_params(given["filter"]),
            pin=Pin.parse(given["pin"]) if given["pin"] else None,
            continuation=continuation if continuation != Continuation() else None,
        )


@dataclass(frozen=True, slots=True)
class JobQuestion:
    """One job of one bucket, asked by itself."""

    bucket: str
    job_id: str

    @property
    def key(self) -> str:
        """The name under which this question is claimed, asked and answered."""
        return f"job:{self.bucket}:{self.job_id}"


@dataclass(frozen=True, slots=True)
class Row:
    """A job as it is cached: masked, with the paths of what was masked (such as `Operation.CallBack`)."""

    job: Job
    masked: tuple[str, ...] = ()

    def to_primitives(self) -> list[Any]:
        """Return the row as JSON-able data."""
        return [self.job.tree, list(self.masked)]

    @classmethod
    def from_primitives(cls, given: list[Any]) -> Row:
        """Return the row that `to_primitives` was called on."""
        tree: Tree = given[0]
        return cls(Job(tree), tuple(given[1]))


@lru_cache(maxsize=64)
def _unpacked(packed: bytes) -> list[Any]:
    """Unpack the rows of a page. A list of several buckets reads up to fifty of them at each look, so fewer kept ones would never
    be met again; nobody changes what is in them."""
    rows: list[Any] = unpack(packed)
    return rows


class Rows(Sequence[Row]):
    """The rows of a cached page, unpacked when somebody looks at one: most readers get them rendered already.

    Args:
        packed: what `pack` made of the rows' primitives.
        left_out: indexes of rows that an earlier page showed.
        count: how many rows are left.
    """

    def __init__(self, packed: bytes, left_out: frozenset[int], count: int) -> None:
        self._packed = packed
        self._left_out = left_out
        self._count = count

    @cached_property
    def _stored(self) -> list[Any]:
        return [row for index, row in enumerate(_unpacked(self._packed)) if index not in self._left_out]

    @cached_property
    def _rows(self) -> tuple[Row, ...]:
        return tuple(Row.from_primitives(row) for row in self._stored)

    def __len__(self) -> int:
        """How many rows there are."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        """Return a row, or some. Who wants a single one doesn't pay for the others."""
        return Row.from_primitives(self._stored[index]) if isinstance(index, int) else self._rows[index]

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows."""
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        """Rows are equal to any sequence of the same rows."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """Equal rows, equal hashes."""
        return hash(self._packed)


@dataclass(frozen=True)
class Page:
    """One page of a chain, as it was answered.

    `n` is the page's number in its chain, None when the chain's record was gone: then earlier pages are unknown and
    repeats could not be removed. `end` says why nothing follows: "" (more follows), "missing", "repeated", "no_new_rows".
    `as_of` is CI's time in unix seconds at which the question was sent; `has_open_jobs` says whether a job on it may still
    change its state. `so_far` is what its chain has brought up to this page, None when earlier pages are unknown; `doubts`
    are those of this page alone.
    """

    bucket: str
    region: str
    digest: str
    pin: Pin
    n: int | None
    rows: Sequence[Row]
    received: int
    repeats: int
    next: Continuation | None
    end: str
    request_id: str
    as_of: float
    place: str = "first"
    asked_upstream: bool = True
    has_open_jobs: bool = False
    doubts: tuple[str, ...] = ()
    so_far: Completeness | None = None

    @property
    def unique(self) -> int:
        """How many rows are shown: received less repeats."""
        return len(self.rows)

    @property
    def may_miss(self) -> bool:
        """Whether jobs may be missing among its rows or behind them, though nothing follows."""
        return completeness.may_miss(self.doubts, self.end)

    @cached_property
    def version(self) -> str:
        """A name that changes whenever the page's content may have changed."""
        text = f"{self.bucket}\n{self.digest}\n{self.pin}\n{self.place}\n{self.as_of}\n{self.n}"
        return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job, seeded from a list's row or asked by itself.

    `raw` is the masked XML; without it `raw_missing` says why: "not_asked", "denied" (only the list may be read) or
    "unmaskable" (masking could not be verified, so nothing is shown).
    """

    bucket: str
    row: Row
    as_of: float
    request_id: str
    raw: str | None = field(default=None, repr=False)
    raw_missing: str = "not_asked"
