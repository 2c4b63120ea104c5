"""How gunicorn serves Batchlens, under ./dev run, in the container and on a host alike.

The first process only watches the two that serve. It loads nothing of Django, which would cost it 40 MB; that is why
this file reads the environment, as beside the settings only the health check does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

worker_class = "gthread"
workers = 2
threads = int(os.environ.get("WEB_THREADS") or 32)
# A cold page waits a second at most, so what takes longer is in trouble; ./dev run and compose kill after 8 s or more.
# A continuation link holds upstream's token, which may be long; this is the most that gunicorn can be told to take.
limit_request_line = 8190
# No proxy of ours says where we are mounted; left on, a request through one on this machine could say it (500, or odd links).
forwarder_headers = ""
graceful_timeout = 7
timeout = 30
# A portal's proxy keeps connections open; closing them earlier than it does makes it answer 502 now and then.
keepalive = 75
# The heartbeat of each worker is a file; in memory, a slow disk can't make gunicorn believe that a worker hangs.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes a private file there
control_socket_disable = True
if os.environ.get("LOG_FORMAT") == "json":
    # What gunicorn itself says, in the form of all other lines.
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"id": {"()": "jobs.trails.AddId"}},
        "formatters": {"json": {"()": "jobs.trails.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["id"]}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
            "gunicorn.access": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        },
    }

# prometheus-client keeps each process's numbers in files here.
metrics = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if metrics:
    Path(metrics).mkdir(parents=True, exist_ok=True)


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Drop the gauges of a worker that has ended from /metrics."""
    if metrics:
        from prometheus_client import multiprocess  # Only now: until a worker ends, the first process does without.

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library has no types here
