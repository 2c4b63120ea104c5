"""What the variables mean: where a run serves, on which data, and what web, worker and manage.py are given."""

from __future__ import annotations

import errno
import json
import re
import secrets
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from devtools.files import PYTHON, ROOT, digest, private_text
from devtools.messages import Failed, last_line
from devtools.variables import BUCKETS, CREDENTIAL, is_of_account, misspelt

if TYPE_CHECKING:
    from collections.abc import Mapping

REDIS = ("REDIS_URL", "REDIS_CACHE_URL")
DATABASE = ("DATABASE_URL",)


@dataclass(frozen=True)
class Site:
    """One run."""

    bind: str
    port: int
    demo: bool
    given: Mapping[str, str]
    """The variables as given, without those that this run must not see."""

    @property
    def var(self) -> Path:
        """The folder for state."""
        return Path(self.given.get("VAR_DIR") or ROOT / "var").resolve()

    @property
    def folder(self) -> Path:
        """The folder for what belongs to this port alone, so that two runs never meet: its databases above all."""
        return self.var / f"port-{self.port}"

    @property
    def address(self) -> str:
        """Where a person on this machine opens it."""
        host = loopback_of(self.bind)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def host(self) -> str:
        """A name to which Django answers."""
        names = [name.strip().lstrip(".") for name in self.given.get("ALLOWED_HOSTS", "").split(",")]
        return next((name for name in names if name not in {"", "*"}), "localhost")

    @property
    def redis(self) -> dict[str, str]:
        """The Redis servers that are given, by variable."""
        return {name: url for name in REDIS if (url := value(self.given, name))}

    @property
    def has_buckets(self) -> bool:
        """Whether the variables name any."""
        return any(self.given.get(name) for name in BUCKETS)


def loopback_of(bind: str) -> str:
    """Return the address under which this machine itself reaches what is bound to `bind`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared with, not bound to


def value(variables: Mapping[str, str], name: str) -> str:
    """Return the variable, or the content of the file that `<name>_FILE` names; "" where neither is set.

    Raises:
        Failed: the file can't be read.
    """
    if not (path := variables.get(f"{name}_FILE")):
        return variables.get(name, "")
    return file_text(f"{name}_FILE", path)


def file_text(variable: str, path: str) -> str:
    """Return the text of the file that a variable names.

    Raises:
        Failed: it can't be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is not text in UTF-8"
        raise Failed(f"{variable}: {path} can't be read ({reason}).") from None


def read_site(variables: Mapping[str, str], port: int | None = None, *, demo: bool = False) -> Site:
    """Return the site that the variables mean.

    It is the demo where none of BUCKETS*, CI_* is set, not even misspelt, or where `demo` asks for it.

    Args:
        variables: the environment.
        port: in place of PORT.
        demo: sample data, whatever account is configured.

    Raises:
        Failed: half a credential, buckets without one, a misspelt variable, or a port that can't be.
    """
    if port is None:
        written = variables.get("PORT") or "8000"
        port = int(written) if written.isdecimal() else 0
    if not 0 < port < 65536:
        raise Failed("PORT must be a number from 1 to 65535.")
    bind = (variables.get("BIND") or "127.0.0.1").strip("[]")
    there = {name for name, text in variables.items() if text}
    slips = misspelt(there)
    account = slips.keys() | {name for name in there if is_of_account(name)}
    hidden = {"DEMO"}
    if demo or not account:
        # The demo never touches a real account's data: not the database, whose buckets it would hide, and, where an
        # account is configured, not the Redis whose queue that account's workers read.
        foreign = DATABASE + (REDIS if account else ())
        hidden |= account | {name + ending for name in foreign for ending in ("", "_FILE")}
    elif slips:
        meant = ", ".join(f"{name} (did you mean {known}?)" for name, known in slips.items())
        raise Failed(f"Unknown variable: {meant}. Correct or unset it, or run ./dev run --demo")
    else:
        check_account(variables)
    given = {name: text for name, text in variables.items() if name not in hidden}
    return Site(bind, port, demo or not account, given)


def check_account(variables: Mapping[str, str]) -> None:
    """Raise Failed unless each credential is whole and each bucket has one."""
    parts: dict[str, set[str]] = {}
    for variable in variables:
        match = CREDENTIAL.fullmatch(variable)
        if match is None:
            continue
        if value(variables, variable.removesuffix("_FILE")):
            parts.setdefault(match["name"] or "", set()).add(match["part"])
        elif variable.endswith("_FILE") and (path := variables[variable]) and match["part"] != "SECURITY_TOKEN":
            raise Failed(f"{variable}: {path} is empty.")
    for name, found in sorted(parts.items()):
        if missing := {"SECRET_ID", "SECRET_KEY"} - found:
            raise Failed(
                f"Half a credential: {_variables(name, found)} is set, {_variables(name, missing)} is not."
                " Set both, or unset both for the demo."
            )
    for bucket, name in _listed(variables):
        if name not in parts:
            wanted = _variables(name, {"SECRET_ID", "SECRET_KEY"})
            raise Failed(f"The bucket {bucket} has no credential: set {wanted}, or run ./dev run --demo")
    if not parts:
        there = ", ".join(sorted(name for name, text in variables.items() if text and is_of_account(name)))
        wanted = _variables("", {"SECRET_ID", "SECRET_KEY"})
        raise Failed(
            f"{there} is set, so this is not the demo; but there is no credential: set {wanted},"
            " or run ./dev run --demo"
        )


