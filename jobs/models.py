"""What must be remembered: the buckets, who may see them, walks and what they brought, a few marks of this very database."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from jobs.cloudinfinite.names import valid_bucket, valid_region
from jobs.credentials import NAME
from jobs.details import links

if TYPE_CHECKING:
    from django.contrib.auth.models import Group

LONGEST_LABEL = 63
"""A bucket's name is one label of a host name (RFC 1035)."""


def validate_bucket_name(name: str) -> None:
    """Raise ValidationError unless `name` is a bucket's full name (ci-api.md 6.7): it ends up in a host name."""
    if len(name) > LONGEST_LABEL:
        raise ValidationError(_("A bucket's full name has at most 63 characters."), code="too_long")
    if not valid_bucket(name):
        raise ValidationError(
            _(
                "Write the full name with the account's APPID, like media-prod-1250000000:"
                " lower-case letters, digits and hyphens, then a hyphen and at least five digits."
            ),
            code="bucket_name",
        )


def validate_region(region: str) -> None:
    """Raise ValidationError unless `region` is a region's id (ci-api.md 6.6): it ends up in a host name."""
    if not valid_region(region):
        raise ValidationError(_("Write the region's id, like ap-guangzhou."), code="region")


def validate_credential_name(name: str) -> None:
    """Raise ValidationError unless `name` can be a credential's: it must fit into a variable's name."""
    if not NAME.fullmatch(name):
        raise ValidationError(
            _("Lower-case letters, digits and single hyphens, beginning with a letter, like default or team-a."),
            code="credential",
        )


class Bucket(models.Model):
    """A bucket whose jobs are shown."""

    name = models.CharField(
        _("name"),
        max_length=LONGEST_LABEL,
        unique=True,
        validators=[validate_bucket_name],
        help_text=_("The full name with the APPID, like media-prod-1250000000."),
    )
    region = models.CharField(
        _("region"),
        max_length=40,
        validators=[validate_region],
        help_text=_("The region's id, like ap-guangzhou."),
    )
    label = models.CharField(_("label"), max_length=100, blank=True, help_text=_("What people call this bucket."))
    credential = models.CharField(
        _("credential"),
        max_length=40,
        default="default",
        validators=[validate_credential_name],
        help_text=_("The credential's name. The secret itself stays in the environment of the worker."),
    )
    hidden = models.BooleanField(
        _("hidden"), default=False, help_text=_("A hidden bucket reads like one that doesn't exist.")
    )
    groups: models.ManyToManyField[Group, Any] = models.ManyToManyField(
        "auth.Group",
        verbose_name=_("groups"),
        blank=True,
        related_name="buckets",
        help_text=_("Whose members may see this bucket. Staff see every bucket."),
    )
    synced = models.BooleanField(
        _("from BUCKETS"),
        default=False,
        editable=False,
        help_text=_("Whether BUCKETS or BUCKETS_FILE named it at the last start."),
    )

    class Meta:
        """Names and order."""

        verbose_name = _("bucket")
        verbose_name_plural = _("buckets")
        ordering = ("name",)

    def __str__(self) -> str:
        """Return the full name."""
        return self.name


class LinkTemplate(models.Model):
    """A link that admins put on lists or jobs, of every bucket or of some: the console, the results, logs of that time."""

    class Place(models.TextChoices):
        """Where it stands."""

        BUCKET = "bucket", _("on a bucket's list")
        JOB = "job", _("on a job")

    label = models.CharField(_("label"), max_length=60, help_text=_("What the link is called, like CI console."))
    place = models.CharField(_("place"), max_length=10, choices=Place)
    url = models.CharField(
        _("address"),
        max_length=1000,
        help_text=_(
            "An http or https address with placeholders in braces. What fills them is percent-encoded;"
            " a link that needs what a job doesn't have isn't shown."
        ),
    )
    buckets = models.ManyToManyField(
        Bucket,
        verbose_name=_("buckets"),
        blank=True,
        help_text=_("Only these buckets have the link; with none, all have it."),
    )

    class Meta:
        """Names and order."""

        verbose_name = _("link template")
        verbose_name_plural = _("link templates")
        ordering = ("place", "label", "pk")

    def __str__(self) -> str:
        """Return the label."""
        return self.label

    def clean(self) -> None:
        """Raise ValidationError for a template that could lead nowhere, or where a job's text wants."""
        if wrong := links.wrong_with(self.url, of_job=self.place == self.Place.JOB):
            raise ValidationError({"url": wrong}, code="url")


