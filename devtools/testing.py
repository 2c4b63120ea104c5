"""`./dev test`, and what takes longer: `./dev bench`, `walks`, `fuzz`, `faults`, `shots`."""

from __future__ import annotations

import os
import subprocess
from types import MappingProxyType
from typing import TYPE_CHECKING

from devtools.browser import browser_variables
from devtools.checks import check
from devtools.environment import install
from devtools.files import PYTHON, ROOT
from devtools.messages import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


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
    return _harness("bench", options, browser_variables())


def walks(options: argparse.Namespace) -> int:
    """Page through 10,000 seeded lists that move and judge what was shown; exit code 1 where a row is lost unsaid."""
    return _harness("walks", options)


def fuzz(options: argparse.Namespace) -> int:
    """Send hostile addresses and upstream answers, each from a seed; exit code 1 where one is not withstood."""
    return _harness("fuzz", options)


def faults(options: argparse.Namespace) -> int:
    """Strike a site with real faults while twenty readers read; exit code 1 where a promise is broken."""
    return _harness("faults", options)


def shots(options: argparse.Namespace) -> int:
    """Photograph every state of every page into var/shots, with contact sheets; --docs those that the documents show."""
    install("dev")
    return _harness("shots", options, browser_variables())


def _harness(name: str, options: argparse.Namespace, variables: Mapping[str, str] = MappingProxyType({})) -> int:
    """Run the package `tests.<name>`; further arguments are its own."""
    install("dev")
    command = (PYTHON, "-m", f"tests.{name}", *options.arguments)
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | variables) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.terminate()  # It ends all that it has started, which may take some seconds.
