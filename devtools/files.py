"""Small files of one checkout, safe against a second `dev` that runs at the same time."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CACHE = ROOT / ".cache"
REQUIREMENTS = ROOT / "requirements"


def digest(*parts: bytes) -> str:
    """Return one digest of all parts, in this order."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


def write_private(path: Path, text: str) -> None:
    """Write the file in one step, readable to its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def private_text(path: Path, make: Callable[[], str]) -> str:
    """Return the text of the private file `path`; `make` says what it is to hold where it is missing."""
    with contextlib.suppress(FileNotFoundError):
        if text := path.read_text(encoding="utf-8"):
            return text
    write_private(path, make())
    return path.read_text(encoding="utf-8")


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Wait until nobody else holds the lock `path`, then hold it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
