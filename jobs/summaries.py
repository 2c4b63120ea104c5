"""What Redis knows of many lists at once, each as one line: a summary of its newest first page, and its trouble.

A summary is made once from the page's rows, by whoever looks first, and stands beside the page under the chain's pin.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from jobs import cache, servers, troubles
from jobs.filters import Pin
from jobs.insight import Summary, summarize
from jobs.problems import Problem
from jobs.records import PageQuestion, Rows, unpack
from jobs.servers import cache_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.filters import JobFilter
    from jobs.models import Bucket


NO_TROUBLE = troubles.Trouble(None, 0.0)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one list.

    `as_of` is CI's unix time at which its page was asked for, None where there is none. `problem` concerns the question now;
    `last` is the bucket's last trouble, if no answer has come since. Problems from before `since` don't count.
    """

    summary: Summary | None = None
    as_of: float | None = None
    problem: Problem | None = None
    last: Problem | None = None
    since: float = 0.0


def find(buckets: Sequence[Bucket], job_filter: JobFilter, *, person: bool = True) -> list[Known]:
    """Return what is known of the list that `job_filter` asks of each bucket, in one round trip.

    Args:
        buckets: whose lists are meant.
        job_filter: what is asked.
        person: whether somebody looks, which is an answer given, or a program of ours.

    Raises:
        ServerDown: the cache can't be reached.
    """
    questions = [PageQuestion(bucket.name, job_filter) for bucket in buckets]
    keys: list[str] = []
    for bucket, question in zip(buckets, questions, strict=True):
        keys += [
            *cache.first_page_keys(question),
            _key(question, ""),
            troubles.tally_key(bucket.name),
            *troubles.keys(question.key, bucket.name, bucket.credential),
            troubles.last_key(bucket.name),
        ]
    if not keys:
        return []
    arguments = [cache.SHORT_LIFE, cache.LONG_LIFE, int(person)]
    found = servers.cache_server().script("read_summaries", keys, arguments)
    made: dict[str, Summary] = {}
    known = [
        _known(question, made, *told) if isinstance(told, list) else _well(told)
        for question, told in zip(questions, found, strict=True)
    ]
    _keep(made)
    return known


def _well(told: bytes) -> Known:
    """Return what is known of a list of which nothing is wrong: when its page was asked for, and its summary."""
    begins = told.index(b"[")
    return Known(_read(told[begins:]), float(told[:begins]) / 1000)


def _known(
    question: PageQuestion,
    made: dict[str, Summary],
    trouble: Sequence[bytes | None],
    last: bytes,
    began: bytes = b"",
    following: bytes = b"",
    written: bytes = b"",
    *page: bytes,
) -> Known:
    now = troubles.read(trouble) if trouble else NO_TROUBLE
    last_problem = Problem.from_primitives(unpack(last)) if last else None
    if last_problem and last_problem.at <= now.since:
        last_problem = None
    if not began:
        return Known(problem=now.problem, last=last_problem, since=now.since)
    summary = _read(written) if written else _made(question, made, *page, is_least=bool(following))
    return Known(summary, float(began) / 1000, now.problem, last_problem, now.since)


def _made(
    question: PageQuestion,
    made: dict[str, Summary],
    pin: bytes,
    meta: bytes,
    rows: bytes,
    left_out: bytes,
    *,
    is_least: bool,
) -> Summary:
    """Make the summary of a page, and note under which key it is to be kept."""
    opened = Pin.parse(pin.decode())
    start, end = question.filter.window(opened.time)
    hidden = frozenset(int(index) for index in left_out.split(b",") if index)
    listed = Rows(rows, hidden, json.loads(meta)["unique"] - len(hidden))
    summary = summarize((row.job for row in listed), start or end, end, is_least=is_least)
    made[_key(question, str(opened))] = summary
    return summary


@lru_cache(maxsize=1024)
def _read(written: bytes) -> Summary:
    """Read a summary; the same forty are read at each look."""
    return Summary.from_primitives(json.loads(written))


def _keep(made: dict[str, Summary]) -> None:
    if not made:
        return
    with servers.cache_server().connection() as client:
        pipeline = client.pipeline(transaction=False)
        for key, summary in made.items():
            pipeline.set(key, json.dumps(summary.to_primitives(), separators=(",", ":")), px=cache.SHORT_LIFE)
        pipeline.execute()


def _key(question: PageQuestion, pin: str) -> str:
    return cache_key(f"summary:{question.bucket}:{question.filter.digest}:{pin}")
