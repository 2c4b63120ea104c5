"""What Redis remembers of CI: heads, chains, pages, jobs, problems and rendered fragments, with their keys and ages.

A *head* names the newest chain of a filter. A *chain* (bucket, filter, pin) is a hash: `c:<n>` and `p:<n>` are page n's
continuation and place, `t:<place>` a place's number, `j:<JobId>` the lowest page that held the job, `l:<n>` the creation
time (unix seconds) of page n's last row where the order is proven, `s:<n>` what the chain has brought up to page n,
`e:<n>` how many pages running, up to n, brought nothing new. A *page* is a hash
keyed by its place in the chain: the digest of the continuation that leads to it, or `first`. Everything may vanish at
any moment (the server evicts by age), and everything stored is masked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings

from jobs import servers
from jobs.completeness import Completeness
from jobs.filters import Pin
from jobs.filters.times import write_time
from jobs.problems import Problem
from jobs.records import Continuation, JobQuestion, JobRecord, Page, PageQuestion, Row, Rows, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.chains import Step

VERSION: str = settings.CACHE_VERSION
"""Part of every key: two releases side by side don't read each other's values."""

OPEN_HEAD_AGE = 15.0
"""Seconds for which a first page with a job that may still change is fresh."""
FINAL_HEAD_AGE = 60.0
"""Seconds for which a first page with final jobs only is fresh: new jobs still arrive."""
LATER_PAGE_AGE = 600.0
"""Seconds for which a page of a pinned chain is fresh: arrivals can't shift it."""
JOB_AGE = 15.0
"""Seconds for which a job that is not final is fresh."""
AHEAD = 2.0
"""Seconds by which a good clock may be behind the one that a page was stored by; more, and that one was wrong."""
SHORT_LIFE = 10 * 60 * 1000
LONG_LIFE = 6 * 60 * 60 * 1000
"""Milliseconds that a chain lives: short while nobody went past its first page."""
FRAGMENT_LIFE = 15 * 60 * 1000
MARK_LIFE = 120 * 1000
TALLY_LIFE = 7 * 24 * 60 * 60 * 1000
"""Milliseconds without a call after which a bucket's tally begins anew."""
PERSONAL = frozenset({"not_found", "refused"})
"""Classes of problems that a question has and its bucket has not."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the cache knows about a question.

    `since` is the time (unix seconds) before which problems don't count: somebody pressed "try again", or the
    credential changed. `claimed` says that the answer was fetched because of this very look.
    """

    page: Page | None = None
    job: JobRecord | None = None
    problem: Problem | None = None
    next_is_there: bool = True
    since: float = 0.0
    claimed: bool = False


def is_fresh(page: Page, now: float, *, head: bool) -> bool:
    """Tell whether `page` needs no refresh at `now` (CI's time, unix seconds)."""
    most = LATER_PAGE_AGE if not head else OPEN_HEAD_AGE if page.has_open_jobs else FINAL_HEAD_AGE
    return -AHEAD <= now - page.as_of < most


def job_is_fresh(record: JobRecord, now: float) -> bool:
    """Tell whether `record` needs no refresh at `now` (CI's time, unix seconds)."""
    return record.row.job.is_final or -AHEAD <= now - record.as_of < JOB_AGE


# Pages -----------------------------------------------------------------------------------------------------------------


def find_page(question: PageQuestion, credential: str, *, person: bool) -> Found:
    """Look a page up with the problems that concern it, in one round trip.

    Raises:
        ServerDown: the cache can't be reached.
    """
    pin = str(question.pin) if question.pin else ""
    trouble, *found = servers.cache_server().script(
        "read_page",
        [
            _head_key(question),
            _page_prefix(question),
            _chain_prefix(question),
            *_problem_keys(question.key, question.bucket, credential),
        ],
        [pin, question.place, int(person), SHORT_LIFE, LONG_LIFE, _tally_key(question.bucket)],
    )
    if not found:
        return _trouble(trouble)
    page, next_is_there = _page(question, found[0])
    return replace(_trouble(trouble), page=page, next_is_there=next_is_there)


