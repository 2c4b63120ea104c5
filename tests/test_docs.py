"""The documents: what they link to is there, and each designed state is pictured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.processes import ROOT
from tests.shots.states import DESIGNED, STATES

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_what_a_document_links_to_is_there(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)", document.read_text(encoding="utf-8"))

    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]

    assert missing == []


@pytest.mark.parametrize("state", DESIGNED)
def test_designed_state_is_pictured_in_the_docs_and_taken_by_shots(state: str) -> None:
    text = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")

    assert f"(states/{state}.png)" in text
    assert state in STATES
