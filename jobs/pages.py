"""What a view asks for: a page of a list, or one job. Looks it up, claims and enqueues what is missing, waits a little.

The answer is always one of three: Ready (fresh, or stale with a refresh behind it), Pending, or Failed with a problem.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from django.conf import settings

from jobs import cache, claims, clock, metrics, tasks, throttle, troubles
from jobs.cloudinfinite.names import valid_job_id
from jobs.problems import Problem, ours
from jobs.records import Continuation, JobQuestion, JobRecord, Page, PageQuestion
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jobs.claims import Lane
    from jobs.filters import JobFilter, Pin, View
    from jobs.models import Bucket


@dataclass(frozen=True, slots=True)
class Ready:
    """A page to show. `problem` says why a stale one could not be refreshed; `new` that it came because of this look."""

    page: Page
    stale: bool = False
    problem: Problem | None = None
    new: bool = False


@dataclass(frozen=True, slots=True)
class ReadyJob:
    """A job to show. `problem` says why a stale one could not be refreshed."""

    record: JobRecord
    stale: bool = False
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """It is being fetched: ask again in `retry_after` seconds. `tries` counts the calls made, `problem` is the last's.

    `new` says that the fetch was enqueued because of this look.
    """

    retry_after: float
    tries: int = 0
    problem: Problem | None = None
    new: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """There is nothing to show, and why."""

    problem: Problem


# What views ask ----------------------------------------------------------------------------------------------------------


def get_page(
    bucket: Bucket,
    job_filter: JobFilter,
    view: View,
    *,
    reader: str = "",
    person: bool = True,
    meanwhile: Callable[[], object] | None = None,
) -> Ready | Pending | Failed:
    """Return the page of `bucket`'s list that `job_filter` and `view` name.

    Args:
        bucket: a bucket that the reader may see.
        job_filter: what is asked.
        view: its pin, next_token and after say which page.
        reader: whose budget a new question costs, "" for nobody's.
        person: whether somebody looks (then the next page is fetched ahead), or a refresh asks by itself.
        meanwhile: work that needs no answer, done once if upstream must be waited for, while it is.
    """
    search = _page_search(bucket, job_filter, view, "person" if person else "refresh", reader)
    answer, found = _obtain(search, meanwhile)
    if isinstance(answer, Ready) and found.claimed:
        return replace(answer, new=True)
    if isinstance(answer, Ready) and person and answer.page.next and not found.next_is_there:
        # The fetch that a person claimed goes one page ahead by itself; one that was joined or overtaken may have been
        # ahead itself.
        _fetch_ahead(bucket, job_filter, answer.page)
    return answer


def renewed_pages(asked: Sequence[tuple[Bucket, JobFilter]], *, reader: str = "") -> list[Ready | Pending | Failed]:
    """Return newest first pages, waited for like ones that are missing where they are stale; the stale one if it takes longer.

    All are looked up and enqueued at the same time and waited for together.

    Args:
        asked: buckets that the reader may see, each with what is asked.
        reader: whose budget what is new of it costs, as one question; "" for nobody's.
    """
    searches = [
        _PageSearch(bucket, PageQuestion(bucket.name, job_filter), "refresh", reader) for bucket, job_filter in asked
    ]
    return _together(searches, time.monotonic() + settings.FIRST_WAIT, renew=True)


def get_pages(
    bucket: Bucket,
    job_filter: JobFilter,
    view: View,
    *,
    reader: str = "",
    meanwhile: Callable[[], object] | None = None,
) -> list[Ready | Pending | Failed]:
    """Return `view.depth` pages from the one that `view` names, ending with the first that is not there.

    Only the first is waited for: what is missing behind it is fetched one after another as the reader scrolls. Of those
    that are out of date one is refreshed.
    Arguments as of `get_page`.
    """
    last = get_page(bucket, job_filter, view, reader=reader, meanwhile=meanwhile)
    answers = [last]
    while len(answers) < view.depth and isinstance(last, Ready) and last.page.next:
        search = _PageSearch(bucket, PageQuestion(bucket.name, job_filter, last.page.pin, last.page.next), "person")
        try:
            ready, found = search.look()
        except ServerDown:
            break
        if ready is None:
            break
        if ready.stale and not any(isinstance(answer, Ready) and answer.stale for answer in answers):
            _refresh(search, ready, found)
        last = ready
        answers.append(last)
    return answers


def get_together(
    asked: Sequence[tuple[Bucket, View]], job_filter: JobFilter, *, reader: str = "", until: float
) -> list[Ready | Pending | Failed]:
    """Return one page of each of several lists, looked up and enqueued at the same time and waited for together.

    Args:
        asked: buckets that the reader may see, each with the view that says which page.
        job_filter: what each is asked.
        reader: whose budget what is new of it costs, as one question; "" for nobody's. It is all paid for, or nothing of it
            is asked.
        until: the moment of the monotonic clock after which nothing is waited for.
    """
    return _together([_page_search(bucket, job_filter, view, "person", reader) for bucket, view in asked], until)


def known_together(asked: Sequence[tuple[Bucket, View]], job_filter: JobFilter) -> list[Ready | None]:
    """Return of the pages that `get_together` would return those that are known, without having anything fetched."""
    searches = [_page_search(bucket, job_filter, view, "person", "") for bucket, view in asked]
    try:
        return [ready for ready, _found in _look_all(searches)]
    except ServerDown:
        return [None] * len(searches)


def _look_all(searches: Sequence[_PageSearch]) -> list[tuple[Ready | None, cache.Found]]:
    """Look up what each search would, in one round trip."""
    person = all(search.lane == "person" for search in searches)
    found = cache.find_pages([(search.question, search.bucket.credential) for search in searches], person=person)
    return [search.judge(one) for search, one in zip(searches, found, strict=True)]


def _together(searches: Sequence[_PageSearch], until: float, *, renew: bool = False) -> list[Ready | Pending | Failed]:
    """Look, have what is missing fetched, and wait for it together; with `renew` for what is stale, too."""
    waiting: dict[int, tuple[str, cache.Found]] = {}
    try:
        looked = _look_all(searches)
    except ServerDown:
        return [Failed(ours("redis_down")) for _search in searches]
    refused = _pay_together(searches, looked)
    answers: list[Ready | Pending | Failed] = []
    for place, (search, (ready, found)) in enumerate(zip(searches, looked, strict=True)):
        if refused and _is_new(search, ready, found):
            answers.append(refused)
            continue
        try:
            answer, token = _have_fetched(replace(search, reader=""), ready, found)
        except ServerDown:
            answer, token = Failed(ours("redis_down")), None
        answers.append(answer)
        if token is not None and (renew or not isinstance(answer, Ready)):
            waiting[place] = token, found
    for place, (token, found) in waiting.items():
        with suppress(ServerDown):
            answers[place] = _waited_for(replace(searches[place], reader=""), found, token, until, answers[place])
    return answers


def _pay_together(searches: Sequence[_PageSearch], looked: Sequence[tuple[Ready | None, cache.Found]]) -> Failed | None:
    """Let the reader pay for what is new of one question to several buckets; return why nothing may be asked, if so."""
    new = [search for search, (ready, found) in zip(searches, looked, strict=True) if _is_new(search, ready, found)]
    if not new:
        return None
    name = hashlib.sha256("\n".join(sorted(search.key for search in searches)).encode()).hexdigest()[:20]
    # A broker that is away is told by the questions themselves.
    with suppress(ServerDown):
        if wait := claims.pay(new[0].reader, name, len(new)):
            metrics.claim("refused")
            return Failed(ours("miss_budget", clock.now(), retry_after=math.ceil(wait)))
    return None


def _is_new(search: _PageSearch, ready: Ready | None, found: cache.Found) -> bool:
    """Tell whether a search costs its reader something: next pages of a chain don't, nor what is known."""
    return bool(search.reader) and ready is None and not found.problem


