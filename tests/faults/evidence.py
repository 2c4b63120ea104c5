"""What upstream sent, by its own journal, and whether an answer of the site can stand beside it.

A row shown must be a row that upstream sent for that bucket and filter, a page must show its answer whole, and an error must
be one of the contract's and name the fault that is in force.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from bs4 import BeautifulSoup, Tag

from jobs.problems import RULES, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tests.emulators import Call, Emulator, JobSummary
    from tests.faults.site import Upstream

LIST_PATH = "/inventorytriggerjob"
KEPT_CALLS = 2_000
"""Calls that the emulator's journal keeps."""
DEFAULTS = {"orderByTime": "Desc", "size": "50"}
ASKED = ("type", "states", "name", "jobId", "workflowId", "orderByTime", "size")
"""Parameters that the site passes on as they are."""

Sent = tuple[tuple[str, str], ...]
"""JobIds and states of one answer, in its order."""
Named = tuple[str, str]
"""Class and code of a problem; the code "*" is any."""
BARE = {"Batchlens can't reach its database": ("ours", "database_down")}
"""What a page that is rendered without anything else says in words alone, and the problem that it means."""


EARLIER_UNKNOWN = "earlier pages unknown"
"""What a page says in English that does not know which rows stood before it."""


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
        self._answers: dict[str, set[Sent]] = {}
        self._truth: dict[str, dict[str, JobSummary]] = {}

    def learn_truth(self, emulator: Emulator, buckets: Iterable[str]) -> None:
        """Remember what the jobs of these buckets are: they don't change."""
        for bucket in buckets:
            self.know(bucket, *emulator.jobs(bucket))

    def know(self, bucket: str, *jobs: JobSummary) -> None:
        """Remember what these jobs of a bucket are."""
        self._truth.setdefault(bucket, {}).update({job.job_id: job for job in jobs})

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
        # Before it is answered it is not known whole. An emulator that is started anew counts its ids from the start.
        if call.status == 200:
            sent_whole = tuple(zip(call.ids, call.states, strict=True))
            self._answers.setdefault(call.request_id, set()).add(sent_whole)
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
        job = self._truth.get(bucket, {}).get(row.get("JobId", ""))
        if job is None:
            return True
        shown = (row.get("Name", ""), row.get("Type", ""), row.get("CreationTime", ""))
        return shown == (job.name, job.type, job.creation_time) and row.get("State", job.state) == job.state

    def misprints(self, twin: Mapping[str, Any], after: str = "", *, by_token: bool = False) -> list[str]:
        """Return in what a page differs from the answer of upstream's that it names: its rows, their order, their states.

        Args:
            twin: what is shown.
            after: the creation time from which it goes on: jobs of that second stood on the page before, and may be left out.
            by_token: whether it goes on by a token: fetched again it asks for its stretch of time, and what then comes before its own
                rows stood on the page before.
        """
        shown = _shown(twin)
        sent = self._answer(twin)
        if sent is None:
            return [f"of {twin['request_id'] or 'no'} answer"]
        left_out = self._left_out(twin["bucket"], sent, shown, after, by_token=by_token)
        expected = tuple(job for job in sent if job[0] not in left_out)
        if shown == expected:
            return []
        ids, states = [job_id for job_id, _state in shown], dict(expected)
        found = [f"{job_id} shown twice" for job_id in sorted(set(ids)) if ids.count(job_id) > 1]
        found += [f"{job_id} cut off" for job_id in states if job_id not in ids]
        found += [f"{job_id} of another answer" for job_id in ids if job_id not in states]
        found += [
            f"{job_id} as {state}, not {states[job_id]}"
            for job_id, state in shown
            if states.get(job_id, state) != state
        ]
        return found or ["in another order"]

    def passed_over(self, twin: Mapping[str, Any], seen: Collection[str]) -> list[str]:
        """Return the jobs that should have stood on this page or before it, and did not.

        Args:
            twin: what is shown.
            seen: what stood on all pages before it, from the first one on.

        A page that says that something may be missing is believed.
        """
        told = twin["completeness"]
        if told["earlier_unknown"] or told["doubts"] or told["end"] in ("repeated", "no_new_rows"):
            return []
        given, shown = twin["filter"], {*seen, *(job_id for job_id, _state in _shown(twin))}
        states = given["states"].split(",") if given.get("states") else None
        times = {
            job.job_id: _unix(job.creation_time) or 0
            for job in self._truth.get(twin["bucket"], {}).values()
            if states is None or job.state in states
        }
        sign = 1 if given.get("orderByTime") == "Asc" else -1
        come = [sign * times[job_id] for job_id in shown if job_id in times]
        # Of the last one's second some may follow; and where no row has come yet, the list may begin further down.
        reached = max(come, default=None) if twin["next"] else float("inf")
        return [
            f"{job_id} passed over"
            for job_id, time in times.items()
            if job_id not in shown and reached is not None and sign * time < reached
        ]

    def left_out(self, twin: Mapping[str, Any], after: str, *, by_token: bool) -> frozenset[str]:
        """Return the jobs of a page's answer that it doesn't show because they stood on an earlier page."""
        sent = self._answer(twin) or ()
        return self._left_out(twin["bucket"], sent, _shown(twin), after, by_token=by_token)

    def _answer(self, twin: Mapping[str, Any]) -> Sent | None:
        """Return the answer that a page names, of those that bear this name the likest; None if there is none."""
        shown, request_id = set(_shown(twin)), twin["request_id"]
        if not (request_id or shown):
            return ()
        with self._lock:
            answers = set(self._answers.get(request_id, ()))
        return min(answers, key=lambda answer: len(set(answer) ^ shown), default=None)

    def _left_out(self, bucket: str, sent: Sent, shown: Sent, after: str, *, by_token: bool) -> frozenset[str]:
        known, second = self._truth.get(bucket, {}), _unix(after)
        ids = {job_id for job_id, _state in shown}
        if second is None:
            return (
                frozenset(takewhile(lambda one: one not in ids, (one for one, _ in sent))) if by_token else frozenset()
            )
        missing = {job_id for job_id, _state in sent} - ids
        return frozenset(
            job_id for job_id in missing if job_id in known and _unix(known[job_id].creation_time) == second
        )

    def in_upstreams_words(
        self,
        bucket: str,
        job_id: str,
        name: str,
        *,
        kind: str | None = None,
        moment: str | None = None,
        state: str = "",
    ) -> dict[str, str]:
        """Return what a page shows of a job as its twin would: what means the same is written as upstream writes it.

        Args:
            bucket: whose job it is.
            job_id: its id.
            name: its name, its id where it has none.
            kind: its type, None where the page doesn't show it in upstream's words.
            moment: when it was created, None likewise.
            state: its state, "" likewise.
        """
        job = self._truth.get(bucket, {}).get(job_id)
        its_name, its_kind, written = (job.name, job.type, job.creation_time) if job else ("", "", "")
        same = moment is None or (written and _unix(written) == _unix(moment))
        return {
            "JobId": job_id,
            "Name": "" if name == job_id and not its_name else name,
            "Type": its_kind if kind is None else kind,
            "CreationTime": written if same else str(moment),
            **({"State": state} if state else {}),
        }

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
    left_out: frozenset[str] = frozenset()
    """Jobs that were sent for it, and are not shown because they stood on an earlier page."""


