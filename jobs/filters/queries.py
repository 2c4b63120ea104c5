"""Builds canonical queries: one order, defaults left out, one encoding. Equal questions have equal addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from .times import default_zone
from .view import TABS, View

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .filter import JobFilter

PLACE = ("nextToken", "depth", "pin", "after", "at")
"""Parameters that say where in the list one is; `at` where in a merged one. They belong to one question: whoever changes the filter drops them."""
DRAWER = ("job", "tab")
"""Parameters of the drawer beside the list. They come last, so that a script can put them there without knowing the rest."""
PARAMETERS = (
    "type", "states", "name", "jobId", "workflowId", "startCreationTime", "endCreationTime", "orderByTime", "size",
    "nextToken", "range", "tz", "depth", "pin", "after", "live", "lang", *DRAWER,
)  # fmt: skip
"""Every parameter of a list, in canonical order."""

# These have no meaning of their own in a query, and times, zones and lists stay readable.
_READABLE = ":,/"


@dataclass(frozen=True, slots=True)
class Chip:
    """One condition of a filter: its parameter, what people call it, its value in words, and the query without it.

    `time` is the value where that is a time, so that a page can tell it as it tells all others.
    """

    name: str
    label: str
    value: str
    query_without: str
    time: datetime | None = None


def list_pairs(job_filter: JobFilter, view: View | None = None) -> list[tuple[str, str]]:
    """Return the canonical parameters of a list. Where the filter has a zone of its own, that is the query's `tz`."""
    view = view or View()
    given = {
        "tz": view.tz,
        "lang": view.lang,
        "live": view.live,
        "nextToken": view.next_token,
        "after": view.after_text,
    }
    given |= {"pin": str(view.pin or ""), "depth": str(view.depth) if view.depth > 1 else ""}
    given |= {"job": view.job, "tab": view.tab if view.job and view.tab != TABS[0] else ""}
    given |= job_filter.params()
    if given["tz"] == default_zone().key:
        given["tz"] = ""
    return [(name, given[name]) for name in PARAMETERS if given.get(name)]


def list_query(job_filter: JobFilter, view: View | None = None) -> str:
    """Return the canonical query of a list, "" for the plain one."""
    return encode(list_pairs(job_filter, view))


def job_query(view: View) -> str:
    """Return the canonical query of a job's page."""
    return encode((name, value) for name, value in (("tz", view.tz), ("lang", view.lang)) if value)


def encode(pairs: Iterable[tuple[str, str]]) -> str:
    """Return parameters as a query. A token is opaque, so nothing of it stays as it is but letters and digits."""
    return "&".join(
        f"{quote(name, safe='')}={quote(value, safe='' if name == 'nextToken' else _READABLE)}" for name, value in pairs
    )
