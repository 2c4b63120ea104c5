"""The Celery application: found by `celery -A dashboard`."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import celeryd_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

app = Celery("batchlens")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Left alone, Celery opens a database connection for every task; `jobs.tasks` lets them live as long as CONN_MAX_AGE.
app.conf.CELERY_DB_REUSE_MAX = sys.maxsize
app.autodiscover_tasks()


@celeryd_init.connect
def be_patient(conf: Any = None, **_: object) -> None:
    """Let a worker wait longer for its broker than a web process does: it has nobody waiting."""
    conf.broker_transport_options = {
        **conf.broker_transport_options,
        "socket_timeout": 3.0,
        "socket_connect_timeout": 3.0,
        "health_check_interval": 10,
    }
