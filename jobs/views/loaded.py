"""The loaded jobs of a list, in the terms the page about them and its twin need: what they say together, and which are shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from jobs import insight
from jobs.details import codes
from jobs.filters import list_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.utils.functional import _StrPromise

    from jobs.cloudinfinite.schema import Job
    from jobs.filters import InsightRequest
    from jobs.insight import Family, Kind, Odd, Oddities, Span, Tallies
    from jobs.models import Bucket
    from jobs.records import Row

FIRST_ODD = 20
"""Odd ones that are told at once; the others are behind a link."""


@dataclass(frozen=True)
class Loaded:
    """All rows that a list's address loads, each with its bucket, as they are told of at `now`, CI's unix time."""

    asked: InsightRequest
    rows: Sequence[tuple[Bucket, Row]]
    now: float

    @cached_property
    def _owners(self) -> dict[int, Bucket]:
        """Whose each job is, by which object it is: two buckets may have a job of one id."""
        return {id(row.job): bucket for bucket, row in self.rows}

    def owner(self, job: Job) -> Bucket:
        """Return the bucket of one of these jobs."""
        return self._owners[id(job)]

    def by_bucket(self, jobs: Iterable[Job]) -> list[tuple[Bucket, int]]:
        """Return how many of some of these jobs each bucket has, the most first."""
        return Counter(map(self.owner, jobs)).most_common()

    @cached_property
    def _jobs(self) -> list[Job]:
        return [row.job for _bucket, row in self.rows]

    @cached_property
    def tallies(self) -> Tallies:
        """Their counts."""
        return insight.tally(self._jobs)

    @cached_property
    def _names(self) -> dict[str, str]:
        """What each bucket is called: its label, and its name where it has none, or others have the same label."""
        buckets = {bucket.name: bucket for bucket, _row in self.rows}
        labels = Counter(bucket.label for bucket in buckets.values())
        return {
            name: f"{bucket.label} ({name})" if bucket.label and labels[bucket.label] > 1 else bucket.label or name
            for name, bucket in buckets.items()
        }

    def share(self, jobs: Iterable[Job], **changes: str) -> list[tuple[Bucket, str, int, str]]:
        """Return how many of some of these jobs each bucket has, the most first: bucket, what it is called, number, and the query of
        its own list with the same filter, with parameters changed."""
        query = self._own_query(**changes)
        return [(bucket, self._names[bucket.name], count, query) for bucket, count in self.by_bucket(jobs)]

    @property
    def bucket_rows(self) -> list[tuple[Bucket, str, int, str]]:
        """How many of all these jobs each bucket has."""
        return self.share(self._jobs)

    def _own_query(self, **changes: str) -> str:
        """Return the query of one bucket's list with the same filter, with parameters changed."""
        view = self.asked.view.first()
        return list_query(self.asked.filter.changed(tz=view.zone.key, **changes), view)

    @cached_property
    def families(self) -> list[Family]:
        """The families of those that failed."""
        return insight.families(self._jobs)

    @cached_property
    def told_families(self) -> list[tuple[Family, _StrPromise | str, list[tuple[Bucket, str, int, str]]]]:
        """The same with what each code means and what usually mends it, "" where there is no code; and each bucket's share."""
        return [
            (family, codes.advice(family.code) if family.code else "", self.share(family.jobs, states="Failed"))
            for family in self.families
        ]

    @cached_property
    def oddities(self) -> Oddities:
        """The odd ones among them."""
        return insight.oddities(self._jobs, datetime.fromtimestamp(self.now, UTC))

    @cached_property
    def odd(self) -> list[Odd]:
        """The odd ones that are asked for; all where none are."""
        return [one for one in self.oddities.odd if self.asked.odd in {"", "any", one.why}]

    @property
    def first_odd(self) -> list[tuple[Bucket, str, Odd]]:
        """The odd ones that are told at once, each with its bucket, and what that is called."""
        owned = [(self.owner(one.job), one) for one in self.odd[:FIRST_ODD]]
        return [(bucket, self._names[bucket.name], one) for bucket, one in owned]

    @cached_property
    def chosen(self) -> Family | None:
        """The family whose jobs are shown."""
        return next((family for family in self.families if family.name == self.asked.family), None)

    @cached_property
    def chosen_kind(self) -> Kind | None:
        """The kind whose jobs are shown."""
        kinds = dict.fromkeys(insight.kind_of(job) for job in self._jobs)
        return next((kind for kind in kinds if kind.name == self.asked.kind), None)

    @cached_property
    def chosen_span(self) -> Span | None:
        """The run times of the jobs that are shown."""
        return next((span for span in self.tallies.ran if span.name == self.asked.ran), None)

    @property
    def is_narrowed(self) -> bool:
        """Whether some of these jobs are asked for by themselves."""
        asked = self.asked
        return bool(asked.family or asked.kind or asked.ran or asked.odd)

    @cached_property
    def shown(self) -> list[tuple[Bucket, Row, Odd | None]]:
        """The rows that are asked for by themselves, for all that they must be together, each with what is odd about it."""
        asked = self.asked
        odd = {id(one.job): one for one in self.odd} if asked.odd else {}
        family = {id(job) for job in self.chosen.jobs} if self.chosen else set()
        kind, span = self.chosen_kind, self.chosen_span

        def is_asked_for(job: Job) -> bool:
            return (
                (not asked.family or id(job) in family)
                and (not asked.kind or insight.kind_of(job) == kind)
                and (not asked.ran or bool(span and span.holds(job.ran)))
                and (not asked.odd or id(job) in odd)
            )

        if not self.is_narrowed:
            return []
        return [(bucket, row, odd.get(id(row.job))) for bucket, row in self.rows if is_asked_for(row.job)]
