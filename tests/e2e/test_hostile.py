"""Answers that would kill a careless reader: a problem of the right class in time, and the worker lives on in its size."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.looking import list_path
from tests.e2e.sites import Reader, Site
from tests.emulators import REGION

if TYPE_CHECKING:
    from jobs.models import Bucket

DATA = Path(__file__).resolve().parent.parent / "data"
DEEP = 1_000_000


def raw(body: bytes) -> dict[str, Any]:
    return {"kind": "raw", "body": body}


def sample(name: str) -> dict[str, Any]:
    return raw((DATA / f"hostile_{name}.xml").read_bytes())


HOSTILE: dict[str, tuple[dict[str, Any], tuple[int, str, str]]] = {
    "billion laughs": (sample("billion_laughs"), (502, "unreadable", "bad_xml")),
    "external entity": (sample("external_entity"), (502, "unreadable", "bad_xml")),
    "dtd": (sample("dtd"), (502, "unreadable", "bad_xml")),
    "60 MB": ({"kind": "huge", "bytes": 60_000_000}, (502, "unreadable", "too_large")),
    "60 MB chunked": ({"kind": "huge", "bytes": 60_000_000, "chunked": True}, (502, "unreadable", "too_large")),
    "60 MB from 60 kB": ({"kind": "huge", "bytes": 60_000_000, "gzip": True}, (502, "unreadable", "too_large")),
    "a million deep": (raw(b"<a>" * DEEP + b"</a>" * DEEP), (502, "unreadable", "bad_xml")),
    "half a million attributes": (
        raw(b"<Response " + b" ".join(b'a%d=""' % number for number in range(DEEP // 2)) + b"/>"),
        (502, "unreadable", "too_large"),
    ),
    "no XML at all": ({"kind": "garbage", "data": bytes(range(256)) * 100}, (502, "upstream_failing", "unreachable")),
    "trickling headers": ({"kind": "trickle", "part": "headers", "interval": 0.05}, (504, "timeout", "timeout")),
    "trickling body": ({"kind": "trickle", "part": "body", "interval": 0.05}, (504, "timeout", "timeout")),
    "silence": ({"kind": "hang", "seconds": 30.0}, (504, "timeout", "timeout")),
}
DEADLINE = 4 + 2
"""Seconds: this site's FETCH_DEADLINE, and what a busy machine needs besides."""
GROWTH = 100 * 1024
"""kB that the worker may grow by while it reads any of them."""


def make_bucket(site: Site, name: str, **spec: Any) -> Bucket:
    """Make a bucket that both the site's own emulator and the database know."""
    from jobs.models import Bucket

    return Bucket.objects.create(name=site.emulator.create_bucket(f"{name}-1250000000", **spec), region=REGION)


def memory(pid: int, what: str) -> int:
    """Return kB: `VmRSS` is what a process has now, `VmHWM` the most it had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1])
    raise AssertionError(what)


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_answer_is_told_in_time_and_memory_stays_bounded(hasty: Site, what: str) -> None:
    fault, expected = HOSTILE[what]
    number = list(HOSTILE).index(what)
    hostile, well = make_bucket(hasty, f"hostile-{number}", jobs=20), make_bucket(hasty, f"well-{number}", jobs=3)
    reader = Reader(hasty)
    assert reader.patient(list_path(make_bucket(hasty, f"first-{number}", jobs=50))).status_code == 200
    hasty.emulator.fault(hostile.name, **fault)
    Path(f"/proc/{hasty.worker.pid}/clear_refs").write_text("5")  # the most it had counts from now on
    before = memory(hasty.worker.pid, "VmRSS")

    began = time.monotonic()
    answer = reader.patient(list_path(hostile, twin=True))
    took = time.monotonic() - began

    problem = answer.json()["problem"]
    assert (answer.status_code, problem["class"], problem["code"]) == expected
    assert (problem["advice"] != "", problem["retryable"]) == (True, True)
    assert took < DEADLINE
    assert memory(hasty.worker.pid, "VmHWM") - before < GROWTH
    assert len(reader.json(list_path(well, twin=True))["jobs"]) == 3


def test_all_hostile_answers_at_once_leave_the_worker_answering(hasty: Site) -> None:
    reader = Reader(hasty)
    well = make_bucket(hasty, "well-beside", jobs=3)
    for number, (fault, _expected) in enumerate(HOSTILE.values()):
        bucket = make_bucket(hasty, f"beside-{number}", jobs=20)
        hasty.emulator.fault(bucket.name, **fault)
        reader.get(list_path(bucket))

    began = time.monotonic()
    answer = reader.patient(list_path(well))

    assert (answer.status_code, time.monotonic() - began < DEADLINE) == (200, True)


def test_external_entity_is_never_opened(hasty: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("never-shown-anywhere")
    body = (
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e SYSTEM "file://{secret}">]>'
        "<Response><JobsDetail><JobId>b1</JobId><Name>&e;</Name></JobsDetail></Response>"
    )
    bucket = make_bucket(hasty, "entity")
    hasty.emulator.fault(bucket.name, "raw", body=body)

    answer = Reader(hasty).patient(list_path(bucket))

    assert answer.status_code == 502
    assert "never-shown-anywhere" not in answer.text
