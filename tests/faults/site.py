"""The product as production runs it, with every part within reach of a fault.

Two Valkeys, an emulator on a port that it keeps, two workers under the supervisor of `./dev run`, gunicorn with two
processes, a PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from tests.emulators import REGION, Emulator
from tests.faults.names import UPSTREAM_NAME
from tests.ports import free_port
from tests.postgres import Postgres
from tests.processes import ROOT, Process
from tests.services import start_valkey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SICK = ("sick-a-1250000000", "sick-b-1250000000")
"""Buckets that upstream's faults strike."""
WELL = "well-1250000000"
"""A bucket that they spare, read with a credential of its own."""
BUCKETS = (*SICK, WELL)
WORKERS = ("w1", "w2")
JOBS = 60
LATENCY = 0.05
PAIR, OTHER_PAIR = ("FAULTS-SECRET-ID-1", "FAULTS-SECRET-KEY-1"), ("FAULTS-SECRET-ID-2", "FAULTS-SECRET-KEY-2")


@dataclass
class Valkey:
    """A Valkey that can be killed, hung and started anew on its port."""

    options: tuple[str, ...]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it empty."""
        self.process = start_valkey(self.port, *self.options)

    def kill(self) -> None:
        """End it at once, hung or not."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def signal(self, number: int) -> None:
        """Send a signal: SIGSTOP hangs it, SIGCONT lets it go on."""
        assert self.process is not None
        self.process.send_signal(number)

    def tell(self, *command: str) -> Any:
        """Send one command and return its answer."""
        with redis.Redis(port=self.port, socket_timeout=5) as client:
            return client.execute_command(*command)

    def info(self, section: str) -> dict[str, Any]:
        """Return a section of what it says of itself."""
        with redis.Redis(port=self.port, socket_timeout=5) as client:
            return dict(client.info(section))

    def memory_rules(self) -> dict[str, str]:
        """Return how much it may hold and what it then forgets."""
        with redis.Redis(port=self.port, decode_responses=True) as client:
            return {name: str(client.config_get(name)[name]) for name in ("maxmemory", "maxmemory-policy")}

    def set_memory_rules(self, rules: dict[str, str]) -> None:
        """Set what `memory_rules` returns."""
        with redis.Redis(port=self.port) as client:
            for name, value in rules.items():
                client.config_set(name, value)


