"""A worker that is deaf: it lives, tasks wait, and it takes none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs import queues, servers

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def deaf() -> Iterator[list[str]]:
    """Notes of how often a worker, for whose queue a task waits, has ended."""
    with servers.broker().connection() as client:
        client.rpush(queues.key_of("waits-for-nobody"), "task")
        yield []
        client.delete(queues.key_of("waits-for-nobody"))


@pytest.mark.parametrize("queue", ["waits-for-nobody", "empty"])
def test_worker_is_deaf_only_where_tasks_wait(deaf: list[str], queue: str) -> None:
    hearing = queues.Hearing([queue], lambda: deaf.append("ended"))
    for _ in range(queues.DEAF_BEATS - 1):
        hearing.check()
    assert deaf == []

    hearing.check()

    assert bool(deaf) == (queue == "waits-for-nobody")


def test_worker_that_runs_or_takes_a_task_is_not_deaf(deaf: list[str]) -> None:
    hearing = queues.Hearing(["waits-for-nobody"], lambda: deaf.append("ended"))
    hearing.take()
    for _ in range(2 * queues.DEAF_BEATS):
        hearing.check()
    hearing.give()
    for _ in range(3):
        for _ in range(queues.DEAF_BEATS - 1):
            hearing.check()
        hearing.take()
        hearing.give()

    assert deaf == []
