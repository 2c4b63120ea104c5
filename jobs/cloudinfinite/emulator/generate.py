"""Generated jobs: what a bucket of n jobs holds, from a seed.

Alone responsible for the numbers a job is made of (a few bytes each, in arrays) and for the record they become when it is
asked for. Nothing is stored per job but those bytes; where a job stands (Submitted, Running, ...) follows from its
schedule and the clock, so no thread has to move it.
"""

from __future__ import annotations

import random
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from typing import Literal

from . import catalog
from .clock import written
from .markup import Tree

MOST_ARRIVALS = 100_000

_OUTCOMES = ("Success", "Failed", "Cancel", "Cancel", "Pause", "Submitted", "Running")
_SUCCESS, _FAILED, _CANCEL, _CANCEL_UNSTARTED, _PAUSE, _SUBMITTED, _RUNNING = range(7)
_NEVER = 2**31 - 1
_RECENT_GAP = 25  # seconds
_TAGS = tuple(catalog.JOB_PARAMS)
_ID_FACTOR, _ID_SPACE = 0x9E3779, 1 << 24  # odd, so index -> index * factor is a bijection and can be undone


@dataclass(frozen=True)
class Recipe:
    """What a bucket's generated jobs look like.

    count     jobs that exist from the start
    spread    seconds over which their creations lie; 0 puts all of them in one second
    newest    seconds before the anchor at which the newest of them was created
    shape     "even", or "recent": most jobs are young, as in life
    arrivals  least and greatest number of seconds between two jobs that come later; None: none come
    moving    do jobs go through their states while time passes; otherwise each stays as it is at the anchor
    """

    seed: int = 7
    count: int = 0
    spread: int = 86_400
    newest: int = 60
    shape: Literal["even", "recent"] = "even"
    arrivals: tuple[int, int] | None = None
    moving: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.count <= 1_000_000 or self.spread < 0 or self.newest < 0:
            raise ValueError("count must be 0..1000000, spread and newest at least 0")
        if self.shape not in ("even", "recent"):
            raise ValueError("shape must be even or recent")
        if self.arrivals and not 1 <= self.arrivals[0] <= self.arrivals[1]:
            raise ValueError("arrivals must be [least, greatest], whole seconds from 1")


