"""The places in which readers wait: one bucket that does not answer takes not all of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from jobs import claims, pages
from jobs.filters import View
from jobs.places import Places
from jobs.searches import Pending
from tests.paging import LIST, ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator


pytestmark = pytest.mark.usefixtures("worker")


def test_readers_of_one_bucket_take_half_of_the_waiting_places_and_the_others_are_told_at_once(
    new_bucket: Callable[..., Bucket], settings: Settings
) -> None:
    settings.FIRST_WAIT = 5.0  # Who has a place gets the page, on a busy machine, too.
    bucket = new_bucket(jobs=5, latency=2.5)
    most = settings.WEB_THREADS // 4

    with ThreadPoolExecutor(most + 8) as pool:
        began = time.monotonic()
        answers = list(
            pool.map(lambda _: (pages.get_page(bucket, LIST, View()), time.monotonic() - began), range(most + 8))
        )

    turned_away = [seconds for answer, seconds in answers if isinstance(answer, Pending)]
    assert len(turned_away) == 8
    assert max(turned_away) < 2.0  # They did not wait for the page.
    assert claims.heartbeats()


def test_bucket_that_does_not_answer_leaves_a_waiting_place_for_another(
    new_bucket: Callable[..., Bucket],
    emulator: Emulator,
    settings: Settings,
    until: Callable[[Callable[[], Any]], None],
) -> None:
    settings.FIRST_WAIT = 5.0
    silent, well = new_bucket(jobs=5, latency=4), new_bucket(jobs=5)
    readers = settings.WEB_THREADS

    with ThreadPoolExecutor(readers) as pool:
        waiting = [pool.submit(pages.get_page, silent, LIST, View()) for _ in range(readers)]
        until(
            lambda: sum(reader.done() for reader in waiting) >= readers // 2
        )  # turned away: no place is left for them
        answer = pages.get_page(well, LIST, View())

        assert not all(reader.done() for reader in waiting)
    assert ids(answer) == emulator.job_ids(well.name)


@pytest.mark.parametrize(("number", "lent"), [(1, [1, 0, 0]), (2, [1, 1, 0]), (16, [8, 4, 2]), (5, [3, 1, 1])])
def test_bucket_takes_another_waiting_place_only_while_more_are_free_than_it_holds(
    number: int, lent: list[int]
) -> None:
    places = Places(number)

    with ExitStack() as stack:
        taken = [sum(stack.enter_context(places.lend(bucket)) for _ in range(20)) for bucket in ("a", "b", "c")]
        assert taken == lent

    with places.lend("a") as free:
        assert free
