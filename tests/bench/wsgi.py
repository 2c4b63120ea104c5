"""The product as it is served, with the addresses of the bench."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

from django.conf import settings

settings.ROOT_URLCONF = "tests.bench.urls"

from dashboard.wsgi import application  # noqa: E402 - it warms the views up, so the addresses must be set

__all__ = ["application"]
