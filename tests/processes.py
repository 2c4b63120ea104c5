"""The product's own processes, started as they run in production: a Celery worker and gunicorn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import redis
from django.conf import settings

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
THREADS = 8
"""Of a worker, where a test says nothing else."""


@dataclass
class Process:
    """A process of a test, with what it wrote; `extra` goes on top of the test's own environment, `tree` holds its code.

    `forget` takes away what an earlier one left that would make this one look ready.
    """

    command: list[str]
    log: Path
    extra: dict[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True
    forget: Callable[[], None] = lambda: None
    popen: subprocess.Popen[bytes] | None = None
    tree: Path = ROOT

    def start(self, timeout: float = 20) -> Process:
        """Start it and wait until it is ready."""
        self.forget()
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command,
                cwd=self.tree,
                env={**os.environ, "PYTHONPATH": str(self.tree), **self.extra},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while not self.ready():
            if self.popen.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.command} is not ready:\n{self.text()}")
            time.sleep(0.02)
        return self

    @property
    def lives(self) -> bool:
        """Whether it was started and has not ended."""
        return self.popen is not None and self.popen.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.popen is not None
        return self.popen.pid

    def text(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        """End it and its children as a crash would."""
        if self.popen and self.lives:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()

    def stop(self) -> None:
        """Ask it to end, and make it end."""
        if self.popen and self.lives:
            os.killpg(self.popen.pid, signal.SIGTERM)
            try:
                self.popen.wait(8)
            except subprocess.TimeoutExpired:
                self.kill()


def worker(log: Path, extra: dict[str, str] | None = None, *, name: str = "w1", threads: int = THREADS) -> Process:
    """Return a Celery worker that is ready once its heartbeat is seen."""
    from jobs import claims

    def beats() -> bool:
        return any(worker_name.startswith(f"{name}@") for worker_name in claims.heartbeats())

    def forget() -> None:
        """Drop its heartbeat: that of a worker which was killed would speak for the new one, for seconds."""
        url = (extra or {}).get("REDIS_URL", settings.REDIS_URL)
        if url.startswith("sentinel:"):
            return  # No test kills a worker there.
        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter("heartbeats*", count=1000):
                for beat in cast("list[bytes]", client.hkeys(key)):
                    if beat.startswith(f"{name}@".encode()):
                        client.hdel(key, beat)

    command = [
        sys.executable, "-m", "celery", "-A", "dashboard", "worker", "-P", "threads", "-c", str(threads), "-n", f"{name}@%h",
        "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
    ]  # fmt: skip
    return Process(command, log, extra or {}, ready=beats, forget=forget)


def web(log: Path, **extra: str) -> tuple[Process, str]:
    """Return gunicorn as it is configured for production, but with one process, and its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False

    command = [
        sys.executable, "-m", "gunicorn", "-c", "docker/gunicorn.conf.py", "-w", "1", "-b", f"127.0.0.1:{port}",
        "dashboard.wsgi:application",
    ]  # fmt: skip
    return Process(command, log, extra, ready=answers), address