def _have_fetched(
    search: _PageSearch, ready: Ready | None, found: cache.Found
) -> tuple[Ready | Pending | Failed, str | None]:
    """Return what is known, and have the rest fetched: by which token its end can be waited for, "" where it begins later.

    None where nothing is to be waited for.
    """
    if ready is not None:
        metrics.lookup(search.kind, "stale" if ready.stale else "fresh")
        return ready, (_refresh(search, ready, found) if ready.stale else "") or None
    metrics.lookup(search.kind, "problem" if found.problem else "miss")
    if found.problem:
        return Failed(found.problem), None
    asking = _enqueue_if_claimed(search, found.since)
    if asking.outcome == "ended":
        return Failed(asking.problem or _nobody_came()), None
    is_later = asking.outcome == "later"
    wait = max(asking.again, asking.interval) if is_later else asking.interval
    return Pending(wait, asking.tries, asking.problem), "" if is_later else asking.token


def _waited_for(
    search: _PageSearch, found: cache.Found, token: str, until: float, meanwhile: Ready | Pending | Failed
) -> Ready | Pending | Failed:
    """Return what has come by `until` of the monotonic clock, else what is there meanwhile."""
    if not token:
        return _wait_until(search, found, until, None)[0]
    left = until - time.monotonic()
    with _places.lend(search.bucket.name) as free:
        if free and left > 0:
            claims.wait(search.key, token, left)
    ready, found = search.look()
    if ready is not None:
        return ready
    return Failed(found.problem) if found.problem else meanwhile