def _page(question: PageQuestion, answer: Sequence[Any]) -> tuple[Page, bool]:
    pin, meta, rows, repeats, following, ending, began, n, doubts, so_far, ahead = answer
    stored = json.loads(meta)
    left_out = frozenset(int(index) for index in repeats.split(b",") if index)
    count = stored["unique"] - len(left_out)
    page = Page(
        bucket=question.bucket,
        region=stored["region"],
        digest=question.filter.digest,
        pin=Pin.parse(pin.decode()),
        n=int(n) if n else None,
        rows=Rows(rows, left_out, count),
        received=stored["received"],
        repeats=stored["received"] - count,
        next=Continuation(*unpack(following)) if following else None,
        end=ending.decode(),
        request_id=stored["request_id"],
        as_of=float(began) / 1000,
        place=question.place,
        asked_upstream=stored["asked"],
        has_open_jobs=stored["open"],
        doubts=_listed(doubts),
        so_far=_so_far(int(n), so_far) if n and so_far else None,
    )
    return page, bool(ahead)


def _so_far(n: int, written: bytes) -> Completeness:
    received, unique, doubts = written.split(b" ")
    return Completeness(n, int(received), int(unique), _listed(doubts))


def _listed(doubts: bytes) -> tuple[str, ...]:
    return tuple(doubts.decode().split(",")) if doubts else ()


def store_page(
    question: PageQuestion,
    page: Page,
    step: Step,
    *,
    moves_head: bool,
    person: bool,
) -> bool:
    """Store `page` as it came (rows unique within it) unless a newer one stands there, with its chain's change.

    Each job on it is then found by its id, unless it was asked by itself later.

    `step` is what the answer means for the chain; `moves_head` lets the filter's head point to this page's chain. Returns
    whether it was stored.

    Raises:
        ServerDown: the cache can't be reached.
    """
    meta = {
        "region": page.region,
        "received": page.received,
        "unique": page.unique,
        "request_id": page.request_id,
        "asked": page.asked_upstream,
        "open": page.has_open_jobs,
    }
    following, if_moved = step.next, step.if_moved
    answer = servers.cache_server().script(
        "store_page",
        [
            f"{_page_prefix(question)}{page.pin}:{page.place}",
            f"{_chain_prefix(question)}{page.pin}",
            _head_key(question) if moves_head else "",
            _key(JobQuestion(question.bucket, "").key),
        ],
        [
            round(page.as_of * 1000),
            str(page.pin),
            page.place,
            json.dumps(meta),
            pack([row.to_primitives() for row in page.rows]),
            pack([following.next_token, following.after]) if following else b"",
            following.digest if following else "",
            SHORT_LIFE,
            LONG_LIFE,
            int(person),
            ",".join(page.doubts),
            _unix(step.first),
            _unix(step.last),
            int(question.filter.order == "Desc"),
            page.received,
            pack([if_moved.next_token, if_moved.after]) if if_moved else b"",
            if_moved.digest if if_moved else "",
            *(row.job.job_id for row in page.rows),
        ],
    )
    return bool(answer)


def has_page(question: PageQuestion) -> bool:
    """Tell whether a page of a pinned chain is there, fresh or not, without keeping it alive.

    Raises:
        ServerDown: the cache can't be reached.
    """
    with servers.cache_server().connection() as client:
        return bool(client.exists(f"{_page_prefix(question)}{question.pin}:{question.place}"))


def find_continuation(question: PageQuestion, n: int) -> Continuation | None:
    """Return how page `n` of the question's chain is reached, None where that is forgotten.

    Raises:
        ServerDown: the cache can't be reached.
    """
    with servers.cache_server().connection() as client:
        known = cast("bytes | None", client.hget(f"{_chain_prefix(question)}{question.pin}", f"c:{n}"))
    return Continuation(*unpack(known)) if known else None