def _variables(name: str, parts: set[str]) -> str:
    return " and ".join(f"CI_{name}_{part}" if name else f"CI_{part}" for part in sorted(parts))


def _listed(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return name and credential, as it stands in variables, of each bucket; `sync_buckets` judges the rest."""
    text = variables.get("BUCKETS", "")
    if path := variables.get("BUCKETS_FILE"):
        text += "\n" + file_text("BUCKETS_FILE", path)
    found = []
    for line in text.splitlines():
        for entry in filter(None, (part.strip() for part in line.partition("#")[0].split(","))):
            bucket, _, rest = (part.strip() for part in entry.partition("@"))
            credential = re.match(r"[^=\s]+\s*=\s*(\S+)", rest)  # What follows is a label.
            name = credential[1].upper().replace("-", "_") if credential and credential[1] != "default" else ""
            found.append((bucket, name))
    return found


def listen(site: Site) -> socket.socket:
    """Return a socket that listens where the site serves.

    `dev` holds it and web inherits it: nobody can take the port between two starts of web, and who comes early waits.

    Raises:
        Failed: somebody listens there already, or it is no address of this machine.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in site.bind else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((site.bind, site.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Failed(
                f"Port {site.port} of {site.bind} is taken. End what runs there, or choose another: ./dev run --port"
                f" {site.port + 1 if site.port < 65535 else 8000}"
            ) from None
        raise Failed(f"{site.bind}:{site.port} can't be served: {error.strerror}.") from None
    return listener


def django_variables(site: Site, redis: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for web, worker and manage.py.

    Args:
        site: the run.
        redis: REDIS_URL and REDIS_CACHE_URL of the servers to use.
    """
    database = site.folder / ("demo.sqlite3" if site.demo else "batchlens.sqlite3")
    defaults = {
        "HTTPS": "false",
        "DATABASE_URL": f"sqlite:///{quote(str(database))}",
        # A browser sends a host's cookies to all its ports; two runs would sign each other out.
        "SESSION_COOKIE_NAME": f"batchlens-{site.port}-session",
        "CSRF_COOKIE_NAME": f"batchlens-{site.port}-csrf",
        "WORKER_THREADS": "20",
        # Left alone, glibc gives each thread memory of its own to keep: some 4 MB that nobody uses.
        "MALLOC_ARENA_MAX": "2",
    }
    fixed = {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "VAR_DIR": str(site.var),
        "PROMETHEUS_MULTIPROC_DIR": str(site.folder / "prometheus"),
        "PYTHONUNBUFFERED": "1",
        "DEMO": str(site.demo).lower(),
        **redis,
    }
    if not value(site.given, "SECRET_KEY"):
        fixed["SECRET_KEY"] = private_text(site.var / "secret_key", lambda: secrets.token_urlsafe(60))
    if site.demo:
        # Until the emulator says where it is: nowhere, so that the demo never asks the real Cloud Infinite.
        fixed |= {"ANONYMOUS_ACCESS": "true", "CI_ENDPOINT": "http://127.0.0.1:1", **_demo_account(site)}
    # An empty variable means the same as none.
    return defaults | {name: text for name, text in site.given.items() if text} | fixed


def _demo_account(site: Site) -> dict[str, str]:
    """Return the variables of the emulator's account.

    Its package can't be imported here and takes a while to import elsewhere, so its answer is kept until its file changes.
    """
    code = (
        "import json; from jobs.cloudinfinite.emulator import DEMO_BUCKETS, DEMO_SECRET_ID, DEMO_SECRET_KEY;"
        "buckets = ','.join(bucket.entry for bucket in DEMO_BUCKETS);"
        "print(json.dumps(dict(CI_SECRET_ID=DEMO_SECRET_ID, CI_SECRET_KEY=DEMO_SECRET_KEY, BUCKETS=buckets)))"
    )

    def ask() -> str:
        found = subprocess.run((PYTHON, "-c", code), cwd=ROOT, capture_output=True, text=True, check=False)
        if found.returncode != 0:
            raise Failed(f"The emulator can't be loaded: {last_line(found.stderr)}")
        return found.stdout

    version = digest((ROOT / "jobs" / "cloudinfinite" / "emulator" / "demo.py").read_bytes())[:12]
    account: dict[str, str] = json.loads(private_text(site.var / f"demo-{version}.json", ask))
    return account