def pages_holding(
    wanted: Sequence[tuple[Bucket, Pin, int, int | None]], job_filter: JobFilter
) -> list[tuple[Continuation | None, int]]:
    """Return for each bucket where the page of a pin's chain begins on which a reader goes on, and the rows before it.

    (None, 0) for the first page, and where the chain is forgotten: then it is walked from there.

    Args:
        wanted: buckets with a pin, how many rows of its chain were shown, and the unix second in which the last of what was
            shown was created, if that is known.
        job_filter: what the chains show.
    """
    try:
        return cache.pages_holding(
            [(PageQuestion(bucket.name, job_filter, pin), rows, second) for bucket, pin, rows, second in wanted]
        )
    except ServerDown:
        return [(None, 0)] * len(wanted)


def pages_before(bucket: Bucket, job_filter: JobFilter, page: Page, most: int) -> tuple[Continuation, int] | None:
    """Return where the pages before `page` begin, and how many there are from there: `most`, or fewer at the beginning.

    None where `page` is the first, or its chain is forgotten.
    """
    if page.n is None or page.n == 1:
        return None
    begins = max(1, page.n - most)
    if begins == 1:
        return Continuation(), page.n - 1
    try:
        continuation = cache.find_continuation(PageQuestion(bucket.name, job_filter, page.pin), begins)
    except ServerDown:
        return None
    return (continuation, page.n - begins) if continuation else None


def known_sizes(bucket: Bucket, wanted: Sequence[JobFilter]) -> list[tuple[int, bool]]:
    """Return how many jobs lists of `bucket` are known to begin with, and whether more follow, without asking anybody.

    (0, False) where nothing is known.
    """
    try:
        return cache.first_pages([PageQuestion(bucket.name, job_filter) for job_filter in wanted])
    except ServerDown:
        return [(0, False)] * len(wanted)


def get_job(bucket: Bucket, job_id: str, *, reader: str = "", raw: bool = False) -> ReadyJob | Pending | Failed:
    """Return one job of `bucket`, from a list that held it or asked by itself.

    Args:
        bucket: a bucket that the reader may see.
        job_id: the job's id, as the reader gave it.
        reader: whose budget a new question costs, "" for nobody's.
        raw: whether the XML as received is wanted, which no list keeps.
    """
    if not valid_job_id(job_id):
        # Addresses like these can be varied for ever: they cost neither a call nor anybody's budget.
        return Failed(Problem("not_found", "no_such_job", "This can be no job id."))
    answer, _ = _obtain(_JobSearch(bucket, JobQuestion(bucket.name, job_id), raw, "person", reader))
    return answer


def ask_behind(bucket: Bucket, job_filter: JobFilter, *, since: float = 0.0) -> Pending | Failed:
    """Have the newest first page of a list fetched for an overview, which looks again later; nobody waits here.

    Args:
        bucket: a bucket that the reader may see.
        job_filter: what is asked.
        since: unix seconds of CI's time; an asking that ended before does not count.

    Raises:
        ServerDown: a Redis can't be reached.
    """
    search = _PageSearch(bucket, PageQuestion(bucket.name, job_filter), "overview")
    asking = _enqueue_if_claimed(search, since)
    if asking.outcome == "ended":
        return Failed(asking.problem or _nobody_came())
    later = asking.again if asking.outcome == "later" else 0.0
    return Pending(max(later, asking.interval), asking.tries, asking.problem, new=asking.outcome == "claimed")