def judge(evidence: Evidence, path: str, status: int, body: bytes, retry_after: str) -> Verdict:
    """Judge an answer: of a JSON twin, or of a page."""
    try:
        data = json.loads(body) if is_twin(path) else read_page(evidence, path, status, body)
    except ValueError as error:
        return Verdict(broken=f"{status} can't be read, {error}: {body[:80]!r}")
    if status == 202:
        return Verdict(pending=True) if retry_after.isdigit() else Verdict(broken="202 without Retry-After")
    if status == 200:
        named = _named(data.get("problem"))
        wrong = _wrong_rows(evidence, path, data)
        if wrong:
            evidence.read()
            wrong = _wrong_rows(evidence, path, data)
        after, by_token = _going_on(path)
        left_out = evidence.left_out(data, after, by_token=by_token) if "jobs" in data else frozenset()
        return Verdict(ready=True, named=named, wrong_rows=tuple(wrong), data=data, left_out=left_out)
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
        after, by_token = _going_on(path)
        if data["bucket"] != bucket:
            return ["of another bucket"]
        return evidence.wrong_rows(data, after) or evidence.misprints(data, after, by_token=by_token)
    job = data["job"]
    mine = str(job.get("JobId")) == _job_of(path)
    return [] if mine and not evidence.is_wrong_job(bucket, job) else [str(job.get("JobId"))]


