"""The Chromium that a bench looks through, found or installed as for the tests."""

from __future__ import annotations

import os

from devtools.browser import browser_variables

FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-gpu",
)  # fmt: skip


def chromium() -> str:
    """Return its path, and set what Playwright needs beside it.

    Raises:
        devtools.messages.Failed: there is none, and none can be installed.
    """
    os.environ.update(browser_variables())
    return os.environ["CHROMIUM"]
