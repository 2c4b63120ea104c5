"""Where everything is: health pages, people, the admin, and the jobs pages outside and inside a frame."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from dashboard import health, people
from jobs.urls import embed

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("sign-in/", people.SignInView.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("welcome/<str:token>/", people.first_admin, name="first_admin"),
    path("", include("jobs.urls")),
    path("embed/", include(embed, namespace="embed")),
]

handler403 = "dashboard.errors.forbidden"
handler404 = "dashboard.errors.not_found"
handler500 = "dashboard.errors.server_error"
