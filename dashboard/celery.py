"""The Celery application: found by `celery -A dashboard`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

app = Celery("batchlens")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
