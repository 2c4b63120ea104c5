"""What upstream sent, by its own journal, and whether an answer of the site can stand beside it.

A row shown must be a row that upstream sent for that bucket and filter; an error must be one of the contract's and name
the fault that is in force.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from jobs.problems import RULES, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tests.emulators import Call, Emulator
    from tests.faults.site import Upstream

LIST_PATH = "/inventorytriggerjob"
KEPT_CALLS = 2_000
"""Calls that the emulator's journal keeps."""
DEFAULTS = {"orderByTime": "Desc", "size": "50"}
ASKED = ("type", "states", "name", "jobId", "workflowId", "orderByTime", "size")
"""Parameters that the site passes on as they are."""

Named = tuple[str, str]
"""Class and code of a problem; the code "*" is any."""


@dataclass(frozen=True)
class Asked:
    """What one list is asked for, in upstream's words but for the token and the end, which tell its pages apart."""

    bucket: str
    parameters: tuple[tuple[str, str], ...]
    start: int | None

    @classmethod
    def of(cls, bucket: str, parameters: Mapping[str, str], start: int | None) -> Asked:
        """Return what `parameters`, with defaults left out or not, ask of `bucket`."""
        whole = {**DEFAULTS, **{name: value for name, value in parameters.items() if value}}
        return cls(bucket, tuple((name, whole[name]) for name in ASKED if name in whole), start)


class Evidence:
    """All that upstream has sent. Thread-safe; its journal is read bit by bit, before it forgets."""

    def __init__(self, upstream: Upstream | None = None) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._epoch, self._seen = 0, 0
        self._open: set[int] = set()
        self._sent: dict[Asked, dict[str, int]] = {}
        self._ids: dict[str, set[str]] = {}
        self._truth: dict[str, dict[str, tuple[str, str, str]]] = {}

    def learn_truth(self, emulator: Emulator, buckets: Iterable[str]) -> None:
        """Remember what the jobs of these buckets are called: they don't change."""
        for bucket in buckets:
            jobs = emulator.jobs(bucket)
            self._truth[bucket] = {job.job_id: (job.name, job.type, job.creation_time) for job in jobs}

    def read(self) -> None:
        """Read what is new in the journal; nothing while upstream is down."""
        if self._upstream is None:
            return
        with self._lock:
            if self._epoch != self._upstream.epoch:
                self._epoch, self._seen = self._upstream.epoch, 0
                self._open.clear()
            # Calls that were under way have got their ids since.
            since = min(self._open, default=self._seen + 1) - 1
            try:
                calls = self._upstream.emulator.calls(since=since)
            except OSError:
                return
            if calls and calls[0].number > since + 1 and len(calls) >= KEPT_CALLS:
                raise AssertionError("the journal has forgotten calls that were not read")
            for call in calls:
                self._add(call)
            self._seen = max([self._seen, *(call.number for call in calls)])
            self._open = {call.number for call in calls if call.seconds is None}

    def add(self, call: Call) -> None:
        """Remember one call."""
        with self._lock:
            self._add(call)

    def _add(self, call: Call) -> None:
        self._ids.setdefault(call.bucket, set()).update(call.ids)
        if call.path != LIST_PATH:
            return
        given = call.parameters
        start, end = _unix(given.get("startCreationTime", "")), _unix(given.get("endCreationTime", ""))
        sent = self._sent.setdefault(Asked.of(call.bucket, given, start), {})
        for job_id in call.ids:
            sent[job_id] = min(end or 0, sent.get(job_id, end or 0))

    def wrong_rows(self, twin: Mapping[str, Any], after: str = "") -> list[str]:
        """Return the JobIds of a list's twin that upstream has not sent for it, or not like this.

        Args:
            twin: what is shown.
            after: the creation time from which its page goes on, "" if it does not.
        """
        given = dict(twin["filter"])
        end = int(twin["pin"].split(".")[0])
        start = _unix(given.get("startCreationTime", ""))
        if minutes := given.get("range", ""):
            assert minutes.endswith("m"), minutes
            start = end - int(minutes[:-1]) * 60
        bound = _unix(after)
        if bound is not None and given.get("orderByTime") == "Asc":
            start = max(bound, start or bound)
        elif bound is not None:
            end = min(bound, end)
        asked = Asked.of(twin["bucket"], given, start)
        rows = twin["jobs"]
        with self._lock:
            sent = dict(self._sent.get(asked, {}))
        return [row.get("JobId", "") for row in rows if not self._is_true(twin["bucket"], row, sent, end)]

    def _is_true(self, bucket: str, row: Mapping[str, Any], sent: Mapping[str, int], end: int) -> bool:
        job_id = row.get("JobId", "")
        return job_id in sent and sent[job_id] <= end and self._looks_true(bucket, row)

    def _looks_true(self, bucket: str, row: Mapping[str, Any]) -> bool:
        known = self._truth.get(bucket, {}).get(row.get("JobId", ""))
        return known is None or known == (row.get("Name", ""), row.get("Type", ""), row.get("CreationTime", ""))

    def is_wrong_job(self, bucket: str, row: Mapping[str, Any]) -> bool:
        """Tell whether upstream has never sent this job of this bucket, or not like this."""
        with self._lock:
            sent = row.get("JobId", "") in self._ids.get(bucket, set())
        return not sent or not self._looks_true(bucket, row)