def drop_problems(bucket: Bucket) -> None:
    """Let no problem of `bucket` known so far count any more, so that the next look asks upstream.

    Raises:
        ServerDown: a Redis can't be reached.
    """
    troubles.mark_retry(bucket.name, bucket.credential, clock.now())


Answer = TypeVar("Answer", Ready, ReadyJob, covariant=True)

# Searching -----------------------------------------------------------------------------------------------------------------


class _Search(Protocol[Answer]):
    """How one kind of question is looked up and enqueued."""

    kind: ClassVar[Literal["page", "job"]]

    @property
    def bucket(self) -> Bucket: ...

    @property
    def lane(self) -> Lane: ...

    @property
    def reader(self) -> str: ...

    @property
    def key(self) -> str: ...

    def look(self) -> tuple[Answer | None, cache.Found]: ...

    def enqueue(self, enqueued_at: int) -> None: ...

    def behind(self) -> _Search[Answer]:
        """Return the same search as a refresh that nobody waits for."""


@dataclass(frozen=True, slots=True)
class _PageSearch:
    kind: ClassVar[Literal["page", "job"]] = "page"
    bucket: Bucket
    question: PageQuestion
    lane: Lane
    reader: str = ""

    @property
    def key(self) -> str:
        return self.question.key

    def look(self) -> tuple[Ready | None, cache.Found]:
        return self.judge(cache.find_page(self.question, self.bucket.credential, person=self.lane == "person"))

    def judge(self, found: cache.Found) -> tuple[Ready | None, cache.Found]:
        """Return what the cache's answer comes to."""
        if found.page is None:
            return None, found
        fresh = cache.is_fresh(found.page, clock.now(), head=self.question.pin is None)
        return Ready(found.page, stale=not fresh, problem=None if fresh else found.problem), found

    def enqueue(self, enqueued_at: int) -> None:
        tasks.enqueue_page(self.question, enqueued_at, self.lane)

    def behind(self) -> _PageSearch:
        return replace(self, lane="refresh", reader="")


def _page_search(bucket: Bucket, job_filter: JobFilter, view: View, lane: Lane, reader: str) -> _PageSearch:
    continuation = Continuation(view.next_token, view.after_text) if view.next_token or view.after else None
    question = PageQuestion(bucket.name, job_filter, view.pin, continuation)
    # A chain's next pages are bounded by the chain; what can be varied for ever costs the reader.
    return _PageSearch(bucket, question, lane, "" if continuation else reader)


@dataclass(frozen=True, slots=True)
class _JobSearch:
    kind: ClassVar[Literal["page", "job"]] = "job"
    bucket: Bucket
    question: JobQuestion
    raw: bool
    lane: Lane
    reader: str = ""

    @property
    def key(self) -> str:
        return self.question.key

    def look(self) -> tuple[ReadyJob | None, cache.Found]:
        found = cache.find_job(self.question, self.bucket.credential)
        if found.job is None or (self.raw and found.job.raw_missing == "not_asked"):
            return None, found
        fresh = cache.job_is_fresh(found.job, clock.now())
        return ReadyJob(found.job, stale=not fresh, problem=None if fresh else found.problem), found

    def enqueue(self, enqueued_at: int) -> None:
        tasks.enqueue_job(self.question, enqueued_at, self.lane)

    def behind(self) -> _JobSearch:
        return replace(self, lane="refresh", reader="")


def _obtain(
    search: _Search[Answer], meanwhile: Callable[[], object] | None = None
) -> tuple[Answer | Pending | Failed, cache.Found]:
    try:
        ready, found = search.look()
        if ready is None:
            metrics.lookup(search.kind, "problem" if found.problem else "miss")
            return (Failed(found.problem), found) if found.problem else _wait(search, found, meanwhile)
    except ServerDown:
        return Failed(ours("redis_down")), cache.Found()
    metrics.lookup(search.kind, "stale" if ready.stale else "fresh")
    if ready.stale:
        _refresh(search, ready, found)
    return ready, found