class Upstream:
    """The emulator behind the site: it can be killed and comes back with the same jobs, on the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.epoch = 0
        """How often it was started: each time its journal begins anew."""
        self.credentials: tuple[tuple[str, ...], ...] = (PAIR, OTHER_PAIR)
        self._anchor = int(time.time())
        self.start()

    def start(self) -> None:
        """Start it with its buckets."""
        self.emulator = Emulator("--port", str(self.port), latency=LATENCY, credentials=self.credentials)
        for seed, bucket in enumerate(BUCKETS, start=1):
            self.emulator.create_bucket(bucket, jobs=JOBS, seed=seed, anchor=self._anchor)
        self.epoch += 1

    def kill(self) -> None:
        """End it."""
        self.emulator.stop()


class Site:
    """A running site; `environment` goes on top of the variables of all its processes."""

    def __init__(self, **environment: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="batchlens-faults-"))
        self.database = Postgres()
        self.broker = Valkey(("--maxmemory-policy", "noeviction"))
        self.cache = Valkey(("--maxmemory", "128mb", "--maxmemory-policy", "allkeys-lru"))
        self.upstream = Upstream()
        self.port = free_port()
        self.environment = self._environment() | environment
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "docker/gunicorn.conf.py", "-b", f"127.0.0.1:{self.port}", "dashboard.wsgi"]  # fmt: skip
        self.web = Process(gunicorn, self.folder / "web.log", self.environment, ready=self._answers)
        self.hands = self._hands()

    @property
    def address(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        """For CI_ENDPOINT."""
        return f"http://{UPSTREAM_NAME}:{self.upstream.port}"

    def write_credential(self, secret_id: str, secret_key: str) -> None:
        """Put a pair into the files from which the default credential is read."""
        for name, text in (("id", secret_id), ("key", secret_key)):
            fresh = self.folder / f"secret-{name}.new"
            fresh.write_text(text, encoding="ascii")
            fresh.replace(self.folder / f"secret-{name}")

    def _environment(self) -> dict[str, str]:
        self.write_credential(*PAIR)
        return {
            "VAR_DIR": str(self.folder),
            "DATABASE_URL": self.database.url(),
            "REDIS_URL": self.broker.url,
            "REDIS_CACHE_URL": self.cache.url,
            "CI_ENDPOINT": self.endpoint,
            "CI_SECRET_ID_FILE": str(self.folder / "secret-id"),
            "CI_SECRET_KEY_FILE": str(self.folder / "secret-key"),
            "CI_OTHER_SECRET_ID": OTHER_PAIR[0],
            "CI_OTHER_SECRET_KEY": OTHER_PAIR[1],
            "BUCKETS": ",".join([*(f"{name}@{REGION}" for name in SICK), f"{WELL}@{REGION}=other"]),
            "ANONYMOUS_ACCESS": "true",
            "WEB_THREADS": "16",
        }

    def _hands(self) -> Process:
        command = [sys.executable, "-m", "tests.faults.hands", *WORKERS]
        return Process(command, self.folder / "hands.log", self.environment, ready=self.is_ready)

    def start(self) -> Site:
        """Start everything and wait until it is ready."""
        try:
            self.broker.start()
            self.cache.start()
            self.database.create()
            done = subprocess.run(
                [sys.executable, "manage.py", "prepare", "--static"], cwd=ROOT, env={**os.environ, **self.environment},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            self.web.start(60)
            self.hands.start(60)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything and leave nothing behind."""
        for server in (self.broker, self.cache):
            if server.process and server.process.poll() is None:
                server.signal(signal.SIGCONT)
        self.continue_workers()
        self.web.kill()
        self._stop_hands()
        self.broker.kill()
        self.cache.kill()
        self.upstream.kill()
        self.database.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart_hands(self, **environment: str) -> None:
        """End the workers and start them with other variables, without waiting for them."""
        self._stop_hands()
        self.hands.extra = self.environment | environment
        self.hands.ready = lambda: True
        self.hands.start()

    def _stop_hands(self) -> None:
        # Its supervisor itself kills what does not end, within 12 s; killed before that, it would leave workers behind.
        if self.hands.popen and self.hands.popen.poll() is None:
            self.hands.popen.terminate()
            self.hands.popen.wait(20)

    # Looking ---------------------------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        return _status(f"{self.address}/readyz") == 200

    def _answers(self) -> bool:
        return _status(f"{self.address}/healthz") == 200

    def workers(self) -> dict[str, int]:
        """Return the process id of each worker that runs, by its name."""
        found = {}
        for pid in _children(self.hands.pid):
            words = _command_line(pid)
            for name in WORKERS:
                if f"{name}@%h" in words:
                    found[name] = pid
        return found

    def signal_worker(self, name: str, number: int) -> None:
        """Send a signal to one worker, if it runs."""
        if pid := self.workers().get(name):
            os.kill(pid, number)

    def continue_workers(self) -> None:
        """Let workers that were stopped go on."""
        if self.hands.popen and self.hands.popen.poll() is None:
            for name in WORKERS:
                self.signal_worker(name, signal.SIGCONT)

    def forget_problems(self) -> None:
        """Let no trouble be known any more: a page's, a bucket's last, and what a question's last try met."""
        with redis.Redis(port=self.cache.port, socket_timeout=5) as client:
            for key in client.scan_iter("*:problem:*"):  # of whatever CACHE_VERSION
                client.delete(key)
            for key in client.scan_iter("*:tally:*"):
                client.hdel(key, "problem")
        with redis.Redis(port=self.broker.port, socket_timeout=5) as client:
            for key in client.scan_iter("*asking:*"):
                client.hdel(key, "problem")

    def tracebacks(self) -> int:
        """Return how many tracebacks the logs hold."""
        return sum(process.text().count("Traceback (most recent call last)") for process in (self.web, self.hands))


def wait_for(condition: Callable[[], object], seconds: float = 15.0) -> bool:
    """Wait until something holds, at most so long; tell whether it does."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=3) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _children(pid: int) -> Iterator[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return
    yield from map(int, text.split())


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