def new_walk_id() -> str:
    """Return an id that nobody can guess: where nobody signs in, knowing it is what makes a walk one's own."""
    return secrets.token_urlsafe(16)


class Walk(models.Model):
    """A walk through a whole list, from its first page at `pin` to its end: one serves a count and every form of export.

    Moments are CI's unix time. `reader` is a digest of whose it is, `filter` and `digest` the question's, `pin` as a link
    has it. Where the walk goes on stands in `next_token` and `after`; it is changed together with the batch that came.
    `reached` is the creation time of the last row, `idle` how many pages running brought nothing new, `tries` how often the
    next page was asked for in vain. `walked` is the seconds spent on it.
    """

    class State(models.TextChoices):
        """Where it stands. Only what is done is offered."""

        WAITING = "waiting", _("waiting for a worker")
        WALKING = "walking", _("under way")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")

    UNDER_WAY = (State.WAITING, State.WALKING)
    ONE_OF_A_KIND = (*UNDER_WAY, State.DONE)

    id = models.CharField(max_length=40, primary_key=True, default=new_walk_id, editable=False)
    bucket = models.ForeignKey(Bucket, models.CASCADE, verbose_name=_("bucket"))
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, verbose_name=_("owner"))
    reader = models.CharField(max_length=64)
    filter = models.JSONField(_("filter"))
    digest = models.CharField(max_length=40)
    pin = models.CharField(_("pin"), max_length=40)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    next_token = models.TextField(blank=True, default="")
    after = models.CharField(max_length=40, blank=True, default="")
    pages = models.PositiveIntegerField(_("pages"), default=0)
    received = models.PositiveIntegerField(_("received"), default=0)
    rows = models.PositiveIntegerField(_("jobs"), default=0)
    idle = models.PositiveSmallIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    reached = models.BigIntegerField(null=True)
    doubts = models.CharField(max_length=200, blank=True, default="")
    end = models.CharField(max_length=20, blank=True, default="")
    problem = models.JSONField(null=True)
    walked = models.FloatField(default=0.0)
    created = models.FloatField(_("created"))
    touched = models.FloatField(_("last page"))
    finished = models.FloatField(_("finished"), null=True)

    class Meta:
        """Names and order; and no second walk beside one that is under way or done, however often it is started."""

        verbose_name = _("walk")
        verbose_name_plural = _("walks")
        ordering = ("-created",)
        constraints = (
            models.UniqueConstraint(
                fields=["reader", "bucket", "digest", "pin"],
                condition=models.Q(state__in=("waiting", "walking", "done")),
                name="one_walk_of_a_kind",
            ),
        )

    def __str__(self) -> str:
        """Return the bucket and the pin."""
        return f"{self.bucket_id} {self.pin}"

    @property
    def is_under_way(self) -> bool:
        """Whether it may still bring something by itself."""
        return self.state in self.UNDER_WAY


class WalkBatch(models.Model):
    """What one page of a walk brought that was new: packed rows, and eight bytes of each JobId's digest."""

    walk = models.ForeignKey(Walk, models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    rows = models.BinaryField()
    ids = models.BinaryField()
    reached = models.BigIntegerField(null=True)
    walked = models.FloatField()

    class Meta:
        """Each page once."""

        constraints = (models.UniqueConstraint(fields=["walk", "number"], name="one_batch_a_page"),)

    def __str__(self) -> str:
        """Return the walk and the number of the page."""
        return f"{self.walk_id} {self.number}"


class Mark(models.Model):
    """A named fact about this very database, which a copy of the files alone couldn't tell."""

    name = models.CharField(max_length=40, primary_key=True)
    value = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        """Return the name."""
        return self.name
