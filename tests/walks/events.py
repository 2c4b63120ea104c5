"""Alone responsible for making a scenario's events happen: in the emulator through its admin API, in the cache by deletion."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from jobs import claims, clock, fetch, servers, throttle
from jobs.cloudinfinite.schema import format_time, parse_time
from tests.walks.scenario import OPEN, Event, Scenario, job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jobs.records import PageQuestion
    from tests.emulators import Emulator, JobSummary


def happen(event: Event, scenario: Scenario, emulator: Emulator, bucket: str, asked: Sequence[PageQuestion]) -> None:
    """Let one event happen; `asked` are the pages that somebody has seen."""
    chance = random.Random(event.draw)
    spec = event.spec
    match event.kind:
        case "arrive":
            for _ in range(spec["jobs"]):
                emulator.add_job(bucket, **job(chance, 0, scenario.filter).fields)
        case "late":
            ages = [made.age for made in scenario.jobs] or [60]
            for _ in range(spec["jobs"]):
                made = job(chance, max(5, chance.choice(ages) + chance.randint(-2, 2)), scenario.filter)
                created = format_time(_ago(emulator, made.age + round(clock.offset())))
                emulator.add_job(bucket, **made.fields, CreationTime=created)
        case "change":
            open_jobs = [one for one in emulator.jobs(bucket) if one.state in OPEN]
            for one in chance.sample(open_jobs, min(spec["jobs"], len(open_jobs))):
                emulator.change_job(bucket, one.job_id, State=chance.choice(spec["states"]))
        case "retire":
            for one in _oldest(emulator.jobs(bucket), spec["share"]):
                emulator.remove_job(bucket, one.job_id)
        case "fault":
            emulator.fault(bucket, **spec)
        case "switch":
            emulator.set_switches(**spec)
        case "evict":
            _forget("chain:*", chance, 1.0)
        case "drop":
            _forget("page:*", chance, spec["share"])
        case "renew":
            for question in asked:
                if chance.random() < spec["share"]:
                    _renew(question)
        case "wait":
            set_passed(emulator, clock.offset() + spec["seconds"])
        case _:
            raise ValueError(f"no event {event.kind!r}")


def _forget(pattern: str, chance: random.Random, share: float) -> None:
    with servers.cache_server().connection() as client:
        for key in sorted(client.scan_iter(servers.cache_key(pattern))):
            if chance.random() < share:
                client.delete(key)


def _renew(question: PageQuestion) -> None:
    """Fetch a page anew, as a look at one that is out of date has it done."""
    asking = claims.ask(question.key, throttle.gate(question.bucket, "default"), lane="refresh")
    fetch.fetch_page(question, asking.enqueued_at, "refresh")


def set_passed(emulator: Emulator, seconds: float) -> None:
    """Let so many seconds have passed since the walk began, for Cloud Infinite and for us, without anybody waiting."""
    with servers.broker().connection() as client:
        client.set(clock.OFFSET_KEY, repr(seconds))
    clock._clock = clock.Clock()  # it asks for the offset at once, not within a second
    emulator.shift_clock(seconds)


def _ago(emulator: Emulator, seconds: int) -> datetime:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(emulator.now()) - seconds, UTC)


def _oldest(jobs: list[JobSummary], share: float) -> list[JobSummary]:
    """Return the oldest jobs, never only some of a second: what is kept for so many days goes by its age."""
    if not jobs:
        return []
    cut = parse_time(jobs[-1 - int(share * (len(jobs) - 1))].creation_time)
    assert cut is not None
    return [one for one in jobs if (created := parse_time(one.creation_time)) is not None and created <= cut]
