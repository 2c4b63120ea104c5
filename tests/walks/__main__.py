"""`./dev walks`: walks from a seed on, in two processes; exit 1 where one fails."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.walks.report import Tally

PROCESSES = 2


def main() -> int:
    """Walk, print what it comes to, and return the exit code."""
    parser = argparse.ArgumentParser(prog="./dev walks", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed (default: %(default)s)")
    parser.add_argument("--count", type=int, default=10_000, help="how many walks (default: %(default)s)")
    parser.add_argument("--every", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.every:
        return walk_here(range(options.seed, options.seed + options.count, options.every))
    return walk_apart(options.seed, options.count)


def walk_here(seeds: range) -> int:
    """Walk in this process and tell each outcome on a line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the servers are ended on the way out
    from tests.walks.site import site

    with site() as emulator:
        from tests.walks.report import Outcome
        from tests.walks.scenario import scenario
        from tests.walks.walker import follow, walk_together

        for seed in seeds:
            sys.stdout.write(json.dumps(asdict(Outcome.of(walk_together(scenario(seed), emulator, follow)))) + "\n")
            sys.stdout.flush()
    return 0


def walk_apart(seed: int, count: int) -> int:
    """Walk in several processes and print what it comes to."""
    from tests.walks.report import Outcome, Tally

    began, tally = time.monotonic(), Tally()
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.walks", f"--seed={seed + share}", f"--count={count - share}", f"--every={PROCESSES}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in range(min(PROCESSES, count))
    ]  # fmt: skip

    def gather(process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        for line in process.stdout:
            outcome = Outcome(**json.loads(line))
            tally.outcomes.append(outcome)
            if outcome.wrong:
                print(f"seed {outcome.seed}: {'; '.join(outcome.wrong)}", file=sys.stderr, flush=True)  # noqa: T201
            _tell(tally)
        return process.wait()

    try:
        with ThreadPoolExecutor(PROCESSES) as pool:
            codes = list(pool.map(gather, processes))
    finally:
        for process in processes:
            process.terminate()
    for line in tally.lines():
        print(line)  # noqa: T201 - printing is what it is for
    print(f"{time.monotonic() - began:.0f} seconds")  # noqa: T201
    whole = len(tally.outcomes) == count and not any(codes)
    if not whole:
        print(f"only {len(tally.outcomes)} of {count} walks ended")  # noqa: T201
    return 0 if whole and not tally.failed else 1


def _tell(tally: Tally) -> None:
    """Say now and then how far it is."""
    if len(tally.outcomes) % 1000 == 0:
        print(f"{len(tally.outcomes)} walks, {len(tally.failed)} failed", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
