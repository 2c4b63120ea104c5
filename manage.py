#!/usr/bin/env python3
"""Django's command line."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # Django would say it at the end of a traceback, which helps nobody who mistyped a variable.
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"CommandError: {error}")
