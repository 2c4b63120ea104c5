"""Alone responsible for judging a walk by what upstream held and sent, with none of the product's own reasoning.

A job that matched throughout is shown exactly once, or the walk says that something may be missing: on a page where the job may
have stood, on the one from which the walk went on to it, at the end of a list that came too early, or where earlier pages are
unknown. What was in doubt elsewhere says nothing of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import accumulate
from operator import and_
from typing import TYPE_CHECKING

from jobs.cloudinfinite.emulator.api import TOKENS_LIVE
from jobs.cloudinfinite.schema import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.problems import Problem
    from tests.emulators import JobSummary
    from tests.walks.scenario import Scenario
    from tests.walks.walker import Walk

RENEWING = frozenset({"drop", "renew"})
"""What lets a page be fetched a second time."""

QUIET = RENEWING | {"wait", "arrive", "late", "change", "retire", "switch", "repeat_rows", "error", "truncate", "hang"}
"""What may happen without a doubt, a loss or an early end, unless a second holds as many jobs as a page."""

STILL = RENEWING | {"wait", "arrive", "error", "truncate", "hang"}
"""What happens to answers, or behind the pin: the list itself stands still, so that nothing excuses a loss."""


BROKEN = frozenset({"truncate", "hang"})
"""What is done to an answer so that nothing can be read of it."""

SAYS_NOTHING_OF_LOSS = frozenset({"token"})
"""A refused token is told, and that no job is lost by it."""


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a walk, what it lost, and in which words it said that something may be missing."""

    wrong: tuple[str, ...]
    lost: frozenset[str]
    said: frozenset[str]
    troubled: bool


def judge(walk: Walk) -> Verdict:
    """Judge one walk."""
    lost = throughout(walk) - {job_id for job_id, _ in _shown(walk)}
    said = frozenset(word for _, word in _said(walk))
    wrong = [*_twice(walk), *_invented(walk), *_miscounted(walk)]
    told = [concerned for concerned, word in _said(walk) if word not in SAYS_NOTHING_OF_LOSS]
    if unsaid := sorted(job_id for job_id in lost if all(_places(walk, job_id).isdisjoint(pages) for pages in told)):
        wrong.append(f"lost unsaid: {unsaid}")
    if walk.endless:
        wrong.append(f"no end after {len(walk.pages)} pages")
    if walk.problem is not None and not _is_upstreams(walk, walk.problem):
        wrong.append(f"a problem that upstream never gave: {walk.problem.code}")
    if walk.problem is None and not walk.endless and not (walk.pages and walk.pages[-1].end):
        wrong.append("ended without a reason")
    troubled = is_troubled(walk)
    if not troubled and (lost or said):
        wrong.append(f"without trouble, lost {len(lost)} and said {sorted(said)}")
    if _stands_still(walk) and (lost or (_repeats(walk) and not _is_keyset(walk))):
        wrong.append(f"of a list that stood still, lost {len(lost)}, or brought some twice")
    return Verdict(tuple(wrong), frozenset(lost), said, troubled)


def throughout(walk: Walk) -> set[str]:
    """Return the jobs that matched filter and pin from before the first page until after the last."""
    if not walk.pages:
        return set()
    pin = walk.pages[0].pin.time
    matching = [{job.job_id for job in jobs if _matches(job, walk.scenario, pin)} for jobs in walk.held]
    return set.intersection(*matching)


def is_troubled(walk: Walk) -> bool:
    """Tell whether the scenario holds something that can't be walked through without a doubt."""
    kinds = walk.scenario.kinds
    seconds = Counter(job.creation_time for job in {job.job_id: job for jobs in walk.held for job in jobs}.values())
    crowded = any(count >= walk.scenario.filter.size for count in seconds.values())
    without_calm = _is_refused(walk) or walk.problem is not None or bool(kinds - QUIET)
    return without_calm or (crowded and bool(kinds or _is_keyset(walk)))


def _stands_still(walk: Walk) -> bool:
    return not _is_refused(walk) and walk.problem is None and not walk.scenario.kinds - STILL


def _is_upstreams(walk: Walk, problem: Problem) -> bool:
    """Tell whether upstream gave cause for a problem: by the answer that it names, or by one that was cut off or never came.

    Of an answer that was cut off the code may be gone.
    """
    broken = [call for call in walk.calls if BROKEN & {*call.faults}]
    refused = [call for call in walk.calls if call.status != HTTPStatus.OK and call.code == problem.code]
    return any(call.request_id == problem.request_id or not problem.request_id for call in broken) or any(
        call.request_id == problem.request_id for call in refused
    )


def _repeats(walk: Walk) -> bool:
    """Tell whether a page that was fetched once brought jobs which an earlier one had."""
    return any(page.repeats for page in walk.pages) and not walk.scenario.kinds & RENEWING


def _is_refused(walk: Walk) -> bool:
    """Tell whether a token may be refused: by a fault, or because it is too old."""
    return _ages(walk) or any(event.spec.get("status") == 400 for gap in walk.scenario.events for event in gap)


def _ages(walk: Walk) -> bool:
    """Tell whether a token may grow too old between two looks. The walk itself takes some seconds, too."""
    gaps = walk.scenario.events[1:]
    waited = sum(event.spec["seconds"] for gap in gaps for event in gap if event.kind == "wait")
    return walk.scenario.switches["tokens_live"] == "minute" and waited > TOKENS_LIVE - 10


def _is_keyset(walk: Walk) -> bool:
    return any(page.next is not None and page.next.after for page in walk.pages)


