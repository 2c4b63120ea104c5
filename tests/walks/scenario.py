"""Alone responsible for what a seed means: what is asked, what the bucket holds, and what happens between the pages."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.cloudinfinite.emulator.switches import CHOICES
from jobs.filters import JobFilter

OPEN, CLOSED = ("Submitted", "Running", "Pause"), ("Success", "Failed", "Cancel")
NAMES = ("nightly", "nightly-2", "夜间转码", "2")
KINDS = ("Workflow", "Job")
ONE_JOB = 0.05
"""Part of the walks that ask for a job by its id, beside what else they ask for."""
GAPS = 12
"""How many times something may happen to each reader: before the first page, and behind each of those that follow."""


@dataclass(frozen=True)
class Event:
    """Something that happens between two pages. `draw` decides which jobs it strikes, `spec` what it does.

    arrive   a job is created now            late     a job turns up that was created before
    change   open jobs go on to a state      retire   the oldest jobs are gone, whole seconds of them
    fault    the emulator gets a fault       heal     it has none any more
    switch   a switch moves                  evict    the cache forgets the chain
    drop     the cache forgets some pages    renew    some pages are out of date, and fetched anew
    wait     time passes, for all alike
    """

    kind: str
    draw: int
    spec: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A job as the bucket holds it at the start; `age` is in seconds."""

    age: int
    fields: dict[str, str]


@dataclass(frozen=True)
class Scenario:
    """One walk to be, or two of the same list.

    `events[n]` happen behind the n-th look, those of 0 before the first. After `second` looks another reader opens the list
    by its link, None where there is none, and from then on they look in an order that `seed` says.
    """

    seed: int
    filter: JobFilter
    switches: dict[str, str]
    jobs: tuple[Job, ...]
    events: tuple[tuple[Event, ...], ...]
    second: int | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """What happens: kinds of event, with kinds of fault in place of "fault"."""
        return frozenset(
            event.spec["kind"] if event.kind == "fault" else event.kind for gap in self.events for event in gap
        )


def scenario(seed: int) -> Scenario:
    """Return the scenario of a seed; all that differs from run to run is when it begins."""
    chance = random.Random(f"walk {seed}")
    size = chance.choice((1, 2, 2, 3, 3, 4, 5, 5, 7, 10, 10, 20, 50, 100))
    asked = _filter(chance, size)
    second = chance.choice((None, 1, 2, 3, 5, 8))
    switches = {name: chance.choice(values) for name, values in CHOICES.items()}
    jobs = tuple(_jobs(chance, min(chance.randint(0, 80), size * 12), size, asked))
    events = tuple(_events(chance, size, GAPS if second is None else 2 * GAPS))
    if chance.random() < ONE_JOB:
        known = [made.fields["JobId"] for made in jobs]
        asked = replace(asked, job_id=chance.choice([*known, "b-of-no-job"]))
    return Scenario(seed, asked, switches, jobs, events, second)


def _filter(chance: random.Random, size: int) -> JobFilter:
    states: tuple[str, ...] = chance.choice(
        ((), (), ("Running",), ("Running",), ("Submitted", "Running"), ("Running", "Success"), ("Success",), CLOSED,
         ("Pause", "Failed"), (*OPEN, *CLOSED))
    )  # fmt: skip
    window: dict[str, Any] = {}
    now = datetime.now(UTC)
    match chance.randrange(6):
        case 0:
            window = {"range": chance.choice(("5m", "1h", "30m"))}
        case 1:
            window = {"start": now - timedelta(seconds=chance.randint(100, 4000))}
        case 2:
            window = {"end": now - timedelta(seconds=chance.randint(0, 900))}
    return JobFilter(
        type=chance.choice(("", "", "", "", "", *KINDS)),
        states=states,
        name=chance.choice(("", "", "", "", "", "nightly", "2")),
        order=chance.choice(("Desc", "Desc", "Asc")),
        size=size,
        **window,
    )


