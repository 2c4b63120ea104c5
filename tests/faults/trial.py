"""One fault after another on one site with its readers, and what is said of each."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.faults.bites import DidNotBiteError
from tests.faults.evidence import Evidence
from tests.faults.readers import EXAMPLES, WARM, Browser, Crowd, cold_path
from tests.faults.site import BUCKETS, Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.injections import Fault
    from tests.faults.readers import Tally

STEP = 0.25
"""Seconds between two looks at whether all is well."""
AFTERWARDS = 20.0
"""Seconds beyond the bound for which recovery is watched, so that a late one is told from none."""
READ_JOURNAL_EVERY = 3.0


def heading() -> str:
    """Return the table's first lines."""
    columns = f"{'fault':<45} {'requests':>8} {'wrong':>6} {'unnamed':>8} {'lost':>5} {'recovery':>9} {'slowest':>8} {'traces':>7}"
    return f"{columns}\n{'-' * len(columns)}"


@dataclass(frozen=True)
class Result:
    """What one fault came to. `recovery` is None where it did not come; `unbitten` says why the fault was none."""

    fault: Fault
    tally: Tally
    lost: int
    recovery: float | None
    tracebacks: int
    unbitten: str = ""

    @property
    def is_in_time(self) -> bool:
        """Whether all was well again within what is promised."""
        return self.recovery is not None and self.recovery <= self.fault.bound

    @property
    def kept(self) -> bool:
        """Whether all that is promised was kept."""
        unfelt = self.fault.told and not self.tally.is_felt
        return self.is_in_time and not (self.tally.wrong or self.tally.unnamed or self.lost or unfelt or self.unbitten)

    def __str__(self) -> str:
        tally = self.tally
        recovery = "never" if self.recovery is None else f"{self.recovery:.1f} s"
        line = (
            f"{self.fault.name:<45} {tally.requests:>8} {len(tally.wrong):>6} {len(tally.unnamed):>8} {self.lost:>5}"
            f" {recovery:>9} {tally.slowest:>6.1f} s {self.tracebacks:>7}"
        )
        told = ", ".join(f"{code} {count}" for (_kind, code), count in sorted(tally.named.items()))
        notes = [f"told: {told}"] if told else []
        if self.unbitten:
            notes.append(f"did not bite: {self.unbitten}")
        if not self.is_in_time:
            notes.append(f"recovery later than {self.fault.bound:g} s")
        if self.fault.told and not tally.is_felt:
            notes.append("nobody was told of it")
        notes += [f"wrong row: {one}" for one in tally.wrong[:EXAMPLES]]
        notes += [f"unnamed: {one}" for one in tally.unnamed[:EXAMPLES]]
        return "\n".join([line, *(f"    {note}" for note in notes)])


class Trial:
    """A site with its readers. Arguments: variables of the site's processes."""

    def __init__(self, **environment: str) -> None:
        self.site = Site(**environment)
        self.evidence = Evidence(self.site.upstream)
        self.crowd = Crowd(self.site.port, self.evidence)
        self._ending = threading.Event()
        self._journal = threading.Thread(target=self._read_journal, daemon=True)

    def __enter__(self) -> Self:
        self.site.start()
        self.evidence.learn_truth(self.site.upstream.emulator, BUCKETS)
        self._journal.start()
        self.crowd.start()
        self._wait_until_well(30.0)
        return self

    def __exit__(self, *trouble: object) -> None:
        self._ending.set()
        self.crowd.stop()
        self._journal.join(10)
        self.site.stop()

    def run(self, fault: Fault, seconds: float) -> Result:
        """Strike, wait, mend, and watch until all is well. What the mend itself takes counts as recovery."""
        traces = self.site.tracebacks()
        tally = self.crowd.begin(fault.expected, everywhere=fault.everywhere, of_pause=fault.of_pause)
        time.sleep(1.0)  # by then each reader wants a page of its own
        tally.pause()
        also: Sequence[str] | None = None
        mending: float | None = None
        unbitten = ""
        try:
            with fault.strike(self.site, self.evidence) as also:
                tally.go_on()
                if not fault.at_once:
                    time.sleep(max(seconds, fault.least))
                self.crowd.want_no_more()
                mending = time.monotonic()
                tally.pause()
        except DidNotBiteError as error:
            unbitten = str(error)
            self.crowd.want_no_more()
        tally.go_on()
        recovery = self._wait_until_well(fault.bound + AFTERWARDS, also or (), began=mending)
        lost = self.crowd.waiting
        self.crowd.forget()
        # Problems are kept for a while, also those of pages that nobody asks for now: they are none of the next fault's.
        self.site.forget_problems()
        self.crowd.begin((), everywhere=True)
        self.crowd.want_no_more()
        return Result(fault, tally, lost, recovery, self.site.tracebacks() - traces, unbitten)

    def _wait_until_well(self, longest: float, also: Sequence[str] = (), *, began: float | None = None) -> float | None:
        """Return the seconds until every page comes again, also those that readers wanted in vain; None if that is never.

        They count from `began` by the monotonic clock, or from now.
        """
        began = time.monotonic() if began is None else began
        until = began + longest
        paths = [*WARM, *also, *(cold_path(bucket) for bucket in BUCKETS)]
        # Side by side: one that is waited for must not make the others look late.
        with ThreadPoolExecutor(len(paths)) as watchers:
            well = list(watchers.map(lambda path: self._comes(path, until), paths))
        while time.monotonic() < until and (self.crowd.waiting or not self.site.is_ready()):
            time.sleep(STEP)
        if not all(well) or self.crowd.waiting:
            return None
        # Readers tell when they got theirs; the look at it all comes later.
        return max([*(moment or 0.0 for moment in well), self.crowd.last_got_at, began]) - began

    def _comes(self, path: str, until: float) -> float | None:
        """Return the moment at which a page came without any trouble, None if it never did."""
        browser = Browser(self.site.port, self.evidence)
        try:
            while time.monotonic() < until:
                verdict, seconds = browser.look(path)
                self.crowd.count(path, verdict, seconds)
                if verdict.ready and verdict.named is None:
                    return time.monotonic()
                time.sleep(STEP)
        finally:
            browser.close()
        return None

    def _read_journal(self) -> None:
        while not self._ending.wait(READ_JOURNAL_EVERY):
            self.evidence.read()