def created_before(question: PageQuestion) -> str:
    """Return the creation time of the last row before a page of a chain, as a continuation's `after`; "" if unknown.

    Raises:
        ServerDown: the cache can't be reached.
    """
    chain = f"{_chain_prefix(question)}{question.pin}"
    with servers.cache_server().connection() as client:
        n = cast("bytes | None", client.hget(chain, f"t:{question.place}"))
        seconds = cast("bytes | None", client.hget(chain, f"l:{int(n) - 1}")) if n else None
    return write_time(datetime.fromtimestamp(int(seconds), UTC)) if seconds else ""


def known_jobs(question: PageQuestion, job_ids: Sequence[str]) -> tuple[set[str], datetime | None]:
    """Return which of some jobs the chain of a question's pin has met, and when the last row of its first page was created.

    The latter is None where the order is not proven, or the chain is forgotten and has met none.

    Raises:
        ServerDown: the cache can't be reached.
    """
    fields = ["l:1", *(f"j:{job_id}" for job_id in job_ids)]
    with servers.cache_server().connection() as client:
        last, *met = cast("Any", client.hmget(f"{_chain_prefix(question)}{question.pin}", fields))
    known = {job_id for job_id, page in zip(job_ids, met, strict=True) if page is not None}
    return known, datetime.fromtimestamp(float(last), UTC) if last else None


def _unix(time: datetime | None) -> str:
    return str(int(time.timestamp())) if time else ""


# Jobs ------------------------------------------------------------------------------------------------------------------


def find_job(question: JobQuestion, credential: str) -> Found:
    """Look a job up with the problems that concern it, in one round trip.

    Raises:
        ServerDown: the cache can't be reached.
    """
    trouble, *stored = servers.cache_server().script(
        "read_job",
        [_key(question.key), *_problem_keys(question.key, question.bucket, credential)],
        [_tally_key(question.bucket), LONG_LIFE],
    )
    return replace(_trouble(trouble), job=_job(question, *stored) if stored else None)


def _job(
    question: JobQuestion, began: bytes, blob: bytes | None, rows: bytes = b"", meta: bytes = b"{}"
) -> JobRecord | None:
    """Return what a job was stored as: a blob of its own, or a row of a page. The page may hold it no more."""
    if blob is None:
        listed = (Row.from_primitives(row) for row in unpack(rows))
        row = next((row for row in listed if row.job.job_id == question.job_id), None)
        stored = json.loads(meta)
    else:
        stored = unpack(blob)
        row = Row.from_primitives(stored["row"])
    if row is None:
        return None
    return JobRecord(
        bucket=question.bucket,
        row=row,
        as_of=float(began) / 1000,
        request_id=stored["request_id"],
        raw=stored.get("raw"),
        raw_missing=stored.get("raw_missing", "not_asked"),
    )


def store_job(record: JobRecord) -> None:
    """Store a job that was asked by itself. The jobs of a list are found through their pages.

    Raises:
        ServerDown: the cache can't be reached.
    """
    value: dict[str, Any] = {"row": record.row.to_primitives(), "request_id": record.request_id}
    if record.raw is not None:
        value["raw"] = record.raw
    if record.raw_missing != "not_asked":
        value["raw_missing"] = record.raw_missing
    servers.cache_server().script(
        "store_job",
        [_key(JobQuestion(record.bucket, record.row.job.job_id).key)],
        [round(record.as_of * 1000), SHORT_LIFE, pack(value)],
    )


# Problems --------------------------------------------------------------------------------------------------------------


def _problem_keys(key: str, bucket: str, credential: str) -> list[str]:
    """Return where the trouble of a question may stand: its own, its bucket's, its credential's; then the marks."""
    return [
        _problem_key("page", key),
        _problem_key("bucket", bucket),
        _problem_key("credential", credential),
        *_mark_keys(bucket, credential),
    ]


def _mark_keys(bucket: str, credential: str) -> list[str]:
    return [_mark_key("retry", bucket), _mark_key("changed", credential)]


