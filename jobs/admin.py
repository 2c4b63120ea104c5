"""The buckets, links and walks in Django's admin. Nothing here calls Tencent Cloud: whether a bucket can be read, `check_account` tells."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import credentials, pages, walks
from jobs.details import links
from jobs.models import Bucket, LinkTemplate, Walk, WalkBatch
from jobs.servers import ServerDown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    # Django's class is generic for the type checker only.
    ModelAdmin = admin.ModelAdmin[Any]
    LinkModelAdmin = admin.ModelAdmin[LinkTemplate]
    UserModelAdmin = UserAdmin[User]
else:
    ModelAdmin = LinkModelAdmin = admin.ModelAdmin
    UserModelAdmin = UserAdmin

admin.site.site_header = "Batchlens"
admin.site.site_title = "Batchlens"
admin.site.index_title = gettext_lazy("Buckets and people")


class WithWalks(ModelAdmin):
    """Deletes what has walks, or is one: Django's own way would read all that they brought, only to name each page of it."""

    def walks_of(self, objects: Iterable[Any]) -> QuerySet[Walk]:
        """Return the walks that go with some objects."""
        raise NotImplementedError

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Return what the page that asks whether to delete tells, what it counts, and what the user may not delete."""
        objects = list(objs)
        gone = self.walks_of(objects)
        counts = {
            str(Walk._meta.verbose_name_plural): gone.count(),
            str(Walk._meta.get_field("pages").verbose_name): WalkBatch.objects.filter(walk__in=gone).count(),
            str(self.opts.verbose_name_plural): len(objects),
        }
        needed = [self, *([self.admin_site._registry[Walk]] if gone.exists() else [])]
        missing = {str(one.opts.verbose_name) for one in needed if not one.has_delete_permission(request)}
        return [str(one) for one in objects], counts, missing, []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete one object."""
        self.delete_queryset(request, self.model._default_manager.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete several."""
        for walk_id in list(self.walks_of(queryset).values_list("pk", flat=True)):
            walks.drop(walk_id)
        queryset.delete()


@admin.register(Bucket)
class BucketAdmin(WithWalks):
    """What staff see and change of a bucket."""

    list_display = ("name", "region", "label", "credential", "hidden", "synced")
    list_filter = ("hidden", "synced", "region", "credential")
    search_fields = ("name", "label")
    fields = ("name", "region", "label", "credential", "hidden", "groups", "synced")
    readonly_fields = ("synced",)
    filter_horizontal = ("groups",)

    def walks_of(self, objects: Iterable[Any]) -> QuerySet[Walk]:
        """Return the walks through some buckets."""
        return Walk.objects.filter(bucket__in=objects)

    def get_readonly_fields(self, request: HttpRequest, obj: Bucket | None = None) -> tuple[str, ...]:
        """Return what can't be changed: another name is another bucket, with other people and jobs."""
        return (*self.readonly_fields, "name") if obj else self.readonly_fields

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
        if obj.synced and {"region", "credential"} & set(form.changed_data):
            messages.warning(
                request, _("BUCKETS names this bucket: the next start sets its region and credential again.")
            )


# Django registers one of its own, which deletes people as it deletes everything.
admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(WithWalks, UserModelAdmin):
    """People, as Django shows them."""

    def walks_of(self, objects: Iterable[Any]) -> QuerySet[Walk]:
        """Return the walks that some people started."""
        return Walk.objects.filter(owner__in=objects)


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
class WalkAdmin(WithWalks):
    """The walks that are under way or kept, to look at, and to delete where they fill the disk; readers start and stop them."""

    list_display = ("bucket", "owner", "state", "rows", "pages")
    list_filter = ("state", "bucket")
    fields = ("bucket", "owner", "filter", "pin", "state", "pages", "received", "rows")
    readonly_fields = fields

    def walks_of(self, objects: Iterable[Any]) -> QuerySet[Walk]:
        """Return the walks themselves."""
        return Walk.objects.filter(pk__in=[one.pk for one in objects])

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
