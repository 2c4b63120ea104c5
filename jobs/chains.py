"""How a chain goes on from one page to the next: by CI's token, or by keyset where jobs can leave the list meanwhile.

A job that ends leaves `states=Running`. With a token that counts rows everything behind it then slips forward by one, and
the row that was next is never seen. By keyset the next page begins at the last row's creation time, inclusive, and what
was seen already is dropped: nothing can slip past. Inside a second that holds more jobs than a page does, and on a page
without jobs, the creation time tells nothing, and the token is followed until a row of another second comes.

Where no job can leave, rows can still move: some come into the filter, or those of one second change places. No row is
then passed over without another that comes twice. So a chain that goes by token until a row repeats goes on by keyset from
the first row of that page, and stays with it.

A page that is fetched a second time is asked for its span (`jobs/spans.py`) and leads on as the chain has recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from jobs.cloudinfinite.schema import parse_time
from jobs.filters.times import write_time
from jobs.records import Continuation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jobs.completeness import Doubt
    from jobs.filters import JobFilter
    from jobs.spans import Span


@dataclass(frozen=True, slots=True)
class Step:
    """What one answer means for its chain.

    `next` is where it goes on, None at the end; `if_moved`, where there is one, is where it goes on instead if a row stood
    on an earlier page. `first` and `last` are the creation times of its first and last row, None where the order is not
    proven. `of_span` says that it holds all of the stretch that its page covered before; `theirs` are the indexes of those rows
    that then belong to a later page, where they are new.
    """

    next: Continuation | None
    doubts: tuple[Doubt, ...]
    first: datetime | None
    last: datetime | None
    if_moved: Continuation | None = None
    of_span: bool = False
    theirs: tuple[int, ...] = ()


def step(job_filter: JobFilter, asked: Continuation, created: Sequence[datetime | None], next_token: str) -> Step:
    """Return how a chain goes on after an answer.

    Args:
        job_filter: what the chain shows.
        asked: the continuation that was sent, empty for the first page.
        created: the creation times of the rows, in the order in which they came.
        next_token: the answer's token, "" at the end.
    """
    bound = parse_time(asked.after)
    first, last = _ends_of(created, bound, descending=job_filter.order == "Desc")
    doubts: list[Doubt] = ["order"] if created and last is None else []
    following = Continuation(next_token, asked.after) if next_token else None
    by_keyset = job_filter.can_lose_jobs or bool(asked.after)
    if following and by_keyset:
        if not created:
            doubts.append("empty")
        elif last is not None and last == bound:
            doubts.append("second")
        elif last is not None:
            following = Continuation("", write_time(last))
    can_move = asked.next_token and not by_keyset and first is not None
    if_moved = Continuation("", write_time(first)) if can_move and first is not None else None
    return Step(following, tuple(doubts), first, last, if_moved)


def step_of_span(
    job_filter: JobFilter, span: Span, steps: Sequence[Step], created: Sequence[datetime | None], *, grown: bool
) -> Step:
    """Return what the answers that hold a span mean for its chain.

    Args:
        job_filter: what the chain shows.
        span: what was asked for.
        steps: what each answer meant.
        created: the creation times of all rows.
        grown: whether there may be more than they hold.
    """
    doubts = dict.fromkeys(doubt for step in steps for doubt in step.doubts)
    if grown:
        doubts["grown"] = None
    theirs = tuple(i for i, time in enumerate(created) if span.is_open(time, job_filter))
    return Step(None, tuple(doubts), steps[0].first, steps[-1].last, of_span=True, theirs=theirs)


def _ends_of(
    created: Sequence[datetime | None], bound: datetime | None, *, descending: bool
) -> tuple[datetime | None, datetime | None]:
    """Return the first and the last time if all are there and in order, from `bound` on; else nothing is proven."""
    times = [time for time in created if time is not None]
    if not times or len(times) < len(created):
        return None, None
    path = [bound, *times] if bound is not None else times
    steps = pairwise(path if descending else reversed(path))
    return (times[0], times[-1]) if all(newer >= older for newer, older in steps) else (None, None)
