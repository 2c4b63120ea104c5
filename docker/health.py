"""The image's health check: exit 0 while the web process of this container answers /healthz; `health.py [PORT]`."""

from __future__ import annotations

import http.client
import os
import sys


def is_well(port: int) -> bool:
    """Tell whether the web process on this port of the loopback answers /healthz."""
    # Django answers only to the names in ALLOWED_HOSTS, and this container's loopback is seldom one of them.
    first = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
    host = first if first not in {"", "*"} else "localhost"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(not is_well(int(sys.argv[1]) if len(sys.argv) > 1 else 8000))
