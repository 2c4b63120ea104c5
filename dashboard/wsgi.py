"""The web application that gunicorn serves: warmed up, so that the first person doesn't wait for imports."""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from django.template import Engine, TemplateSyntaxError
from django.template.loader import get_template
from django.urls import get_resolver

from jobs.frames import roomy


def warm_up() -> None:
    """Import every view and compile every template of ours, then tell the garbage collector that all this stays.

    Walking through everything ever imported was most of what made the slowest responses slow.
    """
    get_resolver().url_patterns  # noqa: B018 - reading it imports the views
    for folder in Engine.get_default().dirs:
        for path in sorted(Path(folder).rglob("*.html")):
            # A broken template fails on its own page; it must not keep all others from being served.
            with suppress(TemplateSyntaxError):
                get_template(str(path.relative_to(folder)))
    gc.collect()
    gc.freeze()


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
application = roomy(get_wsgi_application())
warm_up()
