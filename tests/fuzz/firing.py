"""Runs many cases at once, each in one of a few lanes, and gathers what went wrong with them."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from tests.fuzz.addresses import address
from tests.fuzz.judging import complaints, is_gunicorns, is_tick, lost_on_the_way, problem_code, shown_rows, unlike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.fuzz.judging import Person
    from tests.fuzz.stack import Stack
    from tests.fuzz.wire import Received, Request

Case = TypeVar("Case")

MOST_SLOW = 0.02
"""Part of all answers that may be those of a slow machine."""


@dataclass
class Result:
    """What a run has found: failures as (kind, reproducing case), and counts of what was answered."""

    failures: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def add(self, complaints: Iterable[str], case: str, *counted: str) -> None:
        """Note the outcome of one case; called by many threads."""
        with self._lock:
            self.counts.update(counted)
            self.failures += [(complaint, case) for complaint in complaints]

    def first_of_each_kind(self) -> Iterator[tuple[str, str]]:
        """Yield the first failure of each kind; numbers and quoted words don't make a kind of their own."""
        seen = set()
        for kind, case in self.failures:
            short = kind[:40]
            if short not in seen:
                seen.add(short)
                yield kind, case


def in_lanes(cases: Iterable[Case], lanes: int, do: Callable[[int, Case], None]) -> None:
    """Do `do(lane, case)` for all cases, those of one lane one after another. What it raises, it raises here."""
    iterator, lock = iter(cases), Lock()

    def run(lane: int) -> None:
        while True:
            with lock:
                taken = list(islice(iterator, 1))
            if not taken:
                return
            do(lane, taken[0])

    with ThreadPoolExecutor(lanes) as pool:
        for future in [pool.submit(run, lane) for lane in range(lanes)]:
            future.result()


def fire_addresses(stack: Stack, seed: int, first: int, count: int, *, lanes: int) -> Result:
    """Ask for `count` hostile addresses, each as a stranger and as a viewer."""
    result = Result()

    def ask(lane: int, number: int) -> None:
        request = address(seed, number, stack.places)
        for person in (stack.stranger, stack.viewers[lane]):
            outcome, found = _judge(stack, person, request)
            result.add(found, f"address {number} as {person.name}: {request!r}", f"{person.name} {outcome}")
        if b"sign-out" in request.target.lower() or b"sign%2dout" in request.target.lower():
            stack.sign_in_again(lane)

    in_lanes(range(first, first + count), lanes, ask)
    slow = sum(number for what, number in result.counts.items() if " 50" in what)
    if slow > MOST_SLOW * result.counts.total():
        result.add(
            [f"{slow} answers are excused by a slow machine, which are too many to prove anything"], "all of them"
        )
    return result


def _judge(stack: Stack, person: Person, request: Request) -> tuple[str, list[str]]:
    is_slow = partial(stack.pulse.stalled, time.monotonic())
    try:
        received: Received = person.ask(stack.places.host, request)
    except Exception as error:  # noqa: BLE001 - whatever ends a connection without an answer is what is looked for
        return "no answer", [f"no answer: {type(error).__name__} {error}"]
    if is_gunicorns(request, received):
        found = complaints(person, request, received, stack.places, stack.canaries, is_slow=is_slow)
        return f"gunicorn {received.status}", found
    found = complaints(person, request, received, stack.places, stack.canaries, is_slow=is_slow)
    if request.method == "GET":
        found += lost_on_the_way(person, request, received, stack.places, is_slow=is_slow)
    status = f"{received.status} {problem_code(received)}" if received.status >= 500 else str(received.status)
    if received.status == 200 and shown_rows(received):
        status += " with rows"
        if is_tick(request):
            status += " of a tick"
        elif received.kind not in ("text/html", "application/json"):
            status += f" in {received.kind}"
    return status, found + unlike(person, request, received, stack.places)
