"""Twenty readers: threads that look at lists and jobs as people do, keep asking while a page is pending, and judge all.

Each third one looks at pages, the others at their JSON twins.
"""

from __future__ import annotations

import http.client
import itertools
import math
import random
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.faults.evidence import Evidence, Named, Verdict, bucket_of, is_named, is_twin, judge, page_of
from tests.faults.site import BUCKETS, SICK, WELL

if TYPE_CHECKING:
    from collections.abc import Collection

READERS = 20
PAUSE = 0.35
"""Seconds between two requests of one reader, about."""
PATIENCE = 15.0
"""Seconds after which a reader gives one answer up."""
FILTERS = ("size=10", "states=Failed&size=10", "orderByTime=Asc&size=10", "size=25")
WARM = [f"/buckets/{bucket}/jobs.json?{query}" for bucket in BUCKETS for query in FILTERS]
EXAMPLES = 4
SETTLING = 2.0
"""Seconds after the harness has let its workers go on for which they may tell of the pause, in place of the fault."""

_minutes = itertools.count(100_000)


def cold_path(bucket: str) -> str:
    """Return a list that nobody has asked for yet; it holds what the plain list holds."""
    return f"/buckets/{bucket}/jobs.json?size=10&range={next(_minutes)}m"


@dataclass
class Tally:
    """What the readers met while one fault was in force and until all was well again."""

    expected: Collection[Named] = ()
    """Problems that name the fault."""
    everywhere: bool = True
    """Whether the fault may be felt on the bucket that upstream's faults spare."""
    of_pause: Collection[Named] = ()
    """Problems that name what the harness does to its workers while it strikes or mends: they count only then."""
    requests: int = 0
    pages: int = 0
    wrong: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    named: dict[Named, int] = field(default_factory=dict)
    slowest: float = 0.0
    pausing_until: float = 0.0
    """Until when, by the monotonic clock, the workers may tell of their pause."""

    def pause(self) -> None:
        """Say that the harness begins to strike, or to mend."""
        self.pausing_until = math.inf

    def go_on(self) -> None:
        """Say that it has."""
        self.pausing_until = time.monotonic() + SETTLING

    @property
    def is_felt(self) -> bool:
        """Whether anybody was told of the fault by its name."""
        return any(is_named(named, self.expected) for named in self.named)

    def count(self, path: str, verdict: Verdict, seconds: float) -> None:
        """Count one answer, that comes now."""
        self.requests += 1
        self.pages += not is_twin(path)
        self.slowest = max(self.slowest, seconds)
        self.wrong += [f"{path}: {row}" for row in verdict.wrong_rows]
        if verdict.broken:
            self.unnamed.append(f"{path}: {verdict.broken}")
        elif verdict.named is not None:
            self.named[verdict.named] = self.named.get(verdict.named, 0) + 1
            spared = bucket_of(path) == WELL and not self.everywhere
            allowed = [*self.expected, *(self.of_pause if time.monotonic() < self.pausing_until else ())]
            if spared or not is_named(verdict.named, allowed):
                self.unnamed.append(f"{path}: {' '.join(verdict.named)}")


