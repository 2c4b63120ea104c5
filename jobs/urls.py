"""The address table: which view answers which path, outside and inside a portal's frame.

`urlpatterns` is what people open; `embed` is for `include(embed, namespace="embed")` under `/embed/`. Both have the
app name `jobs`, so `{% url "jobs:job_list" ... %}` stays inside the frame when the page is inside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from jobs.filters import TABS
from jobs.views import card, insight, job, lists, merged, overview, status, ticks
from jobs.views.embed import framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    View = Callable[..., HttpResponse]

app_name = "jobs"


class PartConverter(StringConverter):
    """What a job is drilled into; each part is a page, a partial and a JSON twin of its own."""

    regex = "|".join(TABS)


register_converter(PartConverter, "part")

JOBS = "buckets/<str:bucket_name>/jobs"

# Every page has a JSON twin, with `.json` for its last slash.
PAGES: list[tuple[str, View, str]] = [
    (f"{JOBS}/", lists.job_list, "job_list"),
    ("buckets/<str:bucket_name>/insight/", insight.insight, "insight"),
    (f"{JOBS}/<str:job_id>/", job.job, "job"),
    (f"{JOBS}/<str:job_id>/<part:part>/", job.job_part, "job_part"),
]
TWINS = [(route.removesuffix("/") + ".json", view, f"{name}_json") for route, view, name in PAGES]
RETRY = ("buckets/<str:bucket_name>/retry/", lists.retry, "retry")
TICK = ("buckets/<str:bucket_name>/tick/", ticks.tick, "tick")

urlpatterns = [
    path("", overview.show, name="overview"),
    path("buckets.json", overview.show, {"as_json": True}, name="overview_json"),
    path("jobs/", merged.merged_list, name="merged"),
    path("jobs.json", merged.merged_list, {"as_json": True}, name="merged_json"),
    path("jobs/tick/", ticks.merged_tick, name="merged_tick"),
    path("status/", status.status, name="status"),
    path("status.json", status.status, {"as_json": True}, name="status_json"),
    *(path(route, view, {"as_json": True}, name=name) for route, view, name in TWINS),
    *(path(route, view, name=name) for route, view, name in [*PAGES, RETRY, TICK]),
]

embed = (
    [
        path("card/", framed(card.show), name="card"),
        path("card.json", framed(card.show), {"as_json": True}, name="card_json"),
        *(path(route, framed(view), {"as_json": True}, name=name) for route, view, name in TWINS),
        *(path(route, framed(view), name=name) for route, view, name in [*PAGES, RETRY, TICK]),
    ],
    app_name,
)
