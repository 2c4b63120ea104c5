"""What a tick of a live list sends: the list it belongs to, and the rows that may still change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import unquote

from jobs.cloudinfinite.names import LABEL_LENGTH

from .asked import ListRequest, MergedRequest
from .parsing import parse_list, parse_merged
from .values import LONGEST_TEXT

if TYPE_CHECKING:
    from django.http import QueryDict

Asked = TypeVar("Asked", bound=ListRequest)

ROWS = "rows"
MOST_SHOWN = 100
"""Rows that one tick asks about: more than fit on a screen, and short enough for an address."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as the reader sees it. `left` says that it is marked already as one that no longer matches the filter."""

    job_id: str
    state: str
    created: datetime | None
    left: bool


@dataclass(frozen=True, slots=True)
class LiveRequest(Generic[Asked]):
    """What a tick asks for; `asked.errors` or a view without a pin say that nothing can be told."""

    asked: Asked
    shown: tuple[Shown, ...]


def parse_live(query: QueryDict, *, now: float) -> LiveRequest[ListRequest]:
    """Return what a tick asks for. A row that can't be read is left out: the page then shows it as it was.

    Args:
        query: a list's query and `rows`: `id:state:created` each, the last in unix seconds, `:left` behind it where the row
            is marked; joined by commas, the parts percent-encoded.
        now: CI's time in unix seconds.
    """
    rest, shown = _taken_apart(query)
    return LiveRequest(parse_list(rest, now=now), shown)


def parse_merged_live(query: QueryDict, *, now: float) -> LiveRequest[MergedRequest]:
    """Return what a tick of a merged list asks for; arguments as of `parse_live`. A row's id names its bucket, too."""
    rest, shown = _taken_apart(query)
    return LiveRequest(parse_merged(rest, now=now), shown)


def _taken_apart(query: QueryDict) -> tuple[QueryDict, tuple[Shown, ...]]:
    rest = query.copy()
    written = "".join(rest.pop(ROWS, [])[:1])
    rows = [_shown(part) for part in written.split(",")[:MOST_SHOWN]]
    return rest, tuple(row for row in rows if row)


def _shown(written: str) -> Shown | None:
    parts = [unquote(part) for part in written.split(":")]
    if len(parts) not in (3, 4) or not parts[0] or max(map(len, parts)) > LONGEST_TEXT + LABEL_LENGTH:
        return None
    job_id, state, created = parts[:3]
    return Shown(job_id, state, _moment(created), left=parts[3:] == ["left"])


def _moment(written: str) -> datetime | None:
    # Years that every zone can show.
    if not (written.isascii() and written.isdigit() and len(written) < 11):
        return None
    return datetime.fromtimestamp(int(written), UTC)