class Browser:
    """One connection to the site, used by one thread."""

    def __init__(self, port: int, evidence: Evidence) -> None:
        self._port, self._evidence = port, evidence
        self._connection: http.client.HTTPConnection | None = None

    def look(self, path: str) -> tuple[Verdict, float]:
        """Ask once and judge the answer; return how long it took, too."""
        began = time.monotonic()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            self._connection.request("GET", path, headers={"Accept-Language": "en"})
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Verdict(broken=f"no answer, {type(error).__name__}"), time.monotonic() - began
        seconds = time.monotonic() - began
        return judge(self._evidence, path, answer.status, body, answer.headers.get("Retry-After", "")), seconds

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Reader(threading.Thread):
    """One reader. While `crowd.wanting`, it also has a page of its own to get, which nobody else asks for."""

    def __init__(self, number: int, crowd: Crowd) -> None:
        super().__init__(name=f"reader-{number}", daemon=True)
        self._number, self._crowd = number, crowd
        self._random = random.Random(number)
        self._sees_pages = number % 3 == 0
        self._browser = Browser(crowd.port, crowd.evidence)
        self._next: list[tuple[str, frozenset[str]]] = []
        self.own = ""
        self.got_at = 0.0

    def run(self) -> None:
        turn = self._number
        while not self._crowd.ending.wait(self._random.uniform(0.5, 1.5) * PAUSE):
            turn += 1
            if self._crowd.wanting and not self.own:
                self.own = cold_path(SICK[self._number % 2])
            if self.own and turn % 2:
                if self._look(self.own).ready:
                    self.own, self.got_at = "", time.monotonic()
            else:
                self._look(*self._path())
        self._browser.close()

    def _path(self) -> tuple[str, frozenset[str]]:
        """Return what to look at, and the jobs that were seen in its list on the way there."""
        chance = self._random.random()
        if self._next and chance < 0.3:
            return self._next.pop()
        if chance < 0.4:
            return cold_path(self._random.choice(BUCKETS)), frozenset()
        return self._random.choice(WARM), frozenset()

    def _look(self, path: str, seen: frozenset[str] = frozenset()) -> Verdict:
        if self._sees_pages and is_twin(path):
            path = page_of(path)
        verdict, seconds = self._browser.look(path)
        if verdict.ready and "jobs" in verdict.data:
            verdict = on_the_way(verdict, seen, self._crowd.evidence)
        self._crowd.count(path, verdict, seconds)
        if verdict.ready and "jobs" in verdict.data:
            rows, following = verdict.data["jobs"], verdict.data["next"]
            jobs = [(f"/buckets/{bucket_of(path)}/jobs/{row['JobId']}.json", frozenset[str]()) for row in rows[:1]]
            shown = seen | {row["JobId"] for row in rows}
            self._next = [*jobs, *([(following, shown)] if following else [])]
        return verdict


def on_the_way(verdict: Verdict, seen: frozenset[str], evidence: Evidence) -> Verdict:
    """Return the verdict of a page of a list for whoever has scrolled past `seen`, from the first page on.

    No row may come again and none be passed over, unless the page says so, and what is left out as a repeat must have been seen.
    """
    if verdict.data["completeness"]["earlier_unknown"]:
        return verdict
    again = [f"{row['JobId']} shown again" for row in verdict.data["jobs"] if row["JobId"] in seen]
    lost = [f"{job_id} left out though never shown" for job_id in sorted(verdict.left_out - seen)]
    over = evidence.passed_over(verdict.data, seen)
    return replace(verdict, wrong_rows=(*verdict.wrong_rows, *again, *lost, *over))


class Crowd:
    """All readers together."""

    def __init__(self, port: int, evidence: Evidence) -> None:
        self.port, self.evidence = port, evidence
        self.ending = threading.Event()
        self.wanting = False
        self._lock = threading.Lock()
        self._tally = Tally()
        self._readers = [Reader(number, self) for number in range(READERS)]

    def start(self) -> None:
        """Let them begin."""
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        """Send them home."""
        self.ending.set()
        for reader in self._readers:
            reader.join(PATIENCE)

    def begin(self, expected: Collection[Named], *, everywhere: bool, of_pause: Collection[Named] = ()) -> Tally:
        """Count anew from now on, and let each reader want a page of its own."""
        with self._lock:
            self._tally = Tally(expected, everywhere, of_pause)
            self.wanting = True
            return self._tally

    def count(self, path: str, verdict: Verdict, seconds: float) -> None:
        """Count one answer."""
        with self._lock:
            self._tally.count(path, verdict, seconds)

    def want_no_more(self) -> None:
        """Let nobody want a further page; who waits for one goes on."""
        self.wanting = False

    @property
    def waiting(self) -> int:
        """How many have not got the page that they want."""
        return sum(bool(reader.own) for reader in self._readers)

    @property
    def last_got_at(self) -> float:
        """When the last of them got the page that they wanted, by the monotonic clock."""
        return max(reader.got_at for reader in self._readers)

    def forget(self) -> None:
        """Let those who wait give up."""
        for reader in self._readers:
            reader.own = ""
