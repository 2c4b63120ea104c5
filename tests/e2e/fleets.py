"""A fleet: two web processes and three workers that share broker, cache and PostgreSQL, as on five machines."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import redis
from celery import Celery
from django.conf import settings

from tests.e2e.sites import Reader, all_at_once
from tests.emulators import REGION, Emulator
from tests.ports import free_port
from tests.processes import ROOT, Process, web, worker
from tests.services import start_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators import Call
    from tests.postgres import Postgres

WEBS, WORKERS, THREADS, BUCKETS = 2, 3, 4, 40
NAMES = tuple(f"fleet-{number}-1250000000" for number in range(BUCKETS))
TREE = ("dashboard", "jobs", "templates", "static", "docker", "manage.py")
"""What a release consists of."""

_numbers = itertools.count(1)


@dataclass
class Fleet:
    """A running fleet; anybody may look. `hands` are its workers."""

    emulator: Emulator
    environment: dict[str, str]
    folder: Path
    valkeys: list[subprocess.Popen[bytes]]
    webs: list[tuple[Process, str]] = field(default_factory=list)
    hands: list[Process] = field(default_factory=list)
    _names: Iterator[str] = field(default_factory=lambda: iter(NAMES))

    @property
    def database_url(self) -> str:
        """Its DATABASE_URL."""
        return self.environment["DATABASE_URL"]

    @property
    def broker(self) -> redis.Redis:
        """A client of its broker, to be closed."""
        return redis.Redis.from_url(self.environment["REDIS_URL"])

    @property
    def cache_url(self) -> str:
        """Where its cache is."""
        return self.environment["REDIS_CACHE_URL"]

    @property
    def cache(self) -> redis.Redis:
        """A client of its cache, to be closed."""
        return redis.Redis.from_url(self.cache_url)

    @property
    def readers(self) -> list[Reader]:
        """A reader of each web process."""
        return [Reader(address) for _process, address in self.webs]

    def bucket(self, **spec: Any) -> str:
        """Fill the next of its buckets, arguments as `Emulator.create_bucket`; return the name."""
        return self.emulator.create_bucket(next(self._names), **spec)

    def calls(self, bucket: str) -> list[dict[str, str]]:
        """What was asked for the first page of a bucket's lists."""
        return [call.parameters for call in self.emulator.calls(bucket) if "nextToken" not in call.parameters]

    def calls_of_walks(self, bucket: str) -> list[Call]:
        """The calls for a hundred rows of a bucket, as walks make them."""
        return [call for call in self.emulator.calls(bucket) if call.parameters.get("size") == "100"]

    def phase(self, bucket: str) -> str:
        """Return the phase of the one question that is asked about a bucket, "" while there is none."""
        with self.broker as client:
            found = list(client.scan_iter(f"*asking:*{bucket}*", count=1000))
            return (cast("bytes | None", client.hget(found[0], "phase")) or b"").decode() if found else ""

    # Its processes

    def new_worker(self, tree: Path = ROOT) -> Process:
        """Return a worker that is not started yet."""
        return replace(fleet_worker(self.folder, self.environment), tree=tree)

    def new_web(self, tree: Path = ROOT) -> tuple[Process, str]:
        """Return a web process that is not started yet, and its address."""
        process, address = web(self.folder / f"web-{next(_numbers)}.log", **self.environment)
        return replace(process, tree=tree), address

    def mend(self) -> None:
        """Start what a test has ended."""
        all_at_once([process.start for process in self.processes if not process.lives])

    def replace_one(self, kind: str, tree: Path) -> None:
        """Start a worker or web process of the release in `tree`, and end one of the release before it."""
        if kind == "worker":
            old = next(hand for hand in self.hands if hand.tree != tree)
            self.hands[self.hands.index(old)] = self.new_worker(tree).start()
            old.stop()
        else:
            old, address = next(one for one in self.webs if one[0].tree != tree)
            new, new_address = self.new_web(tree)
            self.webs[self.webs.index((old, address))] = new.start(), new_address
            old.stop()

    def put_back(self, webs: list[tuple[Process, str]], hands: list[Process]) -> None:
        """End what runs beside these and start those of these that don't run."""
        kept = [process for process, _address in webs] + hands
        for process in self.processes:
            if process not in kept:
                process.kill()
        self.webs[:], self.hands[:] = webs, hands
        self.mend()

    @property
    def processes(self) -> list[Process]:
        """Webs and workers."""
        return [process for process, _address in self.webs] + self.hands

    @contextmanager
    def only(self, chosen: Process) -> Iterator[None]:
        """Let `chosen` alone take pages while the block runs."""
        others = [f"{name_of(hand)}@{os.uname().nodename}" for hand in self.hands if hand is not chosen]
        with Celery("fleet", broker=self.environment["REDIS_URL"]) as app:
            app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS

            def tell(command: str) -> None:
                said = app.control.broadcast(
                    command, {"queue": "page"}, others, reply=True, limit=len(others), timeout=5
                )
                assert len(said or ()) == len(others), said

            tell("cancel_consumer")
            try:
                yield
            finally:
                tell("add_consumer")

    def stop(self) -> None:
        """End everything."""
        for process in self.processes:
            process.kill()
        for valkey in self.valkeys:
            valkey.kill()
            valkey.wait()


