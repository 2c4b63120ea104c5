"""The Celery application: found by `celery -A dashboard`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Self

import celery.app.amqp
import kombu
from celery import Celery
from celery.signals import celeryd_init, setup_logging, worker_ready

if TYPE_CHECKING:
    from celery.worker import WorkController

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")


class Connection(kombu.Connection):
    """The way to the broker. A worker whose broker is away looks for it each two seconds, however long that lasts.

    Left alone it would wait longer each time, up to half a minute after the broker is back.
    """

    def ensure_connection(
        self,
        errback: Any = None,
        max_retries: Any = None,
        interval_start: int = 1,
        interval_step: int = 1,
        interval_max: int = 2,
        callback: Any = None,
        *arguments: Any,
        **options: Any,
    ) -> Self:
        """Connect as kombu does, but with shorter pauses."""
        pauses = (interval_start, interval_step, interval_max)
        return super().ensure_connection(errback, max_retries, *pauses, callback, *arguments, **options)


class AMQP(celery.app.amqp.AMQP):
    """Where Celery gets its connections from."""

    Connection = Connection


app = Celery("batchlens", amqp=AMQP)
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


@setup_logging.connect
def leave_logging_alone(**_: object) -> None:
    """Keep Celery from adding handlers: the settings say how every process of ours writes its lines."""


@worker_ready.connect
def tell_numbers(sender: WorkController, **_: Any) -> None:
    """Serve this worker's numbers where METRICS_PORT says so."""
    from dashboard import scrape  # Only now: it reads the settings.

    scrape.serve()