def _matches(job: JobSummary, scenario: Scenario, pin: datetime) -> bool:
    created, asked = parse_time(job.creation_time), scenario.filter
    assert created is not None
    first, last = asked.start, min(pin, asked.end or pin)
    if asked.range:
        minutes = {"m": 1, "h": 60}[asked.range[-1]] * int(asked.range[:-1])
        first = pin - timedelta(minutes=minutes)
    named = {
        "exact": job.name == asked.name,
        "prefix": job.name.startswith(asked.name),
        "substring": asked.name in job.name,
    }[scenario.switches["name"]]
    passes: tuple[tuple[object, bool], ...] = (
        (asked.type, job.type == asked.type),
        (asked.states, job.state in asked.states),
        (asked.name, named),
        (asked.job_id, job.job_id == asked.job_id),
    )
    if asked.job_id and scenario.switches["filters"] == "job_id_alone":
        passes = passes[-1:]
    passed = [passed for given, passed in passes if given]
    matches = any(passed) or not passed if scenario.switches["filters"] == "or" else all(passed)
    return (first or datetime.fromtimestamp(0, UTC)) <= created <= last and matches


def _shown(walk: Walk) -> list[tuple[str, int]]:
    """Return each row that was shown: its JobId, and the index of its page."""
    return [(row.job.job_id, index) for index, page in enumerate(walk.pages) for row in page.rows]


def _said(walk: Walk) -> Iterator[tuple[range, str]]:
    """Yield each word in which the walk said that something may be missing, with the indexes of the pages that it concerns.

    A page's doubts concern its rows and the way on from it, if there is one: they reach as far as the next page. Where earlier
    pages are unknown, it concerns them all. What is said at the end concerns all that would have followed. A sum repeats what
    earlier pages said, so it says nothing of its own page; that it says the same is judged in `_miscounted`.
    """
    behind = len(walk.pages) + 1
    for index, page in enumerate(walk.pages):
        yield from ((range(index, index + 1 + (page.next is not None)), doubt) for doubt in page.doubts)
        if page.n is None:
            yield range(index + 1), "earlier_unknown"
        if page.end in ("repeated", "no_new_rows"):
            yield range(index, behind), page.end
    if walk.problem is not None or not walk.pages:
        yield range(len(walk.pages) - 1, behind), "problem"


def _places(walk: Walk, job_id: str) -> set[int]:
    """Return the indexes of the pages on which a job that was not shown may have stood.

    They go from the first one with a row of its second to the first with one from beyond it in the list's order, which may be the
    same. If none has that, they go on to what is behind the last page, or to one that ended the list without a row.
    """
    created = next(job.creation_time for jobs in walk.held for job in jobs if job.job_id == job_id)
    its_time, ascending = parse_time(created), walk.scenario.filter.order == "Asc"
    assert its_time is not None
    last = walk.pages[-1]
    reached = passed = len(walk.pages) - (bool(last.end) and not last.rows)
    for index, page in reversed(list(enumerate(walk.pages))):
        times = [row.job.creation_time for row in page.rows if row.job.creation_time is not None]
        if any(time >= its_time if ascending else time <= its_time for time in times):
            reached = index
        if any(time > its_time if ascending else time < its_time for time in times):
            passed = index
    return set(range(reached, passed + 1))


def _twice(walk: Walk) -> list[str]:
    """A job is shown again only on a page that says that earlier pages are unknown."""
    seen: set[str] = set()
    wrong = []
    for job_id, index in _shown(walk):
        if job_id in seen and walk.pages[index].n is not None:
            wrong.append(f"shown twice: {job_id} on page {index + 1}")
        seen.add(job_id)
    return wrong


def _invented(walk: Walk) -> list[str]:
    """A row is one that upstream sent for this bucket and this filter."""
    asked = walk.scenario.filter.params()
    plain = {name: asked[name] for name in ("type", "states", "name", "jobId") if name in asked}
    foreign = [call.number for call in walk.calls if {name: call.parameters.get(name) for name in plain} != plain]
    sent = {job_id for call in walk.calls if call.status == 200 for job_id in call.ids}
    wrong = [f"never sent: {job_id}" for job_id, _ in _shown(walk) if job_id not in sent]
    return wrong + [f"call {number} asked another question" for number in foreign]


def _miscounted(walk: Walk) -> list[str]:
    """What the pages say of themselves and of all before them is what was seen.

    Who was told that earlier pages are unknown may come back to pages that know theirs: they count by the chain, not by what
    this reader has seen.
    """
    wrong = []
    counted = list(accumulate((page.n is not None for page in walk.pages), and_))
    received = list(accumulate(page.received for page in walk.pages))
    unique = list(accumulate(len(page.rows) for page in walk.pages))
    for index, page in enumerate(walk.pages):
        if page.received - page.repeats != len(page.rows) or page.unique != len(page.rows):
            wrong.append(f"page {index + 1} counts its rows wrongly")
        if counted[index] and page.n != index + 1:
            wrong.append(f"page {index + 1} takes itself for page {page.n}")
        if (page.so_far is None) != (page.n is None):
            wrong.append(f"page {index + 1} has {'no' if page.so_far is None else 'a'} sum")
        if page.so_far is None or not counted[index] or walk.scenario.kinds & RENEWING:
            continue  # a sum speaks of the pages as they stand now, and one that was seen may have been renewed since
        doubts = {doubt for before in walk.pages[: index + 1] for doubt in before.doubts}
        told = (page.so_far.pages, page.so_far.received, page.so_far.unique, set(page.so_far.doubts))
        if told != (index + 1, received[index], unique[index], doubts):
            wrong.append(f"page {index + 1} sums up {told}")
    return wrong