class Generated:
    """The generated jobs of one bucket, by index 0 (oldest) upwards. `anchor` is the second its times count from."""

    def __init__(self, recipe: Recipe, bucket: str, region: str, anchor: int) -> None:
        self.recipe, self.bucket, self.region, self.anchor = recipe, bucket, region, anchor
        self._key = blake2b(f"{recipe.seed}:{bucket}".encode(), digest_size=8).digest()
        self._created = array("q")
        self._waits = array("i")
        self._runs = array("i")
        self._outcomes = bytearray()
        self._kinds = bytearray()
        self.order = array("i")  # indexes, by creation and then JobId
        self._keys = array("q")  # their creations
        self._last_arrival = anchor
        self._random = random.Random(f"{recipe.seed}:{bucket}")
        self._arrivals = random.Random(f"{recipe.seed}:{bucket}:arrivals")
        self._base()

    def _base(self) -> None:
        recipe, draw = self.recipe, self._random.random
        power = 3 if recipe.shape == "recent" else 1
        for index in range(recipe.count):
            age = recipe.newest + int(recipe.spread * (1 - (index + 0.999 * draw()) / recipe.count) ** power)
            if recipe.shape == "recent":  # else the cube would put the last dozens into one second
                age += _RECENT_GAP * (recipe.count - 1 - index)
            self._add(self._random, self.anchor - age, recipe.moving)
        for _, tied in groupby(range(recipe.count), key=self._created.__getitem__):
            group = list(tied)
            self.order.extend(sorted(group, key=self.job_id) if len(group) > 1 else group)
        self._keys.extend(self._created)

    def _add(self, source: random.Random, created: int, moving: bool) -> None:
        choice = source.random()
        wait = 2 + int(28 * source.random()) + (int(1_800 * source.random()) if source.random() < 0.1 else 0)
        run = int(20 + 130 * source.random()) if source.random() < 0.7 else int(300 + 9_000 * source.random() ** 2)
        if choice < 0.66:
            outcome = _SUCCESS
        elif choice < 0.80:
            outcome = _FAILED
        elif choice < 0.85:
            outcome = _CANCEL
        elif choice < 0.88:
            outcome = _CANCEL_UNSTARTED
        elif choice < 0.93 or moving:
            outcome = _PAUSE
        else:
            outcome = _SUBMITTED if choice < 0.96 else _RUNNING
        if not moving:  # whatever has an end has it before the anchor
            age = self.anchor - created
            wait = min(wait, age // 2)
            run = min(run, age - wait)
        if outcome == _SUBMITTED:
            wait = _NEVER
        if outcome == _RUNNING:
            run = _NEVER
        self._created.append(created)
        self._waits.append(wait)
        self._runs.append(run)
        self._outcomes.append(outcome)
        self._kinds.append(source.random() < 0.45)

    def advance(self, now: float) -> None:
        """Let the jobs arrive that are due by now. Times depend on the seed only, not on when this is called."""
        recipe = self.recipe
        while recipe.arrivals and self._last_arrival <= now and len(self._created) - recipe.count < MOST_ARRIVALS:
            self._last_arrival += self._arrivals.randint(*recipe.arrivals)
            self._add(self._arrivals, self._last_arrival, moving=True)
            self.order.append(len(self.order))
            self._keys.append(self._last_arrival)

    def span(self, first: int | None, last: float) -> tuple[int, int]:
        """Positions in `order` of the jobs created from `first` to `last`, both included: a half-open range."""
        low = 0 if first is None else bisect_left(self._keys, first)
        return low, bisect_right(self._keys, int(last))

    def position(self, created: int, job_id: str) -> int:
        """Where in `order` a job of this creation and id stands or would stand."""
        low, high = bisect_left(self._keys, created), bisect_right(self._keys, created)
        while low < high and self.job_id(self.order[low]) < job_id:
            low += 1
        return low

    def job_id(self, index: int) -> str:
        """`b` and 32 hex digits, like a UUID of version 1 without dashes; the last six hide the index."""
        mix = blake2b(index.to_bytes(4, "big"), key=self._key, digest_size=8).hexdigest()
        return f"b{mix[:12]}11ee{mix[12:]}525400{self._scramble(index):06x}"

    def _scramble(self, index: int) -> int:
        return (index * _ID_FACTOR + int.from_bytes(self._key[:3], "big")) % _ID_SPACE

    def index_of(self, job_id: str, now: float) -> int | None:
        """The index behind a JobId, None when there is no such job (yet)."""
        try:
            tail = int(job_id[-6:], 16)
        except ValueError:
            return None
        index = (tail - int.from_bytes(self._key[:3], "big")) * pow(_ID_FACTOR, -1, _ID_SPACE) % _ID_SPACE
        known = index < len(self._created) and self._created[index] <= now and self.job_id(index) == job_id
        return index if known else None

    def created(self, index: int) -> int:
        return self._created[index]

    def kind(self, index: int) -> str:
        return "Workflow" if self._kinds[index] else "Job"

    def name(self, index: int) -> str:
        pool = catalog.WORKFLOW_NAMES if self._kinds[index] else catalog.JOB_NAMES
        base = pool[(index * 7 + index // len(pool)) % len(pool)]
        return f"{base}{('-', '_')[index % 2]}{index}" if index % 4 else base

    def workflow_ids(self, index: int) -> tuple[str, ...]:
        """Ids of the workflows a job runs: of five in the bucket, seldom two at once."""
        if not self._kinds[index]:
            return ()
        first = index % 5
        return tuple(self._made_id("w", choice) for choice in ((first, first + 1) if index % 23 == 0 else (first,)))

    def state(self, index: int, now: float) -> str:
        return self._standing(index, now)[0]

    def _standing(self, index: int, now: float) -> tuple[str, int | None, int | None]:
        """State, start and end at a time."""
        created, outcome = self._created[index], self._outcomes[index]
        start = created + self._waits[index]
        if now < start:
            return "Submitted", None, None
        failed_early = outcome == _FAILED and not self._failure(index)[2]
        if outcome == _CANCEL_UNSTARTED or failed_early:
            return _OUTCOMES[outcome], None, start
        end = start + self._runs[index]
        if now < end:
            return "Running", start, None
        return _OUTCOMES[outcome], start, None if outcome == _PAUSE else end

    def _failure(self, index: int) -> tuple[str, str, bool]:
        return catalog.FAILURES[(index * 3 + index // 10) % len(catalog.FAILURES)]

    def _made_id(self, letter: str, number: int) -> str:
        return letter + blake2b(f"{letter}{number}".encode(), key=self._key, digest_size=16).hexdigest()

    def tree(self, index: int, now: float) -> Tree:
        """The JobsDetail record as it is at a time."""
        state, start, end = self._standing(index, now)
        code, message = "Success", ("", "", "success", "Success")[index % 4] if state == "Success" else ""
        if state == "Failed":
            code, message, _ = self._failure(index)
        created = self._created[index]
        tree: Tree = {
            "Code": code,
            "Message": message,
            "Type": self.kind(index),
            "Name": self.name(index),
            "JobId": self.job_id(index),
            "State": state,
            "CreationTime": written(created),
            "StartTime": "-" if start is None else written(start),
            "EndTime": "-" if end is None else written(end),
            "Input": self._input(index),
        }
        operation: Tree = dict(self._interval(index, created))
        if self._kinds[index]:
            operation["WorkflowIds"] = ",".join(self.workflow_ids(index))
        else:
            operation.update(self._job_operation(index, state))
            if index % 7 == 3:
                tree.update(self.job_level(operation, state))
        tree["Operation"] = operation
        return tree

    @staticmethod
    def job_level(operation: Tree, state: str) -> Tree:
        """Tag, QueueId and Progress as GO's struct has them, beside State."""
        above: Tree = {name: operation[name] for name in ("Tag", "QueueId") if name in operation}
        progress = {"Submitted": "0", "Running": "42", "Success": "100", "Pause": "17"}.get(state)
        return above if progress is None else {**above, "Progress": progress}

    def _input(self, index: int) -> Tree:
        turn = index // 2
        match index % 7:
            case 0 | 1:
                return {
                    "Manifest": f"cos_bucket_inventory/1250000000/{self.bucket[:-11]}/nightly/{turn % 28 + 1:02d}/manifest.json"
                }
            case 2:
                return {"UrlFile": catalog.LISTS[turn % len(catalog.LISTS)]}
            case 3:
                return {"Object": catalog.OBJECTS[turn % len(catalog.OBJECTS)]}
            case 4 if index % 3 == 0:
                return {"Manifest": f"https://{self.bucket}.cos.{self.region}.myqcloud.com/inventory/manifest.json"}
            case _:
                return {"Prefix": catalog.PREFIXES[turn % len(catalog.PREFIXES)]}

    @staticmethod
    def _interval(index: int, created: int) -> Iterator[tuple[str, Tree]]:
        """TimeInterval: both ends, one of them, or none; it speaks of objects, so it lies before the job."""
        start: Tree = {"Start": written(created - 86_400 * (1 + index % 30))}
        end: Tree = {"End": written(created - 3_600 * (index % 5))}
        interval: Tree = (({**start, **end}), {}, start, end, {})[index % 5]
        if interval:
            yield "TimeInterval", interval

    def _job_operation(self, index: int, state: str) -> Iterator[tuple[str, str | Tree]]:
        tag = _TAGS[index % len(_TAGS)]
        turn = index // len(_TAGS)
        variants = catalog.JOB_PARAMS[tag]
        if tag == "Transcode" and turn % 3 == 2:
            yield "QueueType", "SpeedTranscoding"
        elif turn % 6 != 5:
            yield "QueueId", self._made_id("p", index % 3)
        if user_data := catalog.USER_DATA[turn % len(catalog.USER_DATA)]:
            yield "UserData", user_data
        if turn % 4:
            yield "JobLevel", str(turn % 4 - 1)
        yield from catalog.CALLBACKS[(index + turn) % len(catalog.CALLBACKS)].items()  # type: ignore[misc]  # trees and texts only
        yield "Tag", tag
        parameters: Tree = dict(variants[turn % len(variants)])
        if state == "Success" and turn % 5 == 1:
            parameters["MediaResult"] = catalog.MEDIA_RESULT
        yield "JobParam", parameters
        if tag not in catalog.WITHOUT_OUTPUT:
            away = index % 11 == 0
            output: Tree = {
                "Region": catalog.REGIONS[index % len(catalog.REGIONS)] if away else self.region,
                "Bucket": "media-out-1250000000",
            }
            output.update(
                catalog.OUTPUTS.get(tag) or {"Object": catalog.OUTPUT_PATHS[turn % len(catalog.OUTPUT_PATHS)]}
            )
            yield "Output", output
        if tag == "Transcode" and turn % 3 == 1:
            yield "FreeTranscode", "false"
