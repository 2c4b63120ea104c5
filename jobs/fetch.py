"""One fetch, in the worker: take the claim over, call Cloud Infinite, mask, store, wake. Tasks are shells around it."""

from __future__ import annotations

import logging
import random
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import Error as DatabaseError

from jobs import cache, chains, claims, clock, credentials, masks, metrics, throttle, troubles
from jobs.cloudinfinite.exceptions import (
    CloudInfiniteError,
    NotFound,
    PermissionDenied,
    Refused,
    UpstreamFailing,
)
from jobs.cloudinfinite.parser import BadXml, read_xml
from jobs.cloudinfinite.schema import Job, parse_time
from jobs.filters import Pin
from jobs.models import Bucket
from jobs.problems import Problem, ours
from jobs.records import Continuation, JobQuestion, JobRecord, Page, PageQuestion, Row
from jobs.servers import ServerDown
from jobs.spans import Span
from jobs.upstream import Upstream, client, longest_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from jobs.claims import Gate, Lane
    from jobs.cloudinfinite.tree import Tree

logger = logging.getLogger(__name__)

PIN_BEHIND = 2.0
"""Seconds that a pin stays behind CI's time: the second that still runs may still receive jobs."""
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
"""It names the encoding of the bytes that came; what is kept is text."""
MOST_ANSWERS = 3
"""Answers of the largest size that are asked for a page which is fetched again."""


def gate(bucket_name: str) -> Gate:
    """Return what can hold the calls to a bucket back, "default" being the credential of one that is gone."""
    credential = Bucket.objects.filter(name=bucket_name).values_list("credential", flat=True).first()
    return throttle.gate(bucket_name, credential or "default")


def fetch_page(question: PageQuestion, enqueued_at: int, lane: Lane) -> Page | None:
    """Fetch and store one page of a list, unless somebody does or did since `enqueued_at` (broker's unix ms).

    Returns the page as it came, None where there was nothing to do or it went wrong.
    """
    stored: list[Page] = []

    def work(claim: claims.Claim, upstream: Upstream) -> None:
        page, step = _ask_page(question, upstream)
        cache.store_page(question, page, step, moves_head=page.pin != question.pin, person=lane == "person")
        _succeed(claim, upstream, page.request_id)
        stored.append(page)

    _work_on(question, enqueued_at, lane, work)
    return stored[0] if stored else None


def fetch_job(question: JobQuestion, enqueued_at: int, lane: Lane) -> None:
    """Fetch and store one job, unless somebody does or did since `enqueued_at` (broker's unix ms)."""

    def work(claim: claims.Claim, upstream: Upstream) -> None:
        record = _ask_job(question, upstream)
        cache.store_job(record)
        _succeed(claim, upstream, record.request_id)

    _work_on(question, enqueued_at, lane, work)


def _work_on(
    question: PageQuestion | JobQuestion,
    enqueued_at: int,
    lane: Lane,
    work: Callable[[claims.Claim, Upstream], None],
) -> None:
    """Take the claim over, do `work` if upstream's limits let it, and turn what goes wrong into a problem."""
    claim = claims.start(question.key, enqueued_at)
    if claim is None:
        return
    metrics.queued(lane, claim.queued)
    try:
        bucket = Bucket.objects.filter(name=question.bucket, hidden=False).first()
    except DatabaseError as error:
        logger.warning("%s: the database is down: %s", claim.key, error)
        claims.again(claim, ours("database_down", clock.now()), 1.0)
        return
    if bucket is None:
        # Hidden while the task was queued: nobody may see it any more, so nobody waits.
        claims.finish(claim, "failed")
        return
    longest = longest_call()
    with claims.renewer.holding(claim, longest):
        try:
            credential = credentials.get(bucket.credential)
            with throttle.permit(bucket.name, bucket.credential, lane, longest) as permit:
                metrics.let_through(lane, claim.held_by, claim.held)
                try:
                    work(claim, Upstream(bucket, credential, permit))
                except CloudInfiniteError as error:
                    problem = Problem.from_exception(error, clock.now())
                    permit.failed(error, problem)
                    _fail(claim, bucket, problem, spent=time.monotonic() - permit.asked_at)
                    troubles.note_problem(problem, bucket.name, permit.calls)
        except throttle.HeldBack as held:
            # Nobody waits here: whoever still wants it asks again when there is a chance.
            claims.give_back(claim, held.delay, held.reason)
        except credentials.MissingCredential as error:
            _fail(claim, bucket, Problem("credentials", "missing_credential", str(error), at=clock.now()), spent=0.0)
        except ServerDown:
            # What was fetched can't be stored. Whoever waits shall ask again rather than wait for the claim to lapse.
            claims.again(claim, ours("redis_down", clock.now()), 0.5)
        except Exception:
            claims.again(claim, ours("busy", clock.now()), 1.0)
            raise


