"""The buckets, links and walks in Django's admin. Nothing here calls Tencent Cloud: whether a bucket can be read, `check_account` tells."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db import transaction
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import credentials, pages
from jobs.details import links
from jobs.models import Bucket, LinkTemplate, Walk
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from django.forms import ModelForm
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    # Django's class is generic for the type checker only.
    ModelAdmin = admin.ModelAdmin[Bucket]
    LinkModelAdmin = admin.ModelAdmin[LinkTemplate]
    WalkModelAdmin = admin.ModelAdmin[Walk]
else:
    ModelAdmin = LinkModelAdmin = WalkModelAdmin = admin.ModelAdmin

admin.site.site_header = "Batchlens"
admin.site.site_title = "Batchlens"
admin.site.index_title = gettext_lazy("Buckets and people")


@admin.register(Bucket)
class BucketAdmin(ModelAdmin):
    """What staff see and change of a bucket."""

    list_display = ("name", "region", "label", "credential", "hidden", "synced")
    list_filter = ("hidden", "synced", "region", "credential")
    search_fields = ("name", "label")
    fields = ("name", "region", "label", "credential", "hidden", "groups", "synced")
    readonly_fields = ("synced",)
    filter_horizontal = ("groups",)

    def save_model(self, request: HttpRequest, obj: Bucket, form: ModelForm[Bucket], change: bool) -> None:
        """Save, let what was known to go wrong be asked again where it may go well now, and say what the form can't forbid."""
        super().save_model(request, obj, form, change)
        if change and {"region", "credential"} & set(form.changed_data):
            # Only then does every process see the change: one that asks before it must not be believed after it.
            transaction.on_commit(partial(_drop_problems, obj))
        # Only a warning: the web process may run without credentials, which the worker alone needs.
        if obj.credential not in credentials.names():
            messages.warning(
                request,
                _("The credential “%(name)s” is not configured in this process. The worker needs %(id)s and %(key)s.")
                % {
                    "name": obj.credential,
                    "id": credentials.variable(obj.credential, "SECRET_ID"),
                    "key": credentials.variable(obj.credential, "SECRET_KEY"),
                },
            )
        if obj.synced and {"name", "region", "credential"} & set(form.changed_data):
            messages.warning(
                request, _("BUCKETS names this bucket: the next start sets its region and credential again.")
            )


@admin.register(LinkTemplate)
class LinkTemplateAdmin(LinkModelAdmin):
    """What staff see and change of a link, with all placeholders told beside the field."""

    list_display = ("label", "place", "url")
    list_filter = ("place", "buckets")
    search_fields = ("label", "url")
    fields = ("label", "place", "url", "placeholders", "buckets")
    filter_horizontal = ("buckets",)
    readonly_fields = ("placeholders",)

    @admin.display(description=gettext_lazy("placeholders"))
    def placeholders(self, _template: LinkTemplate) -> SafeString:
        """Return what may stand in an address, and what it means."""
        told = [(links.OF_BUCKET, _("everywhere")), (links.OF_JOB, _("on jobs"))]
        rows = [(f"{{{name}}}", where, meaning) for known, where in told for name, meaning in known.items()]
        return format_html("<dl>{}</dl>", format_html_join("", "<dt><code>{}</code> ({})</dt><dd>{}</dd>", rows))


@admin.register(Walk)
class WalkAdmin(WalkModelAdmin):
    """The walks that are under way or kept, to look at, and to delete where they fill the disk; readers start and stop them."""

    list_display = ("bucket", "owner", "state", "rows", "pages")
    list_filter = ("state", "bucket")
    fields = ("bucket", "owner", "filter", "pin", "state", "pages", "received", "rows")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: a walk begins on a list."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Walk | None = None) -> bool:
        """Nobody."""
        return False


def _drop_problems(bucket: Bucket) -> None:
    # Without Redis nothing is asked or shown, and by the time it is back the problems are mostly over.
    with suppress(ServerDown):
        pages.drop_problems(bucket)
