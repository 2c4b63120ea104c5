"""Batchlens's own worker, but that files say what looking up upstream's name comes to: `celery -A tests.faults.worker`.

`socket.getaddrinfo` is replaced before anything else is imported, as a resolver that hangs would be met.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

from tests.faults.names import ASTRAY, NAMES_HANG, NAMES_LEAD_ASTRAY, NAMES_MISLED, UPSTREAM_NAME

HANGS, LEADS_ASTRAY, MISLED = (
    Path(os.environ["VAR_DIR"]) / name for name in (NAMES_HANG, NAMES_LEAD_ASTRAY, NAMES_MISLED)
)
LONGEST = 30.0
"""Seconds after which a resolver gives up by itself."""

_lookup: Any = socket.getaddrinfo


def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
    """Look a name up as getaddrinfo does; upstream's is this machine, unless it hangs."""
    if host != UPSTREAM_NAME:
        return _lookup(host, *arguments, **options)
    if HANGS.exists() or LEADS_ASTRAY.exists():
        with MISLED.open("ab") as file:
            file.write(b".")
    began = time.monotonic()
    while HANGS.exists():
        if time.monotonic() - began > LONGEST:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        time.sleep(0.1)
    return _lookup(ASTRAY if LEADS_ASTRAY.exists() else "127.0.0.1", *arguments, **options)


socket.getaddrinfo = lookup

from dashboard.celery import app  # noqa: E402 - what is imported here may keep the function it finds

__all__ = ["app"]