def _succeed(claim: claims.Claim, upstream: Upstream, request_id: str) -> None:
    claims.finish(claim, "stored")
    bucket, calls = upstream.bucket, upstream.permit.calls
    troubles.clear_problems(
        claim.key, bucket.name, bucket.credential, now=clock.now(), calls=calls, request_id=request_id
    )


def _fail(claim: claims.Claim, bucket: Bucket, problem: Problem, *, spent: float) -> None:
    """Keep the problem once its tries are used up, else let the next reader ask again after a moment.

    `spent` is how many seconds ago upstream was asked.
    """
    logger.info(
        "%s: %s %s (try %d of %d, RequestId %s)",
        claim.key, problem.kind, problem.code, claim.tries, problem.tries, problem.request_id or "none",
    )  # fmt: skip
    final = (
        problem.kind == "clock"  # asked twice already, with the clock corrected in between
        or claim.tries >= problem.tries
        or claim.since_first >= settings.FETCH_DEADLINE
    )
    if final:
        troubles.store_problem(problem, claim.key, bucket.name, bucket.credential, spent=spent)
        claims.finish(claim, "failed")
    else:
        base = 1.0 if problem.kind == "throttled" else 0.25
        # Jitter keeps the retries of many pages apart; it needs no secrecy.
        delay = base * 2 ** (claim.tries - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        claims.again(claim, problem, delay)


# Asking ------------------------------------------------------------------------------------------------------------------


def _ask_page(question: PageQuestion, upstream: Upstream) -> tuple[Page, chains.Step]:
    owed = None
    if question.pin:
        known = cache.find_known(question)
        if known.span:
            return _ask_span(question, question.pin, known.span, upstream)
        owed = known.owed
        if not known.fetched and question.continuation is None:
            # The chain was forgotten. Whoever scrolls it still is not to meet the pages of one that is opened anew.
            question = replace(question, pin=replace(question.pin, opened=int(clock.now() * 1000)))
    asked = question.continuation or Continuation()
    try:
        page, step, clock_changed = ask_page_once(question, asked, upstream)
    except Refused:
        after = cache.created_before(question) if asked.next_token else ""
        if not after:
            raise
        # The token alone may be what was refused: go on by creation time, and say so.
        page, step, _ = ask_page_once(question, Continuation("", after), upstream, again=True)
        return replace(page, doubts=(*page.doubts, "token")), step
    if clock_changed and question.pin is None:
        # The pin was made with a wrong clock, so this answer may hold rows from after it. Ask once more.
        page, step, clock_changed = ask_page_once(question, asked, upstream, again=True)
        if clock_changed and page.pin.end > clock.now() + clock.TOLERANCE:
            # The first answer's Date was wrong, not our clock. Later jobs would shift the list's pages.
            raise UpstreamFailing("unsteady_clock", "The times of two answers contradict.", 200, page.request_id)
    if owed and not asked.after:
        page = _with_owed(page, question, owed, upstream)
    return page, step


def _with_owed(page: Page, question: PageQuestion, second: datetime, upstream: Upstream) -> Page:
    """Put before a page what the one before it left to it: a token may lead past the jobs that came into its last second since."""
    narrowed = Span(second, second).within(question.filter, page.pin.time)
    asked = PageQuestion(question.bucket, narrowed, page.pin)
    theirs, step, _ = ask_page_once(asked, Continuation(), upstream, again=True)
    # What the list has shown of that second would look like a list that moved.
    shown, _ = cache.known_jobs(question, [row.job.job_id for row in theirs.rows])
    come = [row for row in theirs.rows if row.job.job_id and row.job.job_id not in shown]
    rows, received = _unique([*come, *page.rows]), len(come) + page.received
    return replace(
        page,
        rows=rows,
        received=received,
        repeats=received - len(rows),
        has_open_jobs=theirs.has_open_jobs or page.has_open_jobs,
        doubts=tuple(dict.fromkeys([*page.doubts, *step.doubts, *(["grown"] if step.next else [])])),
    )


def _ask_span(question: PageQuestion, pin: Pin, span: Span, upstream: Upstream) -> tuple[Page, chains.Step]:
    """Ask for what a page covered when it was first fetched, however many jobs that is by now."""
    narrowed = span.within(question.filter, pin.time)
    answers: list[Page] = []
    steps: list[chains.Step] = []
    following: Continuation | None = Continuation()
    while following and len(answers) < MOST_ANSWERS:
        asked = PageQuestion(question.bucket, narrowed, pin, following)
        try:
            page, step, _ = ask_page_once(asked, following, upstream, again=bool(answers))
        except (throttle.HeldBack, Refused):
            if not answers:
                raise
            break  # What has come is worth more than to begin again.
        answers.append(page)
        steps.append(step)
        following = step.next
    rows = _unique(row for page in answers for row in page.rows)
    received = sum(page.received for page in answers)
    moved = any(step.if_moved for step in steps) and len(rows) < received
    created = [row.job.creation_time for row in rows]
    step = chains.step_of_span(question.filter, span, steps, created, grown=moved or bool(following))
    whole = replace(
        answers[-1],
        digest=question.filter.digest,
        place=question.place,
        rows=rows,
        received=received,
        repeats=received - len(rows),
        next=None,
        as_of=answers[0].as_of,
        has_open_jobs=any(page.has_open_jobs for page in answers),
        doubts=step.doubts,
    )
    return whole, step


def ask_page_once(
    question: PageQuestion, asked: Continuation, upstream: Upstream, *, again: bool = False
) -> tuple[Page, chains.Step, bool]:
    """Ask for one page of a list once; nothing is stored.

    Args:
        question: which page.
        asked: its continuation, empty for the first page.
        upstream: what may be asked.
        again: whether the permit's first token is spent already.

    Returns the page, masked and with its rows unique, what it means for its chain, and whether the clock was corrected meanwhile.

    Raises:
        CloudInfiniteError: as the client.
        HeldBack: there is no token for a further call.
    """
    bucket = upstream.bucket
    started, began = time.monotonic(), clock.now()
    pin = question.pin or _new_pin(question, began)
    start, end = question.filter.window(pin.time)
    if after := parse_time(asked.after):
        # A link may name any time; it never leads out of the list.
        start, end = (max(after, start or after), end) if question.filter.order == "Asc" else (start, min(after, end))
    page = Page(
        bucket=bucket.name,
        region=bucket.region,
        digest=question.filter.digest,
        pin=pin,
        n=None,
        rows=(),
        received=0,
        repeats=0,
        next=None,
        end="missing",
        request_id="",
        as_of=began,
        place=question.place,
        asked_upstream=False,
    )
    if start and start > end:
        # Nothing can lie between: an empty list without a call.
        return page, chains.step(question.filter, asked, (), ""), False
    wanted = question.filter
    answer, clock_changed = upstream.call(
        lambda: client().list_jobs(
            bucket.name,
            bucket.region,
            upstream.credential,
            type=wanted.type,
            states=wanted.states,
            name=wanted.name,
            job_id=wanted.job_id,
            workflow_id=wanted.workflow_id,
            start_creation_time=_local(start),
            end_creation_time=_local(end),
            order_by_time=wanted.order,
            size=wanted.size,
            next_token=asked.next_token,
        ),
        again=again,
    )
    rows = _unique(_masked(job) for job in answer.jobs)
    step = chains.step(wanted, asked, [job.creation_time for job in answer.jobs], answer.next_token)
    answered = replace(
        page,
        rows=rows,
        received=len(answer.jobs),
        repeats=len(answer.jobs) - len(rows),
        next=step.next,
        request_id=answer.request_id,
        as_of=_ci_time_at(started),
        asked_upstream=True,
        has_open_jobs=any(not row.job.is_final for row in rows),
        doubts=step.doubts,
    )
    return answered, step, clock_changed


def _local(time: datetime | None) -> datetime | None:
    """Return `time` with the offset that CI itself prints; whether it takes others well, nobody knows."""
    return time.astimezone(ZoneInfo(settings.TIME_ZONE)) if time else None


def _new_pin(question: PageQuestion, now: float) -> Pin:
    end = now - PIN_BEHIND
    if question.filter.end:
        end = min(end, question.filter.end.timestamp())
    return Pin(end=int(end), opened=int(now * 1000))


def _unique(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Drop what one answer holds twice. A row without a JobId can't be told from another, so it stays."""
    kept: dict[str, Row] = {}
    for index, row in enumerate(rows):
        kept.setdefault(row.job.job_id or f"#{index}", row)
    return tuple(kept.values())


def _masked(job: Job) -> Row:
    tree, masked = masks.mask_tree(job.tree)
    return Row(Job(tree) if masked else job, masked)


def _ask_job(question: JobQuestion, upstream: Upstream) -> JobRecord:
    bucket, credential = upstream.bucket, upstream.credential
    started = time.monotonic()
    try:
        answer, _ = upstream.call(lambda: client().get_job(bucket.name, bucket.region, credential, question.job_id))
    except PermissionDenied:
        return _ask_job_of_list(question, upstream)
    row = _masked(answer.job)
    raw = masks.mask_xml(answer.raw)
    verified = _shows_only(raw, row.job.tree)
    return JobRecord(
        bucket=bucket.name,
        row=row,
        as_of=_ci_time_at(started),
        request_id=answer.request_id,
        raw=raw if verified else None,
        raw_missing="" if verified else "unmaskable",
    )


def _ask_job_of_list(question: JobQuestion, upstream: Upstream) -> JobRecord:
    """Reading one job is an action of its own in CAM; where only listing is allowed, the list answers."""
    bucket, credential = upstream.bucket, upstream.credential
    started = time.monotonic()
    answer, _ = upstream.call(
        lambda: client().list_jobs(bucket.name, bucket.region, credential, job_id=question.job_id, size=10),
        again=True,
    )
    for job in answer.jobs:
        if job.job_id == question.job_id:
            return JobRecord(bucket.name, _masked(job), _ci_time_at(started), answer.request_id, None, "denied")
    raise NotFound("no_such_job", "The list holds no such job.", 200, answer.request_id)


def _shows_only(raw: str, masked_tree: Tree) -> bool:
    """Tell whether masked XML holds exactly the masked job: masking text by a pattern is only believed when proven."""
    try:
        _root, tree = read_xml(_DECLARATION.sub("", raw).encode())
    except BadXml:
        return False
    return tree.get("JobsDetail") == masked_tree


def _ci_time_at(moment: float) -> float:
    """Return CI's time at a `moment` of the monotonic clock, as known now: an answer may have corrected it since."""
    return clock.now() - (time.monotonic() - moment)
