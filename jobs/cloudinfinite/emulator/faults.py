"""Faults: ways in which a bucket's answers go wrong, set by a test or by the demo.

Alone responsible for the kinds of fault, their parameters, and which of them strike a call.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# kind -> its parameters with their defaults. The first group ends the answering, the second changes a normal answer.
ENDING: dict[str, dict[str, Any]] = {
    "error": {"status": 500, "code": "InternalError", "message": "internal error"},
    "raw": {"status": 200, "content_type": "application/xml", "body": "", "body_base64": "", "headers": {}},
    "garbage": {"data_base64": "", "data": ""},
    "redirect": {"status": 307, "location": "https://elsewhere.example.com/"},
    "hang": {"seconds": 60.0},
    "huge": {"bytes": 60_000_000, "gzip": False, "chunked": False},
}
CHANGING: dict[str, dict[str, Any]] = {
    "delay": {"seconds": 1.0},
    "trickle": {"part": "body", "chunk": 1, "interval": 0.1, "seconds": 60.0},
    "reset": {"after": 100},
    "truncate": {"keep": 0.5, "close": False},
    "date": {"offset": 0.0},
    "token_repeat": {},
    "empty_page": {},
    "repeat_rows": {"rows": 1},
    "shuffle": {"among": "answer"},
}
KINDS = ENDING | CHANGING
_COMMON = {"kind", "count", "probability", "seed", "when"}
_CONDITIONS = {"call", "token", "credential", "query"}


@dataclass(frozen=True)
class Circumstances:
    """What a fault's `when` can look at. `call` is list, job or media_buckets."""

    call: str
    credential: str
    query: Mapping[str, str]


@dataclass
class Effects:
    """What strikes one call: the changing faults by kind, and the ending one."""

    changes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    end: tuple[str, Mapping[str, Any]] | None = None

    @property
    def kinds(self) -> list[str]:
        return [*self.changes, *([self.end[0]] if self.end else [])]


class Fault:
    """One fault as set. `spec` is the JSON object of the admin API; raises ValueError for one it can't be."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        kind = spec.get("kind")
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; kinds: {', '.join(KINDS)}")
        defaults = KINDS[kind]
        unknown = set(spec) - _COMMON - set(defaults)
        self.when: Mapping[str, Any] = spec.get("when", {})
        unknown |= set(self.when) - _CONDITIONS
        if unknown:
            raise ValueError(
                f"fault {kind} has no {', '.join(sorted(unknown))}; it has {', '.join(defaults) or 'nothing'}"
            )
        self.kind: str = kind
        self.parameters = defaults | {name: value for name, value in spec.items() if name in defaults}
        self.left: int | None = spec.get("count")
        self.probability = float(spec.get("probability", 1.0))
        self._random = random.Random(spec.get("seed", 7))
        self._draws = random.Random(spec.get("seed", 7))

    def meets(self, circumstances: Circumstances) -> bool:
        when = self.when
        return (
            when.get("call", circumstances.call) == circumstances.call
            and when.get("credential", circumstances.credential) == circumstances.credential
            and when.get("token", "nextToken" in circumstances.query) == ("nextToken" in circumstances.query)
            and all(circumstances.query.get(name) == value for name, value in when.get("query", {}).items())
        )

    def strikes(self) -> bool:
        """Does it strike this time? Draws and counts down, so ask once a call."""
        if self.left == 0 or (self.probability < 1 and self._random.random() >= self.probability):
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def effect(self) -> Mapping[str, Any]:
        """Return its parameters, and a `draw` that differs from strike to strike for what is made by chance."""
        return self.parameters | {"draw": self._draws.random()}


class Faults:
    """The faults of one bucket, in the order in which they were set."""

    def __init__(self, specs: Sequence[Mapping[str, Any]] = ()) -> None:
        self._lock = threading.Lock()
        self._all = [Fault(spec) for spec in specs]

    def add(self, spec: Mapping[str, Any]) -> None:
        fault = Fault(spec)
        with self._lock:
            self._all.append(fault)

    def effects(self, circumstances: Circumstances) -> Effects:
        """What strikes this call: every changing fault that meets it, and the first ending one."""
        effects = Effects()
        with self._lock:
            for fault in self._all:
                if fault.meets(circumstances) and fault.strikes():
                    if fault.kind in ENDING:
                        effects.end = (fault.kind, fault.parameters)
                        break
                    effects.changes[fault.kind] = fault.effect()
        return effects
