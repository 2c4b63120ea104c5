"""Runs workers under the supervisor of `./dev run`: `python -m tests.faults.hands NAME...`."""

from __future__ import annotations

import os
import sys

from devtools.supervisor import Ended, Process, Supervisor

THREADS = 8


def command(name: str) -> list[str]:
    """Return how a worker is started: as `./dev run` does, with a name of its own."""
    return [
        sys.executable, "-m", "celery", "--quiet", "--app", "tests.faults.worker", "worker", "--hostname", f"{name}@%h",
        "--pool", "threads", "--concurrency", str(THREADS), "--loglevel", "WARNING",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip


def main() -> None:
    """Look after the workers until SIGTERM."""
    supervisor = Supervisor()
    try:
        supervisor.start(*(Process(name, command(name), os.environ) for name in sys.argv[1:]))
        supervisor.watch()
    except Ended:
        pass
    finally:
        supervisor.stop()


if __name__ == "__main__":
    main()
