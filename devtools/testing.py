"""`./dev test`, `./dev bench`, `./dev walks` and `./dev faults`."""

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


def walks(options: argparse.Namespace) -> int:
    """Page through 10,000 seeded lists that move and judge what was shown; exit code 1 where a row is lost unsaid."""
    install("dev")
    command = (PYTHON, "-m", "tests.walks", f"--seed={options.seed}", f"--count={options.count}")
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def faults(options: argparse.Namespace) -> int:
    """Strike a site with real faults while twenty readers read; exit code 1 where a promise is broken."""
    install("dev")
    command = (PYTHON, "-m", "tests.faults", f"--seconds={options.seconds}", *options.names)
    with subprocess.Popen(command, cwd=ROOT) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.terminate()  # It ends all that it has started, which takes some seconds.
