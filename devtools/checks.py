"""`./dev check`: everything that can be said without running a page. `./dev lock`: makes the requirement files.

`./dev messages`: brings the catalogues of translations up to the source.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from devtools.environment import install, tool, works
from devtools.files import CACHE, PYTHON, REQUIREMENTS, ROOT, digest
from devtools.messages import Failed, say
from devtools.promtool import promtool

if TYPE_CHECKING:
    import argparse

LOCKED: dict[str, list[str]] = {"runtime": [], "dev": ["--group", "dev"]}
"""Requirement file -> what uv is told beyond the dependencies themselves."""

STRICT = {
    "HTTPS": "true",
    "ALLOWED_HOSTS": "batchlens.example.com",
    "DATABASE_URL": "sqlite://:memory:",
    "REDIS_URL": "redis://broker:6379/0",
    "REDIS_CACHE_URL": "redis://cache:6379/0",
}
"""The settings of a real site, for `manage.py check --deploy`."""


def check(_: argparse.Namespace) -> int:
    """Check style, types, imports, settings, migrations, translations, containers, alert rules and requirements."""
    install("dev")
    variables = _strict_variables()

    def output_of(command: list[str]) -> str | None:
        """Return what a command that fails prints, None where it succeeds."""
        done = subprocess.run(
            command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return None if done.returncode == 0 else done.stdout.strip()

    def alert_problems() -> str | None:
        """Return what promtool finds wrong with the alert rules, and with when they come."""
        program, folder = promtool(), ROOT / "docs" / "monitoring"
        asked = {"check config": "prometheus.yml", "check rules": "alerts.yml", "test rules": "alerts_test.yml"}
        found = [output_of([program, *what.split(), str(folder / name)]) for what, name in asked.items()]
        return "\n".join(filter(None, found)) or None

    failed, left_out = [], []
    with ThreadPoolExecutor(2) as pool:
        running = {name: pool.submit(output_of, command) for name, command in _commands().items()}
        running["alerts"] = pool.submit(alert_problems)
        running["requirements"] = pool.submit(lambda: "\n".join(requirement_problems()) or None)
        for name, future in running.items():
            try:
                output = future.result()
            except Failed as error:
                # Only promtool may be missing, and only where it can't be had without asking for the machine's owner.
                output = None if sys.platform == "darwin" else str(error)
                if output is None:
                    left_out.append(f"{name} not run: {error}")
            if output is None:
                continue
            failed.append(name)
            say(f"{name}:")
            print(output, flush=True)
    passed = len(running) - len(failed) - len(left_out)
    say(f"check: {passed} of {len(running)} passed{'; failed: ' if failed else ''}{', '.join(failed)}")
    for what in left_out:
        say(what)
    return 1 if failed else 0


def messages(_: argparse.Namespace) -> int:
    """Write every string of the source into the catalogues under locale/, and say what is left to translate."""
    install("dev")
    command = (PYTHON, "manage.py", "makemessages")
    return subprocess.run(command, cwd=ROOT, env=_strict_variables(), check=False).returncode


def _strict_variables() -> dict[str, str]:
    """Return the variables of a real site, without the account that may be configured here."""
    variables = {name: text for name, text in os.environ.items() if not name.startswith(("CI_", "BUCKETS"))}
    return variables | STRICT | {"SECRET_KEY": secrets.token_urlsafe(60)}


def _commands() -> dict[str, list[str]]:
    templates = [str(path) for path in sorted((ROOT / "templates").rglob("*.html"))]
    manage_py = [str(PYTHON), "manage.py"]
    return {
        "types": [tool("mypy")],
        "style": [tool("ruff"), "check", "--output-format", "concise", "."],
        "format": [tool("ruff"), "format", "--check", "--output-format", "concise", "."],
        "templates": [tool("djade"), "--check", "--target-version", "5.2", *templates],
        "imports": [tool("lint-imports"), "--no-logo"],
        "settings": [*manage_py, "check", "--deploy", "--fail-level", "WARNING"],
        "migrations": [*manage_py, "makemigrations", "--check", "--dry-run"],
        "translations": [*manage_py, "makemessages", "--check"],
        "Dockerfile": [tool("hadolint"), "docker/Dockerfile"],
        "compose": [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker/compose.yaml"],
    }


def requirement_problems() -> list[str]:
    """Return what is wrong with the requirement files; nobody needs the network to see it."""
    problems = []
    pins: dict[str, set[str]] = {}
    for name in LOCKED:
        text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
        if not text.startswith(lock_line(name)):
            problems.append(f"requirements/{name}.txt was not made from this pyproject.toml: run ./dev lock")
        if re.search(r"://|^\s*(-i|-f|--index|--extra-index|--find-links|--trusted-host)", text, re.MULTILINE):
            problems.append(f"requirements/{name}.txt holds an address")
        blocks = [block for block in re.split(r"\n(?=\S)", text) if not block.startswith("#")]
        pins[name] = {block.splitlines()[0].rstrip(" \\") for block in blocks}
        problems += [f"{block.splitlines()[0]} has no hash" for block in blocks if "--hash=sha256:" not in block]
    lacks = sorted(pins["runtime"] - pins["dev"])
    return problems + [f"requirements/dev.txt lacks {pin} of runtime.txt: run ./dev lock" for pin in lacks]


def lock_line(name: str) -> str:
    """Return the first line of a requirement file: what it was made from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [project["project"]["requires-python"], project["project"]["dependencies"]]
    if name == "dev":
        asked.append(project["dependency-groups"]["dev"])
    return f"# made by ./dev lock from pyproject.toml's dependencies, {digest(json.dumps(asked).encode())[:16]}\n"


def lock(_: argparse.Namespace) -> int:
    """Make the requirement files from pyproject.toml; needs uv and the network."""
    if not (shutil.which("uv") and works("uv", "--version")):
        raise Failed("./dev lock needs uv. Install it with: pip install uv")
    for name, options in LOCKED.items():
        target = REQUIREMENTS / f"{name}.txt"
        # A pin stays unless pyproject.toml asks for something else; delete the file to renew all.
        command = ["uv", "pip", "compile", "pyproject.toml", *options, "--output-file", str(target), "--quiet"]
        command += ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url"]
        command += ["--no-emit-find-links", "--cache-dir", str(CACHE / "uv")]
        if name == "dev":
            command += ["--constraint", str(REQUIREMENTS / "runtime.txt")]
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            raise Failed("uv could not resolve the dependencies: its lines above say why.")
        target.write_text(lock_line(name) + target.read_text(encoding="utf-8"), encoding="utf-8")
        say(f"requirements/{name}.txt is made")
    return 0
