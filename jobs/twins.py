"""The JSON twins' shapes: the same content as the page, with the API's own names and text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from jobs.details import codes
from jobs.export import OWNER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta

    from jobs.card import Card
    from jobs.cloudinfinite.schema import Job
    from jobs.completeness import Completeness
    from jobs.filters import CardRequest, ListRequest, MergedRequest, OverviewRequest
    from jobs.insight import Failure, Family, Oddities, Since, Tallies
    from jobs.merge import Merged
    from jobs.models import Bucket, Walk
    from jobs.overview import Line
    from jobs.problems import Problem
    from jobs.records import Row
    from jobs.searches import Ready
    from jobs.status import Standing, Status

PENDING: Mapping[str, Any] = {"pending": True}
"""The answer while the first fetch is under way."""


def moment(seconds: float) -> str:
    """Return unix `seconds` as an ISO 8601 time in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def job(row: Row) -> dict[str, Any]:
    """Return a job: the JobsDetail node itself, and what we read from it under names with an underscore."""
    read = row.job
    return {
        **read.tree,
        "_times": {
            "CreationTime": _iso(read.creation_time),
            "StartTime": _iso(read.start_time),
            "EndTime": _iso(read.end_time),
        },
        "_durations": {"waited": _seconds(read.waited), "ran": _seconds(read.ran)},
        "_masked": list(row.masked),
    }


def notes(asked: ListRequest) -> dict[str, Any]:
    """Return how times without an offset were read, by parameter; nothing where all had one."""
    return {"notes": {note.parameter: [note.text] for note in asked.notes}} if asked.notes else {}


def job_list(
    bucket: Bucket, asked: ListRequest, ready: Sequence[Ready], proven: Completeness, *, next_path: str | None
) -> dict[str, Any]:
    """Return the pages of a list, one after another, as one.

    Args:
        bucket: whose jobs these are.
        asked: what was asked for.
        ready: at least one page.
        proven: what is known of the list up to the last of them.
        next_path: where the next page's twin is, None at the end.
    """
    first, last = ready[0], ready[-1]
    return {
        "bucket": bucket.name,
        "region": bucket.region,
        "filter": asked.filter.params(),
        "summary": asked.summary,
        **notes(asked),
        "as_of": moment(first.page.as_of),
        "pin": str(first.page.pin),
        "stale": any(answer.stale for answer in ready),
        "problem": problem_body(first.problem) if first.problem else None,
        "request_id": last.page.request_id,
        "received": sum(answer.page.received for answer in ready),
        "unique": sum(answer.page.unique for answer in ready),
        "completeness": {
            "pages": proven.pages,
            "received": proven.received,
            "unique": proven.unique,
            "repeats": proven.repeats,
            "earlier_unknown": any(answer.page.n is None for answer in ready),
            "end": last.page.end or None,
            "doubts": {doubt: str(sentence) for doubt, sentence in proven.told.items()},
        },
        "jobs": [job(row) for answer in ready for row in answer.page.rows],
        "next": next_path,
    }


def overview(
    asked: OverviewRequest, lines: Iterable[tuple[Line, str]], *, pending: bool, following: str | None
) -> dict[str, Any]:
    """Return the overview's lines.

    Args:
        asked: what was asked for.
        lines: what is known of each bucket, with the path of its jobs' twin.
        pending: whether more will be known in a moment.
        following: the path of the next page, None at the end.
    """
    return {
        "range": asked.range,
        "sort": asked.sort,
        "pending": pending,
        "buckets": [_line(line, path) for line, path in lines],
        "next": following,
    }


def card(asked: CardRequest, found: Card, paths: Iterable[str]) -> dict[str, Any]:
    """Return what a portal's card tells.

    Args:
        asked: what was asked for.
        found: what is known.
        paths: the path of each bucket's jobs' twin.
    """
    waiting, failure, worst = found.waiting, found.failure, found.worst
    return {
        "filter": asked.question.params(),
        **notes(asked),
        "as_of": None if found.as_of is None else moment(found.as_of),
        "pending": found.again is not None,
        "counts": found.counts,
        "counts_are_least": found.is_least,
        "oldest_waiting": waiting and {"bucket": waiting[0].name, **_since_body(waiting[1])},
        "newest_failure": failure and {"bucket": failure[0].name, **_failure_body(failure[1])},
        "worst": worst and {"bucket": worst.bucket.name, "JobId": worst.job_id, "State": worst.state},
        "buckets": [_line(line, path) for line, path in zip(found.lines, paths, strict=True)],
    }


