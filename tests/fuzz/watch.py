"""Looks for canaries in both Redis servers again and again: most of what stands there lapses long before the end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from tests.canaries import server_texts, sightings

if TYPE_CHECKING:
    from collections.abc import Sequence

PAUSE = 1.0
"""Seconds between two looks, at least."""
SHARE = 4
"""A look is followed by a pause of so many times its own length, so that looking costs a fifth of one core at most."""


class Watch:
    """Searches all keys and values of these servers while the block runs; `found` and `looks` tell what came of it."""

    def __init__(self, urls: Sequence[str], secrets: Sequence[str]) -> None:
        self.found: set[tuple[str, str]] = set()
        self.looks = 0
        self._urls, self._secrets = urls, secrets
        self._ending = threading.Event()
        self._failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self._ending.set()
        self._thread.join(60)
        if self._failed:
            raise self._failed[0]

    def _watch(self) -> None:
        try:
            pause = 0.0
            while not self._ending.wait(pause):
                began = time.monotonic()
                self.found.update(sightings(server_texts(*self._urls), self._secrets))
                self.looks += 1
                pause = max(PAUSE, SHARE * (time.monotonic() - began))
        except BaseException as error:  # noqa: BLE001 - whoever started it must know that nobody looked
            self._failed.append(error)
