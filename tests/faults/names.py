"""What the harness and its workers both know."""

from __future__ import annotations

UPSTREAM_NAME = "cloud.test"
"""What the workers know upstream by; `tests.faults.worker` resolves it."""
NAMES_HANG = "names-hang"
"""The file in a site's folder while which their look-ups of that name hang."""
NAMES_LEAD_ASTRAY = "names-lead-astray"
"""The file in a site's folder while which that name has the address ASTRAY."""
ASTRAY = "127.0.0.2"
NAMES_MISLED = "names-misled"
"""The file in a site's folder that grows by a byte with each look-up that hangs, or that is led astray."""