def _line(line: Line, path: str) -> dict[str, Any]:
    bucket, summary = line.bucket, line.summary
    return {
        "name": bucket.name,
        "region": bucket.region,
        "label": bucket.label,
        "as_of": None if line.as_of is None else moment(line.as_of),
        "pending": line.pending,
        "counts": summary and dict(summary.counts),
        "counts_are_least": summary and summary.is_least,
        "oldest_waiting": summary and _since(summary.waiting),
        "longest_running": summary and _since(summary.running),
        "newest_failure": summary and summary.failure and _failure_body(summary.failure),
        "problem": problem_body(line.problem) if line.problem else None,
        "jobs": path,
    }


def _since(one: Since | None) -> dict[str, str] | None:
    return _since_body(one) if one else None


def _since_body(one: Since) -> dict[str, str]:
    return {"JobId": one.job_id, "since": moment(one.at)}


def _failure_body(one: Failure) -> dict[str, str]:
    return {"JobId": one.job_id, "Code": one.code, "Message": one.message, "at": moment(one.at)}


def status(found: Status, now: float, workers: Iterable[tuple[str, float]] | None) -> dict[str, Any]:
    """Return how everything stands; null is what can't be known while a Redis is down.

    Args:
        found: what the reader may see of it.
        now: CI's time in unix seconds.
        workers: names, as the reader may know them, and seconds since the last heartbeat.
    """
    return {
        "as_of": moment(now),
        "down": list(found.down),
        "workers": None
        if workers is None
        else [{"name": name, "heartbeat_age": round(age, 2)} for name, age in workers],
        "queues": found.queues
        and {name: {"length": queue.length, "age": round(queue.age, 2)} for name, queue in found.queues.items()},
        "credentials": [{"name": one.name, **_standing(one)} for one in found.credentials],
        "buckets": [
            {"name": one.name, "credential": one.bucket.credential if one.bucket else None, **_standing(one)}
            for one in found.buckets
        ],
    }


def _standing(one: Standing) -> dict[str, Any]:
    tally, quota = one.tally, one.quota
    return {
        "state": one.state,
        "last_success": None if one.well_at is None else moment(one.well_at),
        "last_success_request_id": tally.well_id if tally else "",
        "last_problem": one.problem and {**problem_body(one.problem), "at": moment(one.problem.at)},
        "quota": quota
        and {
            "calls_left": None if quota.tokens is None else round(quota.tokens, 1),
            "calls_at_once": quota.burst,
            "in_flight": quota.in_flight,
            "cooling_seconds": round(quota.quiet, 1),
        },
        "shared": tally
        and {
            "since": moment(tally.since) if tally.since else None,
            "answers": tally.answers,
            "calls": tally.calls,
            "saved": one.saved,
        },
    }


def problem(trouble: Problem) -> dict[str, Any]:
    """Return the answer when there is nothing else to show."""
    return {"problem": problem_body(trouble)}


def problem_body(trouble: Problem) -> dict[str, Any]:
    """Return one problem, with its advice in the reader's language."""
    return {
        "class": trouble.kind,
        "code": trouble.code,
        "message": trouble.message,
        "advice": str(trouble.advice),
        "retryable": trouble.retryable,
        "request_id": trouble.request_id,
    }


def wrong(errors: Mapping[str, Iterable[object]]) -> dict[str, Any]:
    """Return the answer to a wrong filter: which parameters are wrong, and why."""
    return {
        "problem": {
            "class": "ours",
            "code": "wrong_filter",
            "message": _("This address asks for something that can't be asked."),
            "advice": _("Correct or leave out the parameters named under errors."),
            "retryable": False,
            "request_id": "",
        },
        "errors": {name: [str(error) for error in found] for name, found in errors.items()},
    }


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _seconds(span: timedelta | None) -> float | None:
    return span.total_seconds() if span is not None else None


