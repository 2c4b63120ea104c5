"""Walks through whole lists, in the worker, a step of some seconds at a time: ask, drop what came before, store, go on.

Nothing here touches the page cache, so a walk never pushes out what people read. What a page brought is committed together
with where the walk goes on behind it: a worker that dies costs one call, and any other goes on from there. While one walks
through a bucket nobody else does (`throttle.walking`); and a page is only ever stored behind the one that it was asked for,
so even two that walk at once could not store a row twice.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.db import connection, transaction

from jobs import clock, credentials, fetch, metrics, servers, throttle, troubles, upstream
from jobs.cloudinfinite.exceptions import CloudInfiniteError, Refused
from jobs.filters import JobFilter, Pin
from jobs.filters.times import write_time
from jobs.models import Walk, WalkBatch
from jobs.problems import Problem, ours
from jobs.records import Continuation, PageQuestion, pack
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.chains import Step
    from jobs.claims import Reason
    from jobs.records import Page, Row

logger = logging.getLogger(__name__)

STEP_SECONDS = 8.0
"""Seconds after which a walk lets another one go on."""
TRIES = 8
"""Calls for one page before a trouble that may pass ends a walk: nobody waits, so it is more patient than for readers."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two of them; each is twice the last."""
IDLE_PAGES = 3
"""Pages running without a new row that end a list, as in store_page.lua."""
SILENT_FOR = 10.0
"""Seconds without a page after which a walk is enqueued anew: its worker may have died."""
NUDGED_FOR = 3000
"""Milliseconds for which a walk that was enqueued because somebody looked isn't enqueued for that reason again."""
LET_BE = 60_000
"""The same for one whose failure can't even be written down: each try would cost a call for nothing."""
BATCHES_AT_ONCE = 200
"""Batches that one statement deletes."""
KEPT = 24 * 60 * 60.0
"""Seconds for which a walk's result is kept, and an unfinished one that nothing comes of."""
ID_BYTES = 8
"""Of each JobId's digest: of 20,000 jobs two are taken for one once in a hundred thousand million walks."""

_ending = threading.Event()


def end_softly() -> None:
    """Let every walk of this process stop behind the page that is being asked for."""
    _ending.set()


def step(walk_id: str) -> list[str]:
    """Walk on for some seconds, if it is this walk's turn; return the walks to be enqueued next.

    Raises:
        ServerDown: the broker can't be reached.
        DatabaseError: the database can't be reached.
    """
    walk = Walk.objects.select_related("bucket").filter(pk=walk_id, state__in=Walk.UNDER_WAY).first()
    if walk is None:
        return []
    with throttle.walking(walk.bucket.name, STEP_SECONDS + upstream.longest_call()) as free:
        if not free:
            return []  # Who walks there now sees to those who wait.
        _go(walk_id, time.monotonic() + STEP_SECONDS)
    return _next(walk_id)


def _next(walk_id: str) -> list[str]:
    """Return the walk that has waited longest, and behind it this one if it isn't over."""
    under_way = Walk.objects.filter(state__in=Walk.UNDER_WAY).order_by("touched").values_list("pk", flat=True)
    longest = under_way.exclude(pk=walk_id)[:1]
    return [*longest, *under_way.filter(pk=walk_id)]


def silent() -> list[str]:
    """Return the walks under way of which nothing was heard for a while, the longest silent first.

    Raises:
        ServerDown: the broker was never reached.
        DatabaseError: the database can't be reached.
    """
    since = clock.now() - SILENT_FOR
    waiting = Walk.objects.filter(state__in=Walk.UNDER_WAY, touched__lt=since).order_by("touched")
    return list(waiting.values_list("pk", flat=True))


def forget() -> int:
    """Delete what has been kept long enough; return how many walks that were. Raises as `silent`."""
    limit = clock.now() - KEPT
    old = list(Walk.objects.filter(touched__lt=limit).values_list("pk", flat=True))
    # One with which its reader goes on meanwhile is no longer old.
    gone = [pk for pk in old if Walk.objects.filter(pk=pk, touched__lt=limit).update(state=Walk.State.CANCELLED)]
    for walk_id in gone:
        drop(walk_id)
    return len(gone)


def drop(walk_id: str) -> None:
    """Delete a walk with all that it brought. Raises as `silent`."""
    # Its files are offered no more while their parts go.
    Walk.objects.filter(pk=walk_id).update(state=Walk.State.CANCELLED)
    batches = WalkBatch.objects.filter(walk_id=walk_id).order_by("number")
    # A walk of a million jobs has ten thousand batches: one statement for all would take longer than statements may.
    while some := list(batches.values_list("pk", flat=True)[:BATCHES_AT_ONCE]):
        WalkBatch.objects.filter(pk__in=some).delete()
    Walk.objects.filter(pk=walk_id).delete()


def may_be_nudged(walk_id: str) -> bool:
    """Tell whether a walk may be enqueued because somebody looks at it: many may look, and often.

    Raises:
        ServerDown: the broker can't be reached.
    """
    return _nudge(walk_id, NUDGED_FOR)