def _refresh(search: _Search[Any], ready: Ready | ReadyJob, found: cache.Found) -> str:
    """Have what is out of date fetched anew, behind the reader's back, unless that failed just now.

    Returns the token by which its end can be waited for, "" where nothing is under way.
    """
    if ready.problem is None:
        # Stale is served at once; without a broker it simply stays stale.
        with suppress(ServerDown):
            asking = _enqueue_if_claimed(search.behind(), found.since)
            return asking.token if asking.outcome in {"claimed", "joined"} else ""
    return ""


def _wait(
    search: _Search[Answer], found: cache.Found, meanwhile: Callable[[], object] | None
) -> tuple[Answer | Pending | Failed, cache.Found]:
    began = time.monotonic()
    answer, found = _wait_until(search, found, began + settings.FIRST_WAIT, meanwhile)
    outcome: Literal["ready", "pending", "failed"] = (
        "pending" if isinstance(answer, Pending) else "failed" if isinstance(answer, Failed) else "ready"
    )
    metrics.wait(outcome, time.monotonic() - began)
    return answer, found


def _wait_until(
    search: _Search[Answer], found: cache.Found, deadline: float, meanwhile: Callable[[], object] | None
) -> tuple[Answer | Pending | Failed, cache.Found]:
    """Claim or join the fetch and wait for it, until `deadline` of the monotonic clock."""
    while True:
        asking = _enqueue_if_claimed(search, found.since)
        if asking.outcome == "ended":
            return Failed(asking.problem or _nobody_came()), found
        if asking.outcome == "refused":
            return Failed(ours("miss_budget", clock.now(), retry_after=math.ceil(asking.again))), found
        if meanwhile:
            meanwhile()
            meanwhile = None
        left = deadline - time.monotonic()
        later = asking.again if asking.outcome == "later" else 0.0
        if left <= later:
            return Pending(max(later, asking.interval), asking.tries, asking.problem), found
        with _places.lend(search.bucket.name) as free:
            if not free:
                return Pending(asking.interval, asking.tries, asking.problem), found
            if later:
                time.sleep(later)  # Nobody will wake us before that moment: it is the moment to ask again.
                continue
            claims.wait(search.key, asking.token, left)
        ready, found = search.look()
        if ready is not None:
            return ready, replace(found, claimed=asking.outcome == "claimed" and not asking.overtakes)
        if found.problem:
            return Failed(found.problem), found


def _enqueue_if_claimed(search: _Search[Any], since: float) -> claims.Asking:
    gate = throttle.gate(search.bucket.name, search.bucket.credential)
    asking = claims.ask(search.key, gate, lane=search.lane, reader=search.reader, since=since)
    metrics.claim(asking.outcome)
    if asking.outcome != "claimed":
        return asking
    # Between our look and our claim somebody else's fetch may have ended: then look once more before asking upstream.
    if asking.stored and _is_answered(search):
        claims.release(search.key, asking.token)
        return asking
    search.enqueue(asking.enqueued_at)
    return asking


def _is_answered(search: _Search[Any]) -> bool:
    ready, found = search.look()
    return bool(found.problem) if ready is None else bool(ready.problem) or not ready.stale


def _fetch_ahead(bucket: Bucket, job_filter: JobFilter, page: Page) -> None:
    """Let the page behind `page` be fetched while the reader looks at this one; one ahead at most."""
    question = PageQuestion(bucket.name, job_filter, page.pin, page.next)
    with suppress(ServerDown):
        _enqueue_if_claimed(_PageSearch(bucket, question, "ahead"), 0.0)


def _nobody_came() -> Problem:
    return ours("busy" if claims.heartbeats() else "no_worker", clock.now())


class Places:
    """Places for threads that wait. A bucket takes another one only while more are free than it holds already.

    So one bucket that does not answer holds half of them at most, two hold three quarters, and a further one still finds
    its own.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def lend(self, bucket: str) -> Iterator[bool]:
        """Lend a place to a reader of `bucket` while the block runs; tell whether there is one."""
        with self._lock:
            lent = self._held[bucket] < self._free
            if lent:
                self._free -= 1
                self._held[bucket] += 1
        try:
            yield lent
        finally:
            if lent:
                with self._lock:
                    self._free += 1
                    self._held[bucket] -= 1


# Half of all threads, so that the other half always answers cached pages.
_places = Places(max(1, settings.WEB_THREADS // 2))
