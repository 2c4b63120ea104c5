"""`./dev faults [NAME...] [--seconds N]`: strikes, mends, and prints what twenty readers met. Exit 1 where a promise broke.

A NAME is a part of a fault's name; without any, all are tried.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from pathlib import Path
from typing import NoReturn

from tests.faults.injections import FAULTS
from tests.faults.trial import Trial, heading


def main() -> int:
    """Try the faults that are asked for, and return the exit code."""
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of faults' names; all faults without any")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each is in force (default: %(default)g)")
    parser.add_argument("--logs", type=Path, help="a folder in which the processes' logs are kept")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    options = parser.parse_args()
    chosen = [one for one in FAULTS.values() if not options.names or any(name in one.name for name in options.names)]
    if options.list or not chosen:
        print("\n".join(one.name for one in (chosen or FAULTS.values())))  # noqa: T201 - printing is what it is for
        return 0 if options.list else 1
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)
    print(heading(), flush=True)  # noqa: T201
    broken = 0
    with Trial() as trial:
        for one in chosen:
            result = trial.run(one, options.seconds)
            broken += not result.kept
            print(result, flush=True)  # noqa: T201
            if options.logs:
                options.logs.mkdir(parents=True, exist_ok=True)
                for log in trial.site.folder.glob("*.log"):
                    shutil.copy(log, options.logs)
    print(f"{len(chosen) - broken} of {len(chosen)} kept their promises")  # noqa: T201
    return 1 if broken else 0


def _end(*_: object) -> NoReturn:
    """End once, in order: nothing that was started may stay."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(130)


if __name__ == "__main__":
    sys.exit(main())
