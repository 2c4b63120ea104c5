"""`./dev test`, `./dev bench` and `./dev faults`."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from devtools.browser import browser_variables
from devtools.checks import check
from devtools.environment import install
from devtools.files import PYTHON, ROOT
from devtools.messages import say

if TYPE_CHECKING:
    import argparse


def test(options: argparse.Namespace) -> int:
    """Check everything, then run the tests; further arguments go to pytest."""
    install("dev")
    variables = os.environ | browser_variables()
    checked = check(options)
    # Both, whatever the first says: whoever reads the log of a build wants to know it all.
    command = (PYTHON, "-m", "pytest", "-n", "2", *options.arguments)
    tested = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    say(f"checks {'failed' if checked else 'passed'}, tests {'failed' if tested else 'passed'}")
    return tested or checked


def bench(options: argparse.Namespace) -> int:
    """Measure the numbers that are promised; exit code 1 where one is missed."""
    install("dev")
    variables = os.environ | browser_variables()
    command = (PYTHON, "-m", "tests.bench", *options.arguments)
    return subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode


def faults(options: argparse.Namespace) -> int:
    """Strike a site with faults while twenty readers read: all, or those whose names hold an argument; --seconds N each."""
    install("dev")
    command = (PYTHON, "-m", "tests.faults", *options.arguments)
    return subprocess.run(command, cwd=ROOT, check=False).returncode
