"""What is known to go wrong, on the cache: problems of a question, a bucket or a credential, and each bucket's tally.

A problem lasts as long as its class says, unless a *mark* outdates it: somebody pressed "try again", or the credential
changed. A *tally* counts what became of a bucket's questions. Everything may vanish at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from jobs import clock, servers
from jobs.problems import Problem
from jobs.records import pack, unpack
from jobs.servers import cache_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LAST_LIFE = 6 * 60 * 60 * 1000
"""Milliseconds for which the overview tells a bucket's last problem, unless an answer comes."""
MARK_LIFE = 120 * 1000
ANSWERED_IN = 1.5
"""Seconds by which a problem is forgotten earlier: what its end lets out takes some, and no later than the time for which it
is kept all is to be well again."""
TALLY_LIFE = 7 * 24 * 60 * 60 * 1000
"""Milliseconds without a call after which a bucket's tally begins anew."""
PERSONAL = frozenset({"not_found", "refused"})
"""Classes of problems that a question has and its bucket has not."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What concerns a question: the first problem that no mark has outdated, and the later mark (CI's unix time)."""

    problem: Problem | None
    since: float


def keys(key: str, bucket: str, credential: str) -> list[str]:
    """Return where the trouble of a question may stand: its own, its bucket's, its credential's; then the marks."""
    return [
        _problem_key("page", key),
        _problem_key("bucket", bucket),
        _problem_key("credential", credential),
        *_mark_keys(bucket, credential),
    ]


def _mark_keys(bucket: str, credential: str) -> list[str]:
    return [_mark_key("retry", bucket), _mark_key("changed", credential)]


def read(values: Sequence[bytes | None]) -> Trouble:
    """Return what stands at `keys`, given their values."""
    marks = [float(value) for value in values[-2:] if value]
    # One from the future was made before CI's time was set back. It would outdate all that comes until then.
    latest = clock.now() + clock.TOLERANCE if marks else 0.0
    since = max((mark for mark in marks if mark <= latest), default=0.0)
    problems = [Problem.from_primitives(unpack(value)) for value in values[:-2] if value]
    return Trouble(next((problem for problem in problems if problem.at > since), None), since)


def store_problem(problem: Problem, key: str, bucket: str, credential: str, *, spent: float = 0.0) -> None:
    """Remember `problem` for about as long as its class says, for all whom it concerns. It never touches a page.

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
    if not problem.kept:
        return
    name = {"page": key, "bucket": bucket, "credential": credential}[rule.scope]
    value = pack(problem.to_primitives())
    with servers.cache_server().connection() as client:
        client.set(_problem_key(rule.scope, name), value, px=max(1, int((problem.kept - ANSWERED_IN - spent) * 1000)))
        if problem.kind not in PERSONAL:
            # What the overview shows: longer than it stops anybody from asking, until an answer comes.
            client.set(last_key(bucket), value, px=LAST_LIFE)


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
            last_key(bucket),
        )
        if calls:
            _note(pipeline, bucket, now, calls, {"well_at": repr(now), "well_id": request_id})
        pipeline.execute()


def mark_retry(bucket: str, credential: str, now: float) -> None:
    """Let no problem of `bucket` known by `now` count any more: somebody pressed "try again".

    Raises:
        ServerDown: the cache can't be reached.
    """
    shared = [last_key(bucket), _problem_key("bucket", bucket), _problem_key("credential", credential)]
    with servers.cache_server().connection() as client:
        values = cast("Any", client).mget(shared)
        known = {
            key: Problem.from_primitives(unpack(value)).at for key, value in zip(shared, values, strict=True) if value
        }
        # From before CI's time was set back: no mark that is made now would outdate them. A question's own problem, which is
        # kept for seconds, stays: to call whatever lies in the future outdated would hide what a process tells that has not
        # heard yet of the new time.
        if ahead := [key for key, at in known.items() if at > now + clock.TOLERANCE]:
            client.delete(*ahead)
    # The worker's clock may be some milliseconds ahead of ours: what is known already is dropped all the same.
    _mark("retry", bucket, max([now, *(at for key, at in known.items() if key not in ahead)]))


def mark_credential_changed(credential: str, now: float) -> None:
    """Let no problem under `credential` from before `now` count any more: the credential changed.

    Raises:
        ServerDown: the cache can't be reached.
    """
    _mark("changed", credential, now)


def _mark(kind: str, name: str, now: float) -> None:
    with servers.cache_server().connection() as client:
        client.set(_mark_key(kind, name), repr(now), px=MARK_LIFE)


def last(buckets: Iterable[tuple[str, str]]) -> dict[str, Problem]:
    """Return the last problem of each bucket by name, where neither an answer nor a mark has outdated it, in one round trip.

    Args:
        buckets: their names, each with its credential's.

    Raises:
        ServerDown: the cache can't be reached.
    """
    wanted = {name: [last_key(name), *_mark_keys(name, credential)] for name, credential in buckets}
    if not wanted:
        return {}
    with servers.cache_server().connection() as client:
        values = iter(cast("Any", client).mget([key for keys in wanted.values() for key in keys]))
    found = {name: read(list(islice(values, len(keys)))).problem for name, keys in wanted.items()}
    return {name: problem for name, problem in found.items() if problem}


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
    key = tally_key(bucket)
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
            pipeline.hmget(tally_key(name), ["since", "calls", "answers", "well_at", "well_id", "problem"])
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


# Keys ------------------------------------------------------------------------------------------------------------------


def tally_key(bucket: str) -> str:
    """Return where the tally of a bucket stands: a reader's look counts itself there."""
    return cache_key(f"tally:{bucket}")


def last_key(bucket: str) -> str:
    """Return where the last problem of a bucket stands, until an answer comes."""
    return _problem_key("last", bucket)


def _problem_key(scope: str, name: str) -> str:
    return cache_key(f"problem:{scope}:{name}")


def _mark_key(kind: str, name: str) -> str:
    return cache_key(f"mark:{kind}:{name}")
