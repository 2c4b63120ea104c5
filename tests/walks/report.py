"""Alone responsible for what many walks come to: sums, how often each doubt was right, and the seeds that failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.walks.oracle import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.walks.walker import Walk


@dataclass(frozen=True)
class Outcome:
    """One scenario in numbers, those of its readers together, as a process tells another."""

    seed: int
    readers: int
    pages: int
    calls: int
    shown: int
    repeats: int
    lost: int
    said: list[str]
    wrong: list[str]
    troubled: bool
    kinds: list[str]

    @classmethod
    def of(cls, walks: Sequence[Walk]) -> Outcome:
        """Judge the walks of one scenario and count them."""
        verdicts, scenario = [judge(walk) for walk in walks], walks[0].scenario
        pages = [page for walk in walks for page in walk.pages]
        return cls(
            scenario.seed,
            len(walks),
            len(pages),
            len(walks[0].calls),
            sum(len(page.rows) for page in pages),
            sum(page.repeats for page in pages),
            sum(len(verdict.lost) for verdict in verdicts),
            sorted(set().union(*(verdict.said for verdict in verdicts))),
            [f"reader {number}: {wrong}" for number, verdict in enumerate(verdicts, 1) for wrong in verdict.wrong],
            any(verdict.troubled for verdict in verdicts),
            sorted(scenario.kinds),
        )


@dataclass
class Tally:
    """The sums over all walks so far."""

    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def failed(self) -> list[Outcome]:
        """The walks with which something is wrong."""
        return [one for one in self.outcomes if one.wrong]

    def lines(self) -> Iterator[str]:
        """Yield what is printed."""
        every = self.outcomes
        yield (
            f"{len(every)} walks, {sum(one.readers == 2 for one in every)} with a second reader, {sum(one.pages for one in every)} pages, {sum(one.calls for one in every)} calls,"
            f" {sum(one.shown for one in every)} rows shown, {sum(one.repeats for one in every)} repeats removed"
        )
        calm = [one for one in every if not one.troubled]
        lossy = [one for one in every if one.lost]
        yield f"{len(calm)} walks without trouble, {sum(bool(one.said) for one in calm)} of them with a doubt"
        yield f"{len(lossy)} walks lost {sum(one.lost for one in lossy)} rows, {sum(not one.said for one in lossy)} of them unsaid"
        said = Counter(word for one in every for word in one.said)
        losing = Counter(word for one in lossy for word in one.said)
        alone = Counter(one.said[0] for one in lossy if len(one.said) == 1)
        for word, count in said.most_common():
            yield (
                f"  {word:16} said on {count:5} walks, {losing[word]:5} of which lost rows"
                f" ({alone[word]} with no other word), {count - losing[word]:5} did not"
            )
        happened = Counter(kind for one in every for kind in one.kinds)
        yield "what happened: " + ", ".join(f"{kind} {count}" for kind, count in happened.most_common())
        for one in self.failed:
            yield f"FAILED: ./dev walks --seed {one.seed} --count 1: {'; '.join(one.wrong)}"
        yield f"{len(self.failed)} walks failed"