def _going_on(path: str) -> tuple[str, bool]:
    """Return the creation time from which a page goes on, "" for none, and whether it goes on by a token."""
    query = query_of(path)
    return query.get("after", ""), bool(query.get("nextToken"))


def read_page(evidence: Evidence, path: str, status: int, body: bytes) -> dict[str, Any]:
    """Return what a page shows, in the form of its twin.

    Raises:
        ValueError: it is no page of ours, or not the one that was asked for.
    """
    tree = BeautifulSoup(body, "html.parser")
    if tree.html is None or tree.h1 is None:
        raise ValueError("no page")
    data: dict[str, Any] = {"problem": _told(tree)}
    if status != 200:
        return data
    bucket = bucket_of(path)
    if job_id := _job_of(path):
        # Most of a job's page is about its insides; here it counts whose page it is.
        shown = [code.get_text() for code in tree.select("#look .job-head .facts li:first-child code")]
        if shown != [job_id]:
            raise ValueError(f"a page of {shown}")
        return {**data, "job": evidence.in_upstreams_words(bucket, job_id, _text(tree, "#look .job-name bdi"))}
    if tree.select_one("#results") is None or tree.select_one("#results[aria-busy]"):
        raise ValueError("no list")
    following, ending = tree.select_one("#more a[rel=next]"), tree.select_one("#more[data-end]")
    rows = [_row(evidence, bucket, row) for row in tree.select('tr[id^="job-"]')]
    return {
        **data,
        "bucket": _text(tree, ".crumbs code"),
        "filter": query_of(path),
        "pin": query_of(path).get("pin") or _pin(tree),
        "request_id": _text(tree, "#as-of .request code"),
        "completeness": {
            "earlier_unknown": EARLIER_UNKNOWN in tree.get_text(),
            "doubts": [doubt.get_text() for doubt in tree.select("#more .doubt")],
            "end": str(ending["data-end"]) if ending else None,
        },
        "jobs": rows,
        "next": str(following["href"]) if following else None,
    }


def _shown(twin: Mapping[str, Any]) -> Sent:
    return tuple((str(row.get("JobId", "")), str(row.get("State", ""))) for row in twin["jobs"])


def _told(tree: BeautifulSoup) -> dict[str, str] | None:
    """Return the problem that a page tells, None where it tells none."""
    if shown := tree.select_one(".problem[data-code]"):
        return {"class": str(shown["data-class"]), "code": str(shown["data-code"])}
    if tree.select_one("#list, #look") is None and (bare := BARE.get(_text(tree, "h1"))):
        return {"class": bare[0], "code": bare[1]}
    return None


def _row(evidence: Evidence, bucket: str, row: Tag) -> dict[str, str]:
    job_id = str(row["id"]).removeprefix("job-")
    time = row.select_one(".when time")
    moment = str(time["datetime"]) if time else ""
    return evidence.in_upstreams_words(
        bucket, job_id, _text(row, ".name bdi"), kind=str(row["data-type"]), moment=moment, state=str(row["data-state"])
    )


def _pin(tree: BeautifulSoup) -> str:
    """Return when a list was opened, which stands in what its ticks ask for; an empty list has no ticks and needs none."""
    ticker = tree.select_one("#ticker[data-tick]")
    if ticker is None:
        if tree.select_one('tr[id^="job-"]'):
            raise ValueError("rows without a pin")
        return "0.0"
    return query_of(str(ticker["data-tick"]))["pin"]


def _text(tree: Tag, selector: str) -> str:
    found = tree.select_one(selector)
    return found.get_text() if found else ""


def is_twin(path: str) -> bool:
    """Tell whether this is the address of a twin, not of a page."""
    return urlsplit(path).path.endswith(".json")


def page_of(path: str) -> str:
    """Return the address of a twin's page."""
    address = urlsplit(path)
    return address._replace(path=address.path.removesuffix(".json") + "/").geturl()


def _job_of(path: str) -> str:
    """Return the job whose page or twin this is, "" for a list's."""
    job_id = urlsplit(path).path.removesuffix(".json").strip("/").split("/")[3:]
    return job_id[0] if job_id else ""


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