def _trouble(values: Sequence[bytes | None]) -> Found:
    """Return the first problem that no mark has outdated, and the later mark. The last two of `values` are the marks."""
    since = max((float(value) for value in values[-2:] if value), default=0.0)
    problems = [Problem.from_primitives(unpack(value)) for value in values[:-2] if value]
    return Found(problem=next((problem for problem in problems if problem.at > since), None), since=since)


def last_problems(buckets: Iterable[tuple[str, str]]) -> dict[str, Problem]:
    """Return the last known trouble of each (bucket, credential), in one round trip.

    Raises:
        ServerDown: the cache can't be reached.
    """
    listed = list(buckets)
    if not listed:
        return {}
    keys = []
    for bucket, credential in listed:
        keys += [
            _problem_key("bucket", bucket),
            _problem_key("last", bucket),
            _problem_key("credential", credential),
            *_mark_keys(bucket, credential),
        ]
    with servers.cache_server().connection() as client:
        values = cast("Any", client).mget(keys)
    found: dict[str, Problem] = {}
    for index, (bucket, _credential) in enumerate(listed):
        if problem := _trouble(values[index * 5 : index * 5 + 5]).problem:
            found[bucket] = problem
    return found


def store_problem(problem: Problem, key: str, bucket: str, credential: str, *, spent: float = 0.0) -> None:
    """Remember `problem` for as long as its class says, for all whom it concerns. It never touches a page.

    Args:
        problem: what went wrong.
        key: the question's key.
        bucket: the bucket's name.
        credential: its credential's name.
        spent: seconds since upstream was asked, by which it is kept shorter: of later the problem says nothing.

    Raises:
        ServerDown: the cache can't be reached.
    """
    rule = problem.rule
    if not rule.kept:
        return
    name = {"page": key, "bucket": bucket, "credential": credential}[rule.scope]
    value = pack(problem.to_primitives())
    with servers.cache_server().connection() as client:
        client.set(_problem_key(rule.scope, name), value, px=max(1, int((rule.kept - spent) * 1000)))
        if problem.kind not in PERSONAL:
            # What the bucket list shows: longer than it stops anybody from asking, until an answer comes.
            client.set(_problem_key("last", bucket), value, px=LONG_LIFE)


def clear_problems(
    key: str, bucket: str, credential: str, *, now: float = 0.0, calls: int = 0, request_id: str = ""
) -> None:
    """Forget the trouble that a good answer has disproved, and note the answer in the bucket's tally.

    Args:
        key: the question's key.
        bucket: the bucket's name.
        credential: its credential's name.
        now: CI's time, unix seconds.
        calls: how many calls the answer cost; with none, there is nothing to note.
        request_id: the answer's.

    Raises:
        ServerDown: the cache can't be reached.
    """
    with servers.cache_server().connection() as client:
        pipeline = client.pipeline(transaction=False)
        pipeline.delete(
            _problem_key("page", key),
            _problem_key("bucket", bucket),
            _problem_key("credential", credential),
            _problem_key("last", bucket),
        )
        if calls:
            _note(pipeline, bucket, now, calls, {"well_at": repr(now), "well_id": request_id})
        pipeline.execute()


def mark_retry(bucket: str, credential: str, now: float) -> None:
    """Let no problem of `bucket` known by `now` count any more: somebody pressed "try again".

    Raises:
        ServerDown: the cache can't be reached.
    """
    keys = [_problem_key("last", bucket), _problem_key("bucket", bucket), _problem_key("credential", credential)]
    with servers.cache_server().connection() as client:
        values = cast("Any", client).mget(keys)
    # The worker's clock may be some milliseconds ahead of ours: what is known already is dropped all the same.
    known = [Problem.from_primitives(unpack(value)).at for value in values if value]
    _mark("retry", bucket, max([now, *known]))


def mark_credential_changed(credential: str, now: float) -> None:
    """Let no problem under `credential` from before `now` count any more: the credential changed.

    Raises:
        ServerDown: the cache can't be reached.
    """
    _mark("changed", credential, now)


