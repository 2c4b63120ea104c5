"""The Celery application: found by `celery -A dashboard`."""

from __future__ import annotations

import os
import sys

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

app = Celery("batchlens")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Left alone, Celery opens a database connection for every task; `jobs.tasks` lets them live as long as CONN_MAX_AGE.
app.conf.CELERY_DB_REUSE_MAX = sys.maxsize
app.autodiscover_tasks()
