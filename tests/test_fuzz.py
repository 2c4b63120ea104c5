"""Three hundred hostile addresses and as many hostile answers, through real processes. `./dev fuzz` sends more.

A failure names its case: `./dev fuzz --seed 7 --first NUMBER --count 1` sends it alone.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from jobs import servers
from tests.canaries import CANARY_KEY, redis_texts
from tests.e2e.sites import own_database
from tests.emulators import Emulator
from tests.fuzz import stack
from tests.fuzz.addresses import Places, address
from tests.fuzz.answers import mutant
from tests.fuzz.firing import fire_addresses
from tests.fuzz.reading import read_by_product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.stack import Stack

SEED, COUNT = 7, 300


@pytest.fixture
def under_fire(transactional_db: None, static_files: None) -> Iterator[tuple[Stack, Emulator]]:
    """A site and an emulator of the test's own, on other databases of the Redis servers than any other test."""
    with Emulator() as emulator, stack.running(emulator, **own_database(8)) as running:
        yield running, emulator


def test_hostile_addresses_and_answers_are_withstood(under_fire: tuple[Stack, Emulator]) -> None:
    running, emulator = under_fire

    asked = fire_addresses(running, SEED, 0, COUNT, lanes=8)
    read = read_by_product(running, emulator, SEED, 0, COUNT)
    left = running.canaries_left_behind()

    assert (list(asked.first_of_each_kind()), list(read.first_of_each_kind()), left) == ([], [], [])
    # What has been sent must have reached what it was aimed at: views that answered, rows that were shown, Redis.
    assert asked.counts["fuzz-viewer 200"] > 10
    assert read.counts["product rows"] > COUNT // 4
    assert any("bfuzzshown" in text for text in redis_texts(running.site.cache_url))


@pytest.mark.usefixtures("empty_redis")
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_canary_is_seen_in_base64_and_what_only_looks_like_it_is_passed_over(padding: int) -> None:
    message = f"{'x' * padding}{CANARY_KEY} in a task's arguments".encode()
    with servers.cache_server().connection() as client:
        client.set("task", b'{"body": "%s"}' % base64.b64encode(message))
        client.set("odd", b'"%s"' % (b"a" * 33))

    texts = list(redis_texts(settings.REDIS_CACHE_URL))

    assert sum(CANARY_KEY in text for text in texts) == 1


def test_a_case_is_the_same_whatever_was_made_before_it() -> None:
    places = Places("h:1", stack.SHOWN, stack.ELSEWHERE, stack.HIDDEN, stack.UNKNOWN, ("b1",))

    again = [(address(SEED, number, places), mutant(SEED, number).wire(0.0)) for number in (7, 3)]

    assert again == [(address(SEED, number, places), mutant(SEED, number).wire(0.0)) for number in (7, 3)]
    assert address(SEED + 1, 7, places) != again[0][0]