def _nudge(walk_id: str, milliseconds: int) -> bool:
    with servers.broker().connection() as client:
        return bool(client.set(f"nudged:{walk_id}", 1, nx=True, px=milliseconds))


# One step ----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Steps:
    """One walk while this process goes on with it: the JobIds it has met, and since when nothing was added to its time.

    `held` says by what, and since when (monotonic), its next call is held back in this step.
    """

    walk: Walk
    seen: set[bytes]
    until: float
    since: float
    held: tuple[Reason, float] | None = None

    def hold(self, held: throttle.HeldBack) -> None:
        """Wait for what holds the next call back."""
        self.held = self.held or (held.reason, time.monotonic())
        self.pause(held.delay)

    def let_through(self) -> None:
        """Say that the next call may go out."""
        reason, since = self.held or (None, time.monotonic())
        metrics.let_through("walk", reason, time.monotonic() - since)
        self.held = None

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the step lasts; whoever ends the worker ends it, too."""
        _ending.wait(min(seconds, max(0.0, self.until - time.monotonic())))

    def spent(self) -> float:
        """Return the seconds spent on the walk up to now."""
        now = time.monotonic()
        total, self.since = self.walk.walked + now - self.since, now
        return total


class _Gone(Exception):
    """The walk was cancelled or deleted, or somebody else has walked on."""


def _go(walk_id: str, until: float) -> None:
    # Read behind the door: whoever was here before has walked on since.
    began = Walk.objects.filter(pk=walk_id, state__in=Walk.UNDER_WAY).update(state=Walk.State.WALKING)
    walk = Walk.objects.select_related("bucket").filter(pk=walk_id).first()
    if not began or walk is None:
        return
    steps = _Steps(walk, _seen(walk), until, time.monotonic())
    try:
        while walk.is_under_way and time.monotonic() < until and not _ending.is_set():
            _take_page(steps)
    except _Gone:
        logger.info("walk %s: cancelled, or somebody else goes on", walk_id)


def _seen(walk: Walk) -> set[bytes]:
    """Return what the walk has met: some hundred bytes a job, read anew with each step, so any worker can go on."""
    seen: set[bytes] = set()
    for stored in WalkBatch.objects.filter(walk=walk).values_list("ids", flat=True).iterator():
        ids = bytes(stored)
        seen.update(ids[at : at + ID_BYTES] for at in range(0, len(ids), ID_BYTES))
    return seen


def _take_page(steps: _Steps) -> None:
    """Ask for the next page and store it, or say what is wrong and wait a little."""
    walk = steps.walk
    if walk.bucket.hidden:
        # Nobody may see what it would bring.
        now = clock.now()
        _change(walk, state=Walk.State.CANCELLED, finished=now, touched=now)
        return
    asked = Continuation(walk.next_token, walk.after)
    question = PageQuestion(
        walk.bucket.name,
        JobFilter.from_params(walk.filter),
        Pin.parse(walk.pin),
        asked if asked != Continuation() else None,
    )
    try:
        page, following = _ask(steps, question, asked)
    except throttle.HeldBack as held:
        steps.hold(held)
    except credentials.MissingCredential as error:
        _fail(walk, Problem("credentials", "missing_credential", str(error), at=clock.now()))
    except CloudInfiniteError as error:
        _meet_trouble(steps, error)
    else:
        _keep(steps, question, asked, page, following)


def _ask(steps: _Steps, question: PageQuestion, asked: Continuation) -> tuple[Page, Step]:
    bucket = steps.walk.bucket
    credential = credentials.get(bucket.credential)
    with throttle.permit(bucket.name, bucket.credential, "walk", upstream.longest_call()) as permit:
        steps.let_through()
        try:
            page, following, _ = fetch.ask_page_once(question, asked, upstream.Upstream(bucket, credential, permit))
        except CloudInfiniteError as error:
            problem = Problem.from_exception(error, clock.now())
            permit.failed(error, problem)
            _note(lambda: troubles.note_problem(problem, bucket.name, permit.calls))
            raise
    now, calls, request_id = clock.now(), permit.calls, page.request_id
    clear = partial(troubles.clear_problems, question.key, bucket.name, bucket.credential)
    _note(lambda: clear(now=now, calls=calls, request_id=request_id))
    return page, following


def _note(note: Callable[[], object]) -> None:
    """Tell the bucket's tally. A walk goes on without the cache, which it doesn't need."""
    try:
        note()
    except ServerDown as error:
        logger.info("%s: a walk's call is not counted", error)


def _meet_trouble(steps: _Steps, error: CloudInfiniteError) -> None:
    walk = steps.walk
    if isinstance(error, Refused) and walk.next_token and walk.reached is not None:
        # The token alone may be what was refused: go on by creation time, and say so.
        after = write_time(datetime.fromtimestamp(walk.reached, UTC))
        _change(walk, next_token="", after=after, doubts=_with(walk.doubts, ("token",)))
        return
    problem = Problem.from_exception(error, clock.now())
    tries = walk.tries + 1
    logger.info("walk %s: %s %s (try %d of %d)", walk.pk, problem.kind, problem.code, tries, TRIES)
    if problem.tries == 1 or tries >= TRIES:
        _fail(walk, problem)
        return
    _change(walk, tries=tries, problem=problem.to_primitives())
    steps.pause(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)))


def _with(doubts: str, more: tuple[str, ...]) -> str:
    return ",".join(dict.fromkeys([*filter(None, doubts.split(",")), *more]))


# What a page means -------------------------------------------------------------------------------------------------------


def _keep(steps: _Steps, question: PageQuestion, asked: Continuation, page: Page, onward: Step) -> None:
    """Store what a page brought, with where the walk goes on. The rules are those of store_page.lua, for lists that are read."""
    walk = steps.walk
    new: list[Row] = []
    ids: list[bytes] = []
    for row in page.rows:
        job_id = row.job.job_id
        name = hashlib.blake2b(job_id.encode(), digest_size=ID_BYTES).digest() if job_id else b""
        if name not in steps.seen:
            new.append(row)
            ids += [name] if name else []
    repeats = len(page.rows) - len(new)
    steps_back = _steps_back(walk.reached, onward.first, descending=question.filter.order == "Desc")
    mended = onward.if_moved if repeats or steps_back else None
    following = mended or onward.next
    idle = 0 if new else walk.idle + 1
    end = _end(following, asked, idle)
    unproven: tuple[str, ...] = ("order",) if steps_back and not repeats and not mended else ()
    # A page without rows leaves the list where it was.
    reached = walk.reached if not page.received else int(onward.last.timestamp()) if onward.last else None
    goes_on, now = following if following and not end else Continuation(), clock.now()
    changes: dict[str, Any] = {
        "next_token": goes_on.next_token,
        "after": goes_on.after,
        "pages": walk.pages + 1,
        "received": walk.received + page.received,
        "rows": walk.rows + len(new),
        "idle": idle,
        "tries": 0,
        "reached": reached,
        "doubts": _with(walk.doubts, (*page.doubts, *unproven)),
        "end": end,
        "problem": None,
        "walked": steps.spent(),
        "touched": now,
        "state": Walk.State.DONE if end else Walk.State.WALKING,
        "finished": now if end else None,
    }
    batch = WalkBatch(
        walk=walk,
        number=walk.pages + 1,
        count=len(new),
        rows=pack([row.to_primitives() for row in new]),
        ids=b"".join(ids),
        reached=reached,
        walked=changes["walked"],
    )
    if _store(walk, changes, batch):
        steps.seen.update(ids)
        if end:
            metrics.walk("done")
            logger.info("walk %s: done, %d jobs on %d pages", walk.pk, walk.rows, walk.pages)


def _steps_back(before: int | None, first: datetime | None, *, descending: bool) -> bool:
    """Tell whether a page begins before the one before it ended."""
    if before is None or first is None:
        return False
    return first.timestamp() > before if descending else first.timestamp() < before


def _end(following: Continuation | None, asked: Continuation, idle: int) -> str:
    """Return why a walk ends, "" where it goes on."""
    if following is None:
        return "missing"
    if idle >= IDLE_PAGES:
        return "no_new_rows"
    return "repeated" if following == asked else ""


# What is committed -------------------------------------------------------------------------------------------------------


def _store(walk: Walk, changes: dict[str, Any], batch: WalkBatch) -> bool:
    """Commit a batch and where the walk goes on, both or neither; tell whether that went well.

    Raises:
        _Gone: the walk isn't where it was.
    """
    for is_last in (False, True):
        try:
            with transaction.atomic():
                _update(walk, changes)
                batch.save(force_insert=True)
        except DatabaseError as error:
            logger.warning("walk %s: a page could not be stored: %s", walk.pk, error)
            # A server that was started anew has closed the connection: one more try finds it.
            connection.close_if_unusable_or_obsolete()
            if is_last:
                _fail(walk, ours("not_stored", clock.now()))
        else:
            _set(walk, changes)
            return True
    return False


def _update(walk: Walk, changes: dict[str, Any]) -> None:
    here = Walk.objects.filter(pk=walk.pk, state=Walk.State.WALKING, pages=walk.pages)
    if not here.update(**changes):
        raise _Gone


def _set(walk: Walk, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(walk, name, value)


def _change(walk: Walk, **changes: Any) -> None:
    """Change the walk, in the database and here, unless it isn't where it was."""
    _update(walk, changes)
    _set(walk, changes)


def _fail(walk: Walk, problem: Problem) -> None:
    """End the walk with what is wrong; what came before is kept, and it can be resumed."""
    now = clock.now()
    try:
        _change(walk, state=Walk.State.FAILED, problem=problem.to_primitives(), finished=now, touched=now)
    except DatabaseError as error:
        logger.error("walk %s: its failure could not be written down: %s", walk.pk, error)
        walk.state = Walk.State.FAILED
        _nudge(walk.pk, LET_BE)
        return
    metrics.walk("failed")
    logger.info("walk %s: failed, %s %s", walk.pk, problem.kind, problem.code)
