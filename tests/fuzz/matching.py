"""Says which jobs the filter of an address lets through: read from the address alone, with none of the product's own reading."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.emulators import JobSummary

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
WORKFLOW = "w4d0f6a1b2c3e4f5061728394a5b6c7d8"
"""The workflow of all jobs of the emulator that were given as little as an id."""
PLACE_KEPT = 3600
"""Seconds after which a link to a place in a list opens the list as it is now."""
SLACK = timedelta(minutes=2)
"""By how much a first page may be older than the question for it: it is fresh for a minute, and then shown once more."""


def unfit(job: JobSummary, query: bytes, now: datetime) -> list[str]:
    """Return the parameters which `job` does not pass, of a query that was answered with rows.

    What is written otherwise than canonically leads on to what is, so a value that isn't one of the API's fits no job. Times
    that don't say where they are meant, and days, are passed over.

    Args:
        job: as it was while the question was asked.
        query: of the address that answered.
        now: when it was asked, UTC.
    """
    given: dict[str, list[str]] = defaultdict(list)
    for name, value in parse_qsl(query.decode("latin-1")):  # a field without a value asks for nothing
        given[name].append(value)
    return [name for name, values in given.items() if not all(_fits(job, name, value, given, now) for value in values)]


def _fits(job: JobSummary, name: str, value: str, given: Mapping[str, Sequence[str]], now: datetime) -> bool:
    created = datetime.fromisoformat(job.creation_time)
    match name:
        case "type":
            return job.type == value
        case "states":
            return job.state in value.split(",")
        case "name":
            return job.name == value
        case "jobId":
            return job.job_id == value
        case "workflowId":
            return job.type == "Workflow" and value == WORKFLOW
        case "startCreationTime" if bound := _time(value):
            return created >= bound
        case "endCreationTime" if bound := _time(value):
            return created <= bound
        case "pin":
            return all(created <= pin for pin in _pins(given, now))
        case "range" if found := re.fullmatch(r"(\d{1,4})([mhdw])", value):
            return created >= min([now, *_pins(given, now)]) - timedelta(**{UNITS[found[2]]: int(found[1])}) - SLACK
    return True


def _time(written: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found if found.tzinfo else None


def disordered(jobs: Sequence[JobSummary], query: bytes) -> list[str]:
    """Return what is wrong with the number or the order of the rows of one bucket's list."""
    given = dict(parse_qsl(query.decode("latin-1")))
    times = [datetime.fromisoformat(job.creation_time) for job in jobs]
    size, depth = given.get("size", "50"), given.get("depth", "1")
    if not (size.isdecimal() and depth.isdecimal()):
        return [f"rows for size {size!r} and depth {depth!r}"]
    most = int(size) * int(depth)
    found = [f"{len(jobs)} rows where {most} were asked for"] if len(jobs) > most else []
    return found + ["rows out of order"] * (times != sorted(times, reverse=given.get("orderByTime") != "Asc"))


def _pins(given: Mapping[str, Sequence[str]], now: datetime) -> list[datetime]:
    """Return the times at which the list of one bucket ends by its pin: a place in it is kept for an hour, a page for ever."""
    found = [re.fullmatch(r"(\d{1,10})\.(\d{1,13})", written) for written in given.get("pin", ())]
    a_page = not given.keys().isdisjoint({"nextToken", "after"})
    kept = now.timestamp() - PLACE_KEPT
    return [datetime.fromtimestamp(int(pin[1]), UTC) for pin in found if pin and (a_page or int(pin[2]) / 1000 > kept)]