@dataclass(frozen=True)
class Verdict:
    """What an answer is: `ready` when it shows what was asked for, `named` the problem it tells, and what is wrong."""

    ready: bool = False
    pending: bool = False
    named: Named | None = None
    wrong_rows: tuple[str, ...] = ()
    broken: str = ""
    """Why the answer is none of the contract's."""
    data: Mapping[str, Any] = field(default_factory=dict)


def judge(evidence: Evidence, path: str, status: int, body: bytes, retry_after: str) -> Verdict:
    """Judge the answer of a JSON twin."""
    try:
        data = json.loads(body)
    except ValueError:
        return Verdict(broken=f"{status} is no JSON: {body[:80]!r}")
    if status == 202:
        return Verdict(pending=True) if retry_after.isdigit() else Verdict(broken="202 without Retry-After")
    if status == 200:
        named = _named(data.get("problem"))
        wrong = _wrong_rows(evidence, path, data)
        if wrong:
            evidence.read()
            wrong = _wrong_rows(evidence, path, data)
        return Verdict(ready=True, named=named, wrong_rows=tuple(wrong), data=data)
    named = _named(data.get("problem"))
    if named is None:
        return Verdict(broken=f"{status} without a problem")
    kind, code = named
    if kind not in RULES:
        return Verdict(named=named, broken=f"{status} with the class {kind}")
    if Problem(kind, code).status != status:
        return Verdict(named=named, broken=f"{status} with the problem {kind} {code}")
    return Verdict(named=named)


def _wrong_rows(evidence: Evidence, path: str, data: Mapping[str, Any]) -> list[str]:
    bucket = bucket_of(path)
    if "jobs" in data:
        after = query_of(path).get("after", "")
        return evidence.wrong_rows(data, after) if data["bucket"] == bucket else ["of another bucket"]
    job = data["job"]
    mine = str(job.get("JobId")) == urlsplit(path).path.removesuffix(".json").rpartition("/")[2]
    return [] if mine and not evidence.is_wrong_job(bucket, job) else [str(job.get("JobId"))]


def _named(problem: Mapping[str, Any] | None) -> Named | None:
    return (str(problem.get("class")), str(problem.get("code"))) if problem else None


def is_named(named: Named, expected: Collection[Named]) -> bool:
    """Tell whether a problem is one that is expected."""
    return named in expected or (named[0], "*") in expected


def bucket_of(path: str) -> str:
    """Return the bucket whose page this is."""
    return urlsplit(path).path.split("/")[2]


def query_of(path: str) -> dict[str, str]:
    """Return the parameters of a page."""
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}


def _unix(written: str) -> int | None:
    if not written:
        return None
    return int(datetime.fromisoformat(written).timestamp())