def insight(
    asked: ListRequest,
    counts: Tallies,
    families: Iterable[Family],
    oddities: Oddities,
    *,
    owner: Callable[[Job], str],
    is_whole: bool,
) -> dict[str, Any]:
    """Return what the loaded jobs of a list say together.

    Args:
        asked: the list.
        counts: their counts.
        families: the families of those that failed.
        oddities: the odd ones.
        owner: tells the name of a job's bucket, "" where all are of one that the path names.
        is_whole: whether they are all jobs of the list.
    """
    return {
        "filter": asked.filter.params(),
        **notes(asked),
        "loaded": counts.jobs,
        "is_whole": is_whole,
        "states": dict(counts.states),
        "types": dict(counts.types),
        "kinds": [{"name": kind.name, "type": kind.type, "of": kind.of, "jobs": count} for kind, count in counts.kinds],
        "created": [
            {"begin": one.begin.isoformat(), "end": one.end.isoformat(), "jobs": one.count, "failed": one.failed}
            for one in counts.created
        ],
        "ran": [{"least": span.least, "below": span.below, "jobs": span.count} for span in counts.ran],
        "families": [
            {
                "name": family.name,
                "Code": family.code,
                "text": family.text,
                "advice": str(codes.advice(family.code)) if family.code else "",
                "jobs": [f"{bucket}/{job.job_id}" if (bucket := owner(job)) else job.job_id for job in family.jobs],
                "first": _iso(family.first),
                "last": _iso(family.last),
                "kinds": family.kinds,
                "templates": family.templates,
            }
            for family in families
        ],
        "odd": [
            {
                "JobId": one.job.job_id,
                **({"_bucket": bucket} if (bucket := owner(one.job)) else {}),
                "why": one.why,
                "type": one.kind.type,
                "of": one.kind.of,
                "took": _seconds(one.took),
                "usual": _seconds(one.usual),
                "finished": one.finished,
            }
            for one in oddities.odd
        ],
        "too_few_to_tell": [
            {"type": kind.type, "of": kind.of, "open": count} for kind, count in oddities.too_few.items()
        ],
    }


def merged(asked: MergedRequest, buckets: Iterable[Bucket], found: Merged, following: str | None) -> dict[str, Any]:
    """Return a page of several buckets' jobs in one list.

    Args:
        asked: what was asked for.
        buckets: whose jobs these are.
        found: what was found.
        following: where the next page's twin is, None at the end.
    """
    return {
        "buckets": merged_buckets(buckets, found),
        "filter": asked.filter.params(),
        "summary": asked.summary,
        **notes(asked),
        "as_of": None if found.as_of is None else moment(found.as_of),
        "stale": bool(found.stale),
        "jobs": [{**job(row), OWNER: bucket.name} for bucket, row in found.rows],
        "next": following,
    }


def merged_buckets(buckets: Iterable[Bucket], found: Merged) -> list[dict[str, Any]]:
    """Return which part each bucket takes in a merged list."""
    late = {bucket.name for bucket in found.late}
    return [
        {
            "name": bucket.name,
            "late": bucket.name in late,
            "left_out": bucket in found.left_out,
            "stale": bucket.name in found.stale,
            "doubtful": bucket in found.doubtful,
            "problem": problem_body(problem) if problem else None,
        }
        for bucket in buckets
        for problem in (
            found.problems.get(bucket.name) or found.stale.get(bucket.name) or found.known.get(bucket.name),
        )
    ]


def walk(
    one: Walk,
    *,
    summary: str,
    fraction: float | None,
    rate: float | None,
    left: tuple[timedelta, timedelta] | None,
    doubts: Mapping[str, object],
    problem: Problem | None,
    files: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Return how far a walk through a whole list is; null is what nobody can know.

    Args:
        one: the walk.
        summary: its filter in a sentence.
        fraction: the part of the creation times that it has walked through.
        rate: jobs a second so far.
        left: how long the rest may take, at least and at most.
        doubts: what can't be proven, each with the sentence for it.
        problem: what ended it, or what its last call met.
        files: the paths of its files by their kind, None while it isn't whole.
    """
    is_done = one.state == one.State.DONE
    return {
        "bucket": one.bucket.name,
        "region": one.bucket.region,
        "filter": {name: value for name, value in one.filter.items() if name != "size"},
        "summary": summary,
        "pin": one.pin,
        "state": one.state,
        "pages": one.pages,
        "received": one.received,
        "jobs": one.rows,
        "fraction": None if fraction is None else round(fraction, 4),
        "jobs_a_second": None if rate is None else round(rate, 1),
        "seconds_left": None if left is None else [span.total_seconds() for span in left],
        "started_at": moment(one.created),
        "last_page_at": moment(one.touched),
        "counted_at": moment(one.finished) if is_done and one.finished else None,
        "end": one.end or None,
        "doubts": {doubt: str(sentence) for doubt, sentence in doubts.items()},
        "problem": problem_body(problem) if problem else None,
        "files": files,
    }
