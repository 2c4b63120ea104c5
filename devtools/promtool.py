"""Prometheus's promtool, which checks the alert rules: one that is there, or else the one in Debian's package."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from devtools.environment import works
from devtools.files import CACHE
from devtools.messages import Failed, say


def promtool() -> str:
    """Return the path of promtool; where there is none, it is taken out of Debian's package first.

    Raises:
        Failed: none can be had here.
    """
    own = CACHE / "promtool" / "promtool"
    found = os.environ.get("PROMTOOL") or shutil.which("promtool") or own
    if works(found, "--version") or (found == own and _from_apt(own)):
        return str(found)
    raise Failed(
        "there is no promtool that works. It comes with Prometheus (brew install prometheus, apt-get install prometheus);"
        " PROMTOOL=/path/to/promtool names one elsewhere"
    )


def _from_apt(target: Path) -> bool:
    """Take promtool out of the package without installing it, which would start a Prometheus; return whether it works."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return False
    say("Taking promtool out of Debian's package prometheus into .cache (once, 19 MB)")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        download = ("apt-get", "download", "-o", "APT::Sandbox::User=root", "prometheus")
        if not _runs_in(folder, *download):
            # Without root there are only the lists that somebody fetched before.
            if os.geteuid() == 0:
                works("apt-get", "update")
            if not _runs_in(folder, *download):
                return False
        (package,) = Path(folder).glob("prometheus_*.deb")
        draft = Path(folder) / "promtool"
        with subprocess.Popen(("dpkg-deb", "--fsys-tarfile", package), stdout=subprocess.PIPE) as unpacking:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as members:
                for member in members:
                    content = members.extractfile(member) if member.name == "./usr/bin/promtool" else None
                    if content is not None:
                        draft.write_bytes(content.read())
                        break
            unpacking.kill()
        if not draft.exists():
            return False
        draft.chmod(0o755)
        draft.replace(target)
    return works(target, "--version")


def _runs_in(folder: str, *command: str) -> bool:
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0
