"""The address table: which view answers which path, outside and inside a portal's frame.

`urlpatterns` is what people open; `embed` is for `include(embed, namespace="embed")` under `/embed/`. Both have the
app name `jobs`, so `{% url "jobs:job_list" ... %}` stays inside the frame when the page is inside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from jobs.filters import TABS
from jobs.views import card, exports, insight, job, lists, merged, merged_files, overview, status, ticks, walks
from jobs.views.embed import framed
from jobs.views.files import TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

    View = Callable[..., HttpResponseBase]

app_name = "jobs"


class PartConverter(StringConverter):
    """What a job is drilled into; each part is a page, a partial and a JSON twin of its own."""

    regex = "|".join(TABS)


register_converter(PartConverter, "part")

JOBS = "buckets/<str:bucket_name>/jobs"
EXPORT = "buckets/<str:bucket_name>/export"

# Every page has a JSON twin, with `.json` for its last slash.
PAGES: list[tuple[str, View, str]] = [
    (f"{JOBS}/", lists.job_list, "job_list"),
    ("buckets/<str:bucket_name>/insight/", insight.insight, "insight"),
    (f"{EXPORT}/", exports.export, "export"),
    (f"{EXPORT}/<str:walk_id>/", walks.walk, "walk"),
    (f"{JOBS}/<str:job_id>/", job.job, "job"),
    (f"{JOBS}/<str:job_id>/<part:part>/", job.job_part, "job_part"),
]
TWINS = [(route.removesuffix("/") + ".json", view, f"{name}_json") for route, view, name in PAGES]
ACTIONS: list[tuple[str, View, str]] = [
    ("buckets/<str:bucket_name>/retry/", lists.retry, "retry"),
    ("buckets/<str:bucket_name>/tick/", ticks.tick, "tick"),
    (f"{EXPORT}/<str:walk_id>/cancel/", walks.cancel, "walk_cancel"),
    (f"{EXPORT}/<str:walk_id>/resume/", walks.resume, "walk_resume"),
]
# Files to keep: what a list's address loads, and what a walk brought.
FILES: list[tuple[str, View, str, str]] = [
    (f"{place}.{form}", view, f"{name}_{form}", form)
    for place, view, name in (
        ("buckets/<str:bucket_name>/loaded", exports.loaded_file, "loaded"),
        (f"{EXPORT}/<str:walk_id>/jobs", walks.walk_file, "walk"),
    )
    for form in TYPES
]

urlpatterns = [
    path("", overview.show, name="overview"),
    path("buckets.json", overview.show, {"as_json": True}, name="overview_json"),
    path("jobs/", merged.merged_list, name="merged"),
    path("jobs.json", merged.merged_list, {"as_json": True}, name="merged_json"),
    path("jobs/insight/", insight.merged_insight, name="merged_insight"),
    path("jobs/insight.json", insight.merged_insight, {"as_json": True}, name="merged_insight_json"),
    *(path(f"jobs/loaded.{form}", merged_files.merged_file, {"form": form}, f"merged_loaded_{form}") for form in TYPES),
    path("jobs/tick/", ticks.merged_tick, name="merged_tick"),
    path("status/", status.status, name="status"),
    path("status.json", status.status, {"as_json": True}, name="status_json"),
    *(path(route, view, {"as_json": True}, name=name) for route, view, name in TWINS),
    *(path(route, view, name=name) for route, view, name in [*PAGES, *ACTIONS]),
    *(path(route, view, {"form": form}, name=name) for route, view, name, form in FILES),
]

embed = (
    [
        path("card/", framed(card.show), name="card"),
        path("card.json", framed(card.show), {"as_json": True}, name="card_json"),
        *(path(route, framed(view), {"as_json": True}, name=name) for route, view, name in TWINS),
        *(path(route, framed(view), name=name) for route, view, name in [*PAGES, *ACTIONS]),
        *(path(route, framed(view), {"form": form}, name=name) for route, view, name, form in FILES),
    ],
    app_name,
)
