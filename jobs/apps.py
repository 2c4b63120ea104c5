"""The app's configuration: registers the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    """Batch jobs of Cloud Infinite."""

    name = "jobs"
    verbose_name = _("Batch jobs")

    def ready(self) -> None:
        """Register the checks once the apps are loaded."""
        from jobs import checks  # noqa: F401 - importing registers them; only possible once the apps are loaded