def _jobs(chance: random.Random, count: int, size: int, asked: JobFilter) -> list[Job]:
    """Return jobs, alone in their seconds, a few to a second, or more of them than a page holds."""
    least = chance.choice((0, 3, 20))
    together = chance.choice((1, 1, max(1, size - 1), max(1, size // 2), size, 2 * size + 1))
    jobs: list[Job] = []
    while len(jobs) < count:
        age = least + int(chance.choice((60, 600, 3600)) * chance.random())
        jobs += [job(chance, age, asked) for _ in range(chance.randint(1, together))]
    return jobs[:count]


def job(chance: random.Random, age: int, asked: JobFilter) -> Job:
    """Return a job; most have one of the states that are asked for, and the type."""
    states = asked.states if asked.states and chance.random() < 0.8 else OPEN + CLOSED
    return Job(
        age,
        {
            "JobId": f"b{chance.getrandbits(128):032x}",
            "State": chance.choice(states),
            "Type": asked.type if asked.type and chance.random() < 0.8 else chance.choice(KINDS),
            "Name": chance.choice(NAMES),
        },
    )


def _events(chance: random.Random, size: int, gaps: int) -> list[tuple[Event, ...]]:
    """Return what happens in each gap: one walk knows few kinds, some know none."""
    if chance.random() < 0.15:
        return [()] * gaps
    known = chance.sample(list(_MAKERS), chance.randint(1, 4))
    often = chance.choice((0.2, 0.5, 0.9))
    return [tuple(_event(chance, kind, size) for kind in known if chance.random() < often) for _ in range(gaps)]


def _event(chance: random.Random, name: str, size: int) -> Event:
    kind, make = _MAKERS[name]
    return Event(kind, chance.getrandbits(32), make(chance, size))


_REFUSED = {"kind": "error", "status": 400, "code": "InvalidArgument", "message": "Param nextToken is illegal"}
_TOKEN = {"when": {"token": True}}

_MAKERS: dict[str, tuple[str, Any]] = {
    "arrive": ("arrive", lambda chance, size: {"jobs": chance.randint(1, 3)}),
    "late": ("late", lambda chance, size: {"jobs": chance.randint(1, size + 1)}),
    "leave": ("change", lambda chance, size: {"jobs": chance.randint(1, size + 1), "states": CLOSED}),
    "enter": ("change", lambda chance, size: {"jobs": chance.randint(1, size + 1), "states": ("Running", "Success")}),
    "retire": ("retire", lambda chance, size: {"share": chance.choice((0.05, 0.2, 0.5))}),
    "evict": ("evict", lambda chance, size: {}),
    "drop": ("drop", lambda chance, size: {"share": chance.choice((0.2, 0.5, 1.0))}),
    "renew": ("renew", lambda chance, size: {"share": chance.choice((0.2, 0.5, 1.0))}),
    "wait": ("wait", lambda chance, size: {"seconds": chance.choice((10, 61, 300))}),
    "switch": ("switch", lambda chance, size: {"tokens": chance.choice(CHOICES["tokens"])}),
    "repeat_rows": ("fault", lambda chance, size: {"kind": "repeat_rows", "rows": chance.randint(1, size), "count": chance.randint(1, 2)}),
    "shuffle": ("fault", lambda chance, size: {"kind": "shuffle", "count": 1, "seed": chance.getrandbits(32)}),
    "ties": ("fault", lambda chance, size: {"kind": "shuffle", "among": "ties", "seed": chance.getrandbits(32)}),
    "token_repeat": ("fault", lambda chance, size: {"kind": "token_repeat", "count": 1}),
    "empty_page": ("fault", lambda chance, size: {"kind": "empty_page", "count": 1, **chance.choice(({}, _TOKEN))}),
    "throttled": ("fault", lambda chance, size: {"kind": "error", "status": 429, "code": "SlowDown", "count": 1}),
    "failing": ("fault", lambda chance, size: {"kind": "error", "status": 500, "count": chance.randint(1, 2)}),
    "truncate": ("fault", lambda chance, size: {"kind": "truncate", "keep": 0.9 * chance.random(), "close": chance.random() < 0.5, "count": 1}),
    "refused": ("fault", lambda chance, size: {**_REFUSED, **_TOKEN, "count": 1}),
    "refused_always": ("fault", lambda chance, size: {**_REFUSED, **_TOKEN}),
    "hang": ("fault", lambda chance, size: {"kind": "hang", "seconds": 5, "count": 1, "probability": 0.01, "seed": chance.getrandbits(32)}),
}  # fmt: skip
"""Name -> kind of event, and what makes its spec."""
