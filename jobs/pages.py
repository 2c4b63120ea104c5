"""What a view asks for: pages of lists, or one job. Several are looked up, enqueued and waited for together."""

from __future__ import annotations

import hashlib
import math
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings

from jobs import cache, claims, clock, metrics, places, troubles
from jobs.cloudinfinite.names import valid_job_id
from jobs.problems import Problem, ours
from jobs.records import Continuation, JobQuestion, Page, PageQuestion
from jobs.searches import (
    Failed,
    JobSearch,
    PageSearch,
    Pending,
    Ready,
    ReadyJob,
    enqueue_if_claimed,
    fetch_ahead,
    obtain,
    page_search,
    refresh,
    wait_until,
    why_ended,
)
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.filters import JobFilter, Pin, View
    from jobs.models import Bucket


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
    search = page_search(bucket, job_filter, view, "person" if person else "refresh", reader)
    answer, found = obtain(search, meanwhile)
    if isinstance(answer, Ready) and found.claimed:
        return replace(answer, new=True)
    if isinstance(answer, Ready) and person and answer.page.next and not found.next_is_there:
        # The fetch that a person claimed goes one page ahead by itself; one that was joined or overtaken may have been
        # ahead itself.
        fetch_ahead(bucket, job_filter, answer.page)
    return answer


def renewed_pages(asked: Sequence[tuple[Bucket, JobFilter]], *, reader: str = "") -> list[Ready | Pending | Failed]:
    """Return newest first pages, waited for like ones that are missing where they are stale; the stale one if it takes longer.

    All are looked up and enqueued at the same time and waited for together.

    Args:
        asked: buckets that the reader may see, each with what is asked.
        reader: whose budget what is new of it costs, as one question; "" for nobody's.
    """
    searches = [
        PageSearch(bucket, PageQuestion(bucket.name, job_filter), "refresh", reader) for bucket, job_filter in asked
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
        search = PageSearch(bucket, PageQuestion(bucket.name, job_filter, last.page.pin, last.page.next), "person")
        try:
            ready, found = search.look()
        except ServerDown:
            break
        if ready is None:
            break
        if ready.stale and not any(isinstance(answer, Ready) and answer.stale for answer in answers):
            refresh(search, ready, found)
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
    return _together([page_search(bucket, job_filter, view, "person", reader) for bucket, view in asked], until)


def known_together(asked: Sequence[tuple[Bucket, View]], job_filter: JobFilter) -> list[Ready | None]:
    """Return of the pages that `get_together` would return those that are known, without having anything fetched."""
    searches = [page_search(bucket, job_filter, view, "person", "") for bucket, view in asked]
    try:
        return [ready for ready, _found in _look_all(searches)]
    except ServerDown:
        return [None] * len(searches)


def _look_all(searches: Sequence[PageSearch]) -> list[tuple[Ready | None, cache.Found]]:
    """Look up what each search would, in one round trip."""
    person = all(search.lane == "person" for search in searches)
    found = cache.find_pages([(search.question, search.bucket.credential) for search in searches], person=person)
    return [search.judge(one) for search, one in zip(searches, found, strict=True)]


def _together(searches: Sequence[PageSearch], until: float, *, renew: bool = False) -> list[Ready | Pending | Failed]:
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


def _pay_together(searches: Sequence[PageSearch], looked: Sequence[tuple[Ready | None, cache.Found]]) -> Failed | None:
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


def _is_new(search: PageSearch, ready: Ready | None, found: cache.Found) -> bool:
    """Tell whether a search costs its reader something: next pages of a chain don't, nor what is known."""
    return bool(search.reader) and ready is None and not (found.problem or found.is_led_to)


def _have_fetched(
    search: PageSearch, ready: Ready | None, found: cache.Found
) -> tuple[Ready | Pending | Failed, str | None]:
    """Return what is known, and have the rest fetched: by which token its end can be waited for, "" where it begins later.

    None where nothing is to be waited for.
    """
    if ready is not None:
        metrics.lookup(search.kind, "stale" if ready.stale else "fresh")
        return ready, (refresh(search, ready, found) if ready.stale else "") or None
    metrics.lookup(search.kind, "problem" if found.problem else "miss")
    if found.problem:
        return Failed(found.problem), None
    asking = enqueue_if_claimed(search, found.since)
    if asking.outcome == "ended":
        return Failed(why_ended(asking, search.bucket)), None
    is_later = asking.outcome == "later"
    wait = max(asking.again, asking.interval) if is_later else asking.interval
    return Pending(wait, asking.tries, asking.problem), "" if is_later else asking.token


def _waited_for(
    search: PageSearch, found: cache.Found, token: str, until: float, meanwhile: Ready | Pending | Failed
) -> Ready | Pending | Failed:
    """Return what has come by `until` of the monotonic clock, else what is there meanwhile."""
    if not token:
        return wait_until(search, found, until, None)[0]
    left = until - time.monotonic()
    with places.lend(search.bucket.name) as free:
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


def last_problems(buckets: Sequence[Bucket]) -> dict[str, Problem]:
    """Return what is last known to go wrong with each bucket, by name, where something is. Nobody is asked."""
    try:
        return troubles.last((bucket.name, bucket.credential) for bucket in buckets)
    except ServerDown:
        return {}


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
    answer, _ = obtain(JobSearch(bucket, JobQuestion(bucket.name, job_id), raw, "person", reader))
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
    search = PageSearch(bucket, PageQuestion(bucket.name, job_filter), "overview")
    asking = enqueue_if_claimed(search, since)
    if asking.outcome == "ended":
        return Failed(why_ended(asking, bucket))
    later = asking.again if asking.outcome == "later" else 0.0
    return Pending(max(later, asking.interval), asking.tries, asking.problem, new=asking.outcome == "claimed")


def drop_problems(bucket: Bucket) -> None:
    """Let no problem of `bucket` known so far count any more, so that the next look asks upstream.

    Raises:
        ServerDown: a Redis can't be reached.
    """
    troubles.mark_retry(bucket.name, bucket.credential, clock.now())
