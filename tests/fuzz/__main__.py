"""`./dev fuzz`: a whole site under fire, then the search for canaries. Prints counts, seed and seconds; exit 1 on any failure.

A failure is printed with its number: `--seed S --first NUMBER --count 1` sends that case alone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import tests.services  # noqa: F401 - starts the two Redis servers and sets the environment
from tests.emulators import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.firing import Result

MOST_FAILURES = 10
"""Kinds of failure that are printed."""
LANES = 8
"""Askers at once where each case is quick."""


def main() -> int:
    """Send everything and return the exit code."""
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="what the cases are made from (default: %(default)s)")
    parser.add_argument("--count", type=int, default=10_000, help="addresses, and answers (default: %(default)s)")
    parser.add_argument("--deep", type=int, help="answers that go through the whole product (default: as --count)")
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default: %(default)s)")
    options = parser.parse_args()
    # Its processes have sessions of their own: whoever ends this one must let it end them.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    deep = options.count if options.deep is None else options.deep
    _prepare()
    from tests.fuzz import firing, reading, stack

    failed = False
    with Emulator() as emulator, stack.running(emulator) as running:
        seed, first, count = options.seed, options.first, options.count
        shots: dict[str, Callable[[], Result]] = {
            f"{count} addresses, each by a stranger and a viewer": lambda: firing.fire_addresses(
                running, seed, first, count, lanes=LANES
            ),
            f"{count} answers, by the client": lambda: reading.read_by_client(
                emulator, seed, first, count, lanes=LANES
            ),
            f"{deep} answers, by the whole product": lambda: reading.read_by_product(
                running, emulator, seed, first, deep
            ),
        }
        for name, shoot in shots.items():
            began = time.monotonic()
            result = shoot()
            _say(f"{name}: {time.monotonic() - began:.0f} s, seed {seed}, {len(result.failures)} failures")
            _say("    " + ", ".join(f"{count} {what}" for what, count in sorted(result.counts.items())))
            failed |= bool(result.failures)
            for complaint, case in list(result.first_of_each_kind())[:MOST_FAILURES]:
                _say(f"FAILED: {complaint}\n    {case}")
        _say(f"both Redis servers were searched {running.watch.looks} times meanwhile")
        for where, secret in running.canaries_left_behind()[:MOST_FAILURES]:
            failed = True
            _say(f"FAILED: {where} holds {secret}")
    _say("not withstood" if failed else "withstood")
    return 1 if failed else 0


def _prepare() -> None:
    """Make an empty database and the static files."""
    os.environ["DATABASE_URL"] = f"sqlite:///{Path(os.environ['VAR_DIR']) / 'fuzz.sqlite3'}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    import logging

    import django

    django.setup()
    # This process's client is under fire, too, and what it logs is looked at in the worker.
    logging.getLogger("jobs").setLevel(logging.ERROR)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - printing is what it is for


if __name__ == "__main__":
    sys.exit(main())
