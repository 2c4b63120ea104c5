"""What an error code means and what usually mends it."""

from __future__ import annotations

import pytest

from jobs.details.codes import UNKNOWN, advice
from tests import documented


@pytest.mark.parametrize("code", documented.CODES)
def test_each_documented_code_has_advice(code: str) -> None:
    assert advice(code) != UNKNOWN


def test_advice_says_when_a_code_is_unknown() -> None:
    assert advice("SomethingNew") == UNKNOWN
