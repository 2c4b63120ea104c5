"""Lines for people."""

from __future__ import annotations

import contextlib
import os
import sys

COLOURS = {"dev": 1, "web": 32, "worker": 36, "broker": 35, "cache": 34, "emulator": 33}
OTHER_COLOUR = 90


class Failed(Exception):
    """The command can't go on; the text is one line that says why and what to do."""


def say(text: str, name: str = "dev") -> None:
    """Print one line behind the name of who says it."""
    prefix = f"{name:8} |"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        prefix = f"\033[{COLOURS.get(name, OTHER_COLOUR)}m{prefix}\033[0m"
    # A log whose reader went away is no reason to stop.
    with contextlib.suppress(OSError):
        print(f"{prefix} {text}", flush=True)


def last_line(text: str) -> str:
    """Return the last line of what a program printed: where it says why it failed."""
    return (text.strip().splitlines() or ["no reason given"])[-1]
