"""What `./dev bench` makes of what it measured."""

from __future__ import annotations

import signal

import pytest

from tests.bench.measure import Report, exit_code


@pytest.mark.parametrize(
    ("parts", "code"), [([0, 0], 0), ([0, 1], 1), ([0, -signal.SIGKILL], 1), ([-signal.SIGKILL, 0], 1)]
)
def test_part_that_missed_or_died_fails_the_bench(parts: list[int], code: int) -> None:
    assert exit_code(parts) == code


@pytest.mark.parametrize(
    ("value", "at_least", "missed"), [(2.0, False, []), (2.1, False, ["it"]), (2.0, True, []), (1.9, True, ["it"])]
)
def test_bound_is_kept_or_missed(value: float, missed: list[str], *, at_least: bool) -> None:
    report = Report()

    report.line("it", value, 2, at_least=at_least)

    assert report.missed == missed
