"""The image's health check: exit 0 while the web process of this container answers /healthz."""

from __future__ import annotations

import http.client
import os
import sys

# Django answers only to the names in ALLOWED_HOSTS, and this container's loopback is seldom one of them.
first = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
host = first if first not in {"", "*"} else "localhost"
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=2)
try:
    connection.request("GET", "/healthz", headers={"Host": host})
    sys.exit(connection.getresponse().status != 200)
except OSError:
    sys.exit(1)
