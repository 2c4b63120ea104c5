"""What Redis remembers of CI's answers: heads, chains, pages and jobs, with their keys and ages.

A *head* names the newest chain of a filter. A *chain* (bucket, filter, pin) is a hash: `c:<n>` and `p:<n>` are page n's
continuation and place, `t:<place>` a place's number, `j:<JobId>` the lowest page that held the job, `l:<n>` the creation
time (unix seconds) of page n's last row where the order is proven, `f:<n>` that of its first, `d:<n>` what is in doubt of it,
`s:<n>` what the chain has brought up to page n, `e:<n>` how many pages running, up to n, brought nothing new. A chain that was
forgotten is never begun anew, for somebody may still scroll it: its pin then points to a new one. A *page* is a hash
keyed by its place in the chain: the digest of the continuation that leads to it, or `first`. Everything may vanish at
any moment (the server evicts by age), and everything stored is masked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from jobs import servers, troubles
from jobs.cloudinfinite.schema import parse_time
from jobs.completeness import Completeness
from jobs.filters import Pin
from jobs.filters.times import write_time
from jobs.records import Continuation, JobQuestion, JobRecord, Page, PageQuestion, Row, Rows, pack, unpack
from jobs.servers import cache_key
from jobs.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.chains import Step
    from jobs.problems import Problem

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
MOST_PAGES_SEARCHED = 200
"""Pages of a chain among which one is looked for by its rows."""
SHORT_LIFE = 10 * 60 * 1000
LONG_LIFE = 6 * 60 * 60 * 1000
"""Milliseconds that a chain lives: short while nobody went past its first page."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the cache knows about a question.

    `is_led_to` says that what is missing is a next page of a chain that is known: a link can't make one up.
    `since` is the time (unix seconds) before which problems don't count: somebody pressed "try again", or the
    credential changed. `claimed` says that the answer was fetched because of this very look.
    """

    page: Page | None = None
    job: JobRecord | None = None
    problem: Problem | None = None
    next_is_there: bool = True
    is_led_to: bool = False
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
    keys, arguments = _look(question, credential, person=person)
    return _found(question, *servers.cache_server().script("read_page", keys, arguments))


def find_pages(wanted: Sequence[tuple[PageQuestion, str]], *, person: bool) -> list[Found]:
    """Look several pages up as `find_page` does one, each question with its credential, in one round trip.

    Raises:
        ServerDown: the cache can't be reached.
    """
    looks = [_look(question, credential, person=person) for question, credential in wanted]
    answers = servers.cache_server().scripts("read_page", looks) if looks else []
    return [_found(question, *answer) for (question, _credential), answer in zip(wanted, answers, strict=True)]


def _look(question: PageQuestion, credential: str, *, person: bool) -> tuple[list[str], list[str | int]]:
    """Return keys and arguments of `read_page.lua`."""
    pin = str(question.pin) if question.pin else ""
    keys = [
        _pointer_key(question),
        _page_prefix(question),
        _chain_prefix(question),
        *troubles.keys(question.key, question.bucket, credential),
    ]
    return keys, [pin, question.place, int(person), SHORT_LIFE, LONG_LIFE, troubles.tally_key(question.bucket)]


def _found(question: PageQuestion, trouble: Sequence[bytes | None], found: Any) -> Found:
    known = troubles.read(trouble)
    if isinstance(found, int):
        return Found(problem=known.problem, is_led_to=bool(found), since=known.since)
    page, next_is_there = _page(question, found)
    return Found(page=page, problem=known.problem, next_is_there=next_is_there, since=known.since)


def _page(question: PageQuestion, answer: Sequence[Any]) -> tuple[Page, bool]:
    pin, meta, rows, hidden, following, ending, began, n, doubts, so_far, ahead, left = answer
    stored = json.loads(meta)
    left_out = frozenset(int(index) for index in hidden.split(b",") if index)
    count = stored["unique"] - len(left_out)
    received = stored["received"] - int(left)
    page = Page(
        bucket=question.bucket,
        region=stored["region"],
        digest=question.filter.digest,
        pin=Pin.parse(pin.decode()),
        n=int(n) if n else None,
        rows=Rows(rows, left_out, count),
        received=received,
        repeats=received - count,
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

    `step` is what the answer means for the chain; `moves_head` lets the filter's head point to this page's chain, or where
    the question's own pin is another one, that pin. Returns whether it was stored.

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
            _pointer_key(question) if moves_head else "",
            cache_key(JobQuestion(question.bucket, "").key),
            f"{_page_prefix(question)}{question.pin}:first" if moves_head and question.pin else "",
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
            int(step.of_span),
            ",".join(str(index) for index in step.theirs),
            *(row.job.job_id for row in page.rows),
        ],
    )
    return bool(answer)


def first_pages(questions: Sequence[PageQuestion]) -> list[tuple[int, bool]]:
    """Return how many rows the newest first page of each list holds, and whether more follow; (0, False) where none is cached.

    It is a hint beside another list, so nothing is kept alive by it, and no tally counts it.

    Raises:
        ServerDown: the cache can't be reached.
    """
    if not questions:
        return []
    with servers.cache_server().connection() as client:
        pins = cast("Any", client.mget([_head_key(question) for question in questions]))
        pipeline = client.pipeline(transaction=False)
        for question, pin in zip(questions, pins, strict=True):
            pipeline.hmget(f"{_page_prefix(question)}{(pin or b'').decode()}:first", ["meta", "next"])
        found = cast("Any", pipeline.execute())
    return [(json.loads(meta)["unique"], bool(following)) if meta else (0, False) for meta, following in found]


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


def pages_holding(wanted: Sequence[tuple[PageQuestion, int, int | None]]) -> list[tuple[Continuation | None, int]]:
    """Return for each chain how the page is reached on which a reader goes on, and how many rows the pages before it hold.

    (None, 0) for the first page, and where that is forgotten. One round trip.

    Args:
        wanted: a question of each chain, with how many of its rows the reader has seen, and the unix second in which the last
            of what they saw was created, if that is known: pages that are fetched again keep to their times, not to their
            number of rows.

    Raises:
        ServerDown: the cache can't be reached.
    """
    calls: list[tuple[list[str], list[str | int]]] = [
        (
            [f"{_chain_prefix(question)}{question.pin}"],
            [rows, "" if second is None else second, int(question.filter.order == "Desc"), MOST_PAGES_SEARCHED],
        )
        for question, rows, second in wanted
    ]
    found = servers.cache_server().scripts("find_place", calls) if calls else []
    return [(Continuation(*unpack(reached)) if reached else None, brought) for reached, brought in found]


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


@dataclass(frozen=True, slots=True)
class Known:
    """What a pinned chain knows of a page: whether it was fetched before, and the stretch that binds it since, if one does.

    None does where nothing follows the page, or its order is not proven. Of a page that was not fetched, `owed` is the second in
    which the one before it ends, if new jobs of that second were left to it.
    """

    fetched: bool = False
    span: Span | None = None
    owed: datetime | None = None


def find_known(question: PageQuestion) -> Known:
    """Return what a page's chain knows of it.

    Raises:
        ServerDown: the cache can't be reached.
    """
    chain, is_descending = f"{_chain_prefix(question)}{question.pin}", int(question.filter.order == "Desc")
    known = cast("Any", servers.cache_server().script("read_span", [chain], [question.place, is_descending]))
    if len(known) <= 1:
        return Known(owed=_time(*known) if known else None)
    n, first, before, last, following, is_passed, onward = known
    # By keyset it began where it was told to; else behind the page before it, or with its own first row.
    asked = parse_time(question.continuation.after) if question.continuation else None
    farther = max if is_descending else min
    begins = asked or _time(farther((time for time in (first, before) if time), key=int, default=b""))
    ends = _time(last)
    if ends is None or not following or (begins is None and n != 1):
        return Known(fetched=True)
    # Where the list moved, the chain goes on from before the place where its last page ended.
    goes_on = parse_time(Continuation(*unpack(onward)).after) if onward else None
    open_from = goes_on or (None if is_passed else ends)
    return Known(fetched=True, span=Span(None if n == 1 else begins, ends, open_from))


def find_next(question: PageQuestion) -> Continuation | None:
    """Return how the chain goes on behind a page of a pin that was stored, None at its end.

    Raises:
        ServerDown: the cache can't be reached.
    """
    key = f"{_page_prefix(question)}{question.pin}:{question.place}"
    with servers.cache_server().connection() as client:
        following = cast("bytes | None", client.hget(key, "next"))
    return Continuation(*unpack(following)) if following else None


def known_jobs(question: PageQuestion, job_ids: Sequence[str]) -> tuple[set[str], datetime | None]:
    """Return which of some jobs the chain of a question's pin has met, and back to when its first page reached.

    That is when its last row was created, and the beginning of time where nothing followed; None where the order is not
    proven, or the chain is forgotten and has met none.

    Raises:
        ServerDown: the cache can't be reached.
    """
    fields = ["l:1", "s:1", "c:2", *(f"j:{job_id}" for job_id in job_ids)]
    with servers.cache_server().connection() as client:
        last, first_page, following, *met = cast(
            "Any", client.hmget(f"{_chain_prefix(question)}{question.pin}", fields)
        )
    known = {job_id for job_id, page in zip(job_ids, met, strict=True) if page is not None}
    if first_page is not None and following is None:
        return known, datetime.min.replace(tzinfo=UTC)
    return known, datetime.fromtimestamp(float(last), UTC) if last else None


def _unix(time: datetime | None) -> str:
    return str(int(time.timestamp())) if time else ""


def _time(unix: bytes) -> datetime | None:
    return datetime.fromtimestamp(int(unix), UTC) if unix else None


# Jobs ------------------------------------------------------------------------------------------------------------------


def find_job(question: JobQuestion, credential: str) -> Found:
    """Look a job up with the problems that concern it, in one round trip.

    Raises:
        ServerDown: the cache can't be reached.
    """
    trouble, *stored = servers.cache_server().script(
        "read_job",
        [cache_key(question.key), *troubles.keys(question.key, question.bucket, credential)],
        [troubles.tally_key(question.bucket), LONG_LIFE],
    )
    known = troubles.read(trouble)
    return Found(job=_job(question, *stored) if stored else None, problem=known.problem, since=known.since)


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
        [cache_key(JobQuestion(record.bucket, record.row.job.job_id).key)],
        [round(record.as_of * 1000), SHORT_LIFE, pack(value)],
    )


# Keys ------------------------------------------------------------------------------------------------------------------


def first_page_keys(question: PageQuestion) -> tuple[str, str, str]:
    """Return where the head of a list stands, and what the keys of its pages and chains begin with, before their pin."""
    return _head_key(question), _page_prefix(question), _chain_prefix(question)


def _head_key(question: PageQuestion) -> str:
    return cache_key(f"head:{question.bucket}:{question.filter.digest}")


def _pointer_key(question: PageQuestion) -> str:
    """Return where the pin stands that a question is answered by: the newest, or the one that took over a forgotten chain."""
    return f"{_head_key(question)}:{question.pin}" if question.pin else _head_key(question)


def _page_prefix(question: PageQuestion) -> str:
    return cache_key(f"page:{question.bucket}:{question.filter.digest}:")


def _chain_prefix(question: PageQuestion) -> str:
    return cache_key(f"chain:{question.bucket}:{question.filter.digest}:")
