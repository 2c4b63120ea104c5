"""The emulated account: clock, buckets, credentials, switches, journal.

Alone responsible for what exists; how it is asked for is in `api.py`, how it is changed in `admin.py`.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock
from .faults import Faults
from .generate import Recipe
from .journal import Journal
from .signature import Known
from .store import JobStore
from .switches import Switches

BUCKET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-[0-9]{5,}")
REGION = re.compile(r"[a-z]{2}-[a-z]+(?:-[a-z]+)?(?:-[0-9])?")


@dataclass
class Bucket:
    """One bucket. `latency` is seconds before each answer, None for the emulator's own; an unbound one is not listed."""

    name: str
    region: str
    jobs: JobStore
    faults: Faults = field(default_factory=Faults)
    latency: float | None = None
    bound: bool = True
    anchor: int = 0


class World:
    """`populate` fills it at the start and at every reset."""

    def __init__(
        self,
        *,
        clock: Clock,
        seed: int,
        latency: float,
        switches: Switches,
        credentials: Sequence[Known],
        populate: Callable[[World], None] = lambda world: None,
    ) -> None:
        self.clock, self.seed, self.journal = clock, seed, Journal()
        self._start = (latency, switches, tuple(credentials), populate)
        self._serials = itertools.count(1)
        digest = hashlib.sha256(f"{seed}".encode()).hexdigest()
        self._origin = f"{digest[:8]}_{digest[8:12]}"
        self.reset()

    def reset(self) -> None:
        """Everything as at the start; the clock runs unshifted."""
        self.latency, self.switches, credentials, populate = self._start
        self.credentials = {known.secret_id: known for known in credentials}
        self.buckets: dict[str, Bucket] = {}
        self.clock.set(offset=0)
        self.journal.reset()
        populate(self)

    def create(
        self,
        name: str,
        region: str,
        *,
        recipe: Recipe | None = None,
        given: Sequence[Mapping[str, Any]] = (),
        faults: Sequence[Mapping[str, Any]] = (),
        latency: float | None = None,
        bound: bool = True,
        anchor: int | None = None,
    ) -> Bucket:
        """Create or replace a bucket; `anchor` is the second its generated jobs' times count from, now by default."""
        if not BUCKET_NAME.fullmatch(name) or len(name) > 63 or not REGION.fullmatch(region):
            raise ValueError(f"{name!r} in {region!r} is no bucket (name-appid, region id)")
        begun = int(self.clock.now()) if anchor is None else anchor
        jobs = JobStore(recipe or Recipe(seed=self.seed), name, region, begun)
        for fields in given:
            jobs.add(fields, begun)
        bucket = Bucket(name, region, jobs, Faults(faults), latency, bound, begun)
        self.buckets[name] = bucket
        return bucket

    def request_id(self) -> str:
        """Like CI's: base64 of time, host, process and counter in hex (ci-api.md §6.4)."""
        text = f"{int(self.clock.now()):08x}_{self._origin}_{next(self._serials):x}"
        return base64.b64encode(text.encode()).decode()

    def trace_id(self, request_id: str) -> str:
        return base64.b64encode(hashlib.sha256(request_id.encode()).hexdigest()[:32].encode()).decode()

    def serial(self) -> int:
        return next(self._serials)