def _mark(kind: str, name: str, now: float) -> None:
    with servers.cache_server().connection() as client:
        client.set(_mark_key(kind, name), repr(now), px=MARK_LIFE)


# Tallies ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a bucket's questions since `since`: how many calls were made, and how many answers given from them.

    Times are CI's, in unix seconds, None where there is none. `problem` is the last, whether or not it is over.
    """

    since: float | None = None
    calls: int = 0
    answers: int = 0
    well_at: float | None = None
    well_id: str = ""
    problem: Problem | None = None


def note_problem(problem: Problem, bucket: str, calls: int) -> None:
    """Note in the bucket's tally that its last calls failed. What only a reader's question is wrong about is no trouble of it.

    Raises:
        ServerDown: the cache can't be reached.
    """
    told = {} if problem.kind in PERSONAL else {"problem": pack(problem.to_primitives())}
    with servers.cache_server().connection() as client:
        pipeline = client.pipeline(transaction=False)
        _note(pipeline, bucket, problem.at, calls, told)
        pipeline.execute()


def _note(pipeline: Any, bucket: str, now: float, calls: int, values: Mapping[str, str | bytes]) -> None:
    key = _tally_key(bucket)
    pipeline.hsetnx(key, "since", repr(now))
    pipeline.hincrby(key, "calls", calls)
    if values:
        pipeline.hset(key, mapping=values)
    pipeline.pexpire(key, TALLY_LIFE)


def tallies(buckets: Iterable[str]) -> dict[str, Tally]:
    """Return the tally of each bucket by name, in one round trip.

    Raises:
        ServerDown: the cache can't be reached.
    """
    names = list(buckets)
    with servers.cache_server().connection() as client:
        pipeline = client.pipeline(transaction=False)
        for name in names:
            pipeline.hmget(_tally_key(name), ["since", "calls", "answers", "well_at", "well_id", "problem"])
        found = cast("Any", pipeline.execute())
    return {name: _tally(*fields) for name, fields in zip(names, found, strict=True)}


def _tally(
    since: bytes | None,
    calls: bytes | None,
    answers: bytes | None,
    well_at: bytes | None,
    well_id: bytes | None,
    problem: bytes | None,
) -> Tally:
    return Tally(
        since=float(since) if since else None,
        calls=int(calls or 0),
        answers=int(answers or 0),
        well_at=float(well_at) if well_at else None,
        well_id=(well_id or b"").decode(),
        problem=Problem.from_primitives(unpack(problem)) if problem else None,
    )


# Fragments -------------------------------------------------------------------------------------------------------------


def find_fragment(name: str) -> str | None:
    """Return a rendered fragment.

    Raises:
        ServerDown: the cache can't be reached.
    """
    with servers.cache_server().connection() as client:
        data = cast("bytes | None", client.get(_key(f"html:{name}")))
    return cast("str", unpack(data)) if data is not None else None


def store_fragment(name: str, html: str) -> None:
    """Keep a rendered fragment for the next reader.

    Raises:
        ServerDown: the cache can't be reached.
    """
    with servers.cache_server().connection() as client:
        client.set(_key(f"html:{name}"), pack(html), px=FRAGMENT_LIFE)


# Keys ------------------------------------------------------------------------------------------------------------------


def _key(name: str) -> str:
    return f"{VERSION}:{name}"


def _head_key(question: PageQuestion) -> str:
    return _key(f"head:{question.bucket}:{question.filter.digest}")


def _page_prefix(question: PageQuestion) -> str:
    return _key(f"page:{question.bucket}:{question.filter.digest}:")


def _chain_prefix(question: PageQuestion) -> str:
    return _key(f"chain:{question.bucket}:{question.filter.digest}:")


def _problem_key(scope: str, name: str) -> str:
    return _key(f"problem:{scope}:{name}")


def _mark_key(kind: str, name: str) -> str:
    return _key(f"mark:{kind}:{name}")


def _tally_key(bucket: str) -> str:
    return _key(f"tally:{bucket}")