def fleet_worker(folder: Path, environment: dict[str, str], threads: int = THREADS) -> Process:
    """Return one of several workers of a broker, not started yet; ready is it with its own heartbeat."""
    name = f"w{next(_numbers)}"
    process = worker(folder / f"{name}.log", environment, name=name, threads=threads)

    def beats() -> bool:
        with redis.Redis.from_url(environment["REDIS_URL"]) as client:
            names = [beat for key in client.scan_iter("heartbeats*") for beat in cast("Any", client.hkeys(key))]
        return any(beat.startswith(f"{name}@".encode()) for beat in names)

    return replace(process, ready=beats)


def name_of(hand: Process) -> str:
    """Return a worker's name before the @."""
    return hand.log.stem


@contextmanager
def running_fleet(postgres: Postgres, folder: Path) -> Iterator[Fleet]:
    """Start a fleet with a database, Redis servers and an emulator of its own."""
    ports = free_port(), free_port()
    with Emulator() as emulator:
        environment = {
            "CI_ENDPOINT": emulator.endpoint,
            "DATABASE_URL": postgres.new_database(),
            "REDIS_URL": f"redis://127.0.0.1:{ports[0]}/0",
            "REDIS_CACHE_URL": f"redis://127.0.0.1:{ports[1]}/0",
            "BUCKETS": ",".join(f"{name}@{REGION}" for name in NAMES),
            "ANONYMOUS_ACCESS": "true",
        }
        fleet = Fleet(emulator, environment, folder, [start_valkey(port) for port in ports])
        try:
            prepare(environment)
            fleet.webs += [fleet.new_web() for _ in range(WEBS)]
            fleet.hands += [fleet.new_worker() for _ in range(WORKERS)]
            fleet.mend()
            yield fleet
        finally:
            fleet.stop()


def prepare(environment: dict[str, str]) -> None:
    """Migrate and fill the database as a site does before it starts."""
    manage(environment, "prepare")


def first_admin_link(environment: dict[str, str]) -> str:
    """Return the path of the link with which the first admin can be made."""
    return manage(environment, "first_admin_link").strip()


def manage(environment: dict[str, str], command: str) -> str:
    """Run a command of manage.py and return what it prints."""
    variables = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "manage.py", command], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pause(process: Process) -> None:
    """Stop a process and its children, as a machine that hangs."""
    os.killpg(process.pid, signal.SIGSTOP)


def go_on(process: Process) -> None:
    """Let a paused process go on."""
    os.killpg(process.pid, signal.SIGCONT)


def next_release(folder: Path) -> Path:
    """Return a copy of the product whose cached values are of another version, and of another form."""
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    version = f'CACHE_VERSION = "{settings.CACHE_VERSION}'
    changes = {
        "dashboard/settings.py": (f'{version}"', f'{version}-next"'),
        "jobs/cache.py": ('"unique"', '"unique_rows"'),
    }
    for name, (before, after) in changes.items():
        text = (folder / name).read_text(encoding="utf-8")
        assert before in text
        (folder / name).write_text(text.replace(before, after), encoding="utf-8")
    return folder
