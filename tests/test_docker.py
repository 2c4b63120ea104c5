"""The image: everything that its Dockerfile copies is there for whoever clones this, and is let through to the builder."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def copied() -> list[str]:
    """Return every source of a COPY or ADD that comes from the checkout."""
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    instructions = [line.split() for line in text.splitlines() if re.match(r"(COPY|ADD)\s", line)]
    here = [words[1:] for words in instructions if not any(word.startswith("--from=") for word in words)]
    return [word for words in here for word in words[:-1] if not word.startswith("--")]


def tracked(source: str) -> list[str]:
    """Return the files of git at, or below, a path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", source], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.split("\0")[:-1]


def let_through(path: str) -> bool:
    """Tell whether .dockerignore lets a file through: the last line decides that names it or a folder around it."""
    through = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{pattern}(?:/.*)?", path):
            through = line.startswith("!")
    return through


def test_the_dockerfile_copies_something() -> None:
    assert {"manage.py", "jobs", "docker/health.py"} <= set(copied())


@pytest.mark.parametrize("source", copied())
def test_what_the_image_is_made_from_is_in_git_and_reaches_the_builder(source: str) -> None:
    files = tracked(source)

    assert files, f"{source} is not in git"
    assert [path for path in files if not let_through(path)] == []


@pytest.mark.parametrize(
    "path", [".env", "docker/.env", "var/secret_key", "tests/conftest.py", "jobs/__pycache__/a.pyc"]
)
def test_what_is_no_part_of_the_image_stays_outside(path: str) -> None:
    assert not let_through(path)
