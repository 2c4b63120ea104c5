"""Processes whose wall clock is wrong while their monotonic clock is right: libfaketime, loaded into that process alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path

MISSING = (
    "These tests need libfaketime. PyPI's package brings it for Linux on x86_64 (./dev test installs it); elsewhere install"
    " the system's (Debian and Ubuntu: apt install libfaketime), or name it: LIBFAKETIME=/path/to/libfaketime.so.1"
)


def wall_clock(offset: int) -> dict[str, str]:
    """Return variables for a process whose wall clock is `offset` seconds ahead of this machine's."""
    return _variables(_library(), offset)


def _variables(library: str, offset: int) -> dict[str, str]:
    return {
        "LD_PRELOAD": library,
        "FAKETIME": f"{offset:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",  # files keep their times: on a machine with a wrong clock only new ones are wrong
    }


@cache
def _library() -> str:
    found = next((path for path in _candidates() if _works(path)), None)
    assert found, MISSING
    return found


def _candidates() -> list[str]:
    named = os.environ.get("LIBFAKETIME")
    package = find_spec("libfaketime")
    folders = [Path(folder) for folder in (package.submodule_search_locations or [])] if package else []
    brought = [folder / "vendor/libfaketime/src/libfaketime.so.1" for folder in folders]
    installed = sorted(
        path for parent in ("/usr/lib", "/usr/lib64", "/usr/local/lib")
        for pattern in ("faketime/libfaketime.so.1", "*/faketime/libfaketime.so.1")
        for path in Path(parent).glob(pattern)
    )  # fmt: skip
    return [named] if named else [str(path) for path in (*brought, *installed)]


def _works(library: str) -> bool:
    # The loader passes over a library that it can't load, and the test would prove nothing.
    asked = [sys.executable, "-c", "import time; print(time.time(), time.monotonic())"]
    environment = {**os.environ, **_variables(library, 3600)}
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True)
    wall, monotonic = (float(number) for number in done.stdout.split())
    return abs(wall - time.time() - 3600) < 60 and abs(monotonic - time.monotonic()) < 60
