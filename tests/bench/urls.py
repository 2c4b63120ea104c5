"""The product's addresses, plus one view that renders the empty base page: what every page costs at least."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from dashboard.urls import handler404, handler500

__all__ = ["handler404", "handler500", "urlpatterns"]


def empty(request: HttpRequest) -> HttpResponse:
    """Render the base page with nothing in it."""
    return render(request, "base.html")


urlpatterns = [path("bench/empty/", empty), path("", include("dashboard.urls"))]
