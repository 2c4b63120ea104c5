"""Who may see which bucket, and who may become the first admin.

Every view asks here. A bucket that may not be seen reads like one that doesn't exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _

from jobs.cloudinfinite.names import valid_bucket
from jobs.models import Bucket, Mark, Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet
    from django.http import HttpResponse

PEOPLE_ONLY = "people_only"
FIRST_ADMIN = "first admin"
FIRST_ADMIN_SALT = "jobs.access.first_admin"
FIRST_ADMIN_SECONDS = 24 * 60 * 60


class AdminExists(Exception):
    """There is an admin already, so nobody can become the first."""


def visible_buckets(user: User | AnonymousUser) -> QuerySet[Bucket]:
    """Return the buckets that `user` may see, by name.

    Staff see all that aren't hidden, other people those of their groups, strangers all where `ANONYMOUS_ACCESS` is set
    and none elsewhere.
    """
    shown = Bucket.objects.filter(hidden=False)
    if user.is_anonymous:
        return shown if settings.ANONYMOUS_ACCESS else shown.none()
    if not user.is_active:
        return shown.none()
    if user.is_staff:
        return shown
    # A subquery, not a join: a bucket in two of the user's groups must not come twice.
    return shown.filter(pk__in=Bucket.objects.filter(groups__user=user).values("pk"))


def get_bucket(user: User | AnonymousUser, name: str) -> Bucket:
    """Return the bucket `name` if `user` may see it.

    Raises:
        Http404: there is no such bucket, it is hidden, or the user may not see it; nobody can tell which.
    """
    # Of what can't be a name nothing is asked: PostgreSQL fails where it is to look for a NUL.
    bucket = visible_buckets(user).filter(name=name).first() if valid_bucket(name) else None
    if bucket is None:
        raise Http404(_("There is no such bucket, or you may not see it."))
    return bucket


def get_walk(user: User | AnonymousUser, bucket_name: str, walk_id: str) -> Walk:
    """Return a walk through a bucket that `user` may see, to whoever started it, and to staff.

    A stranger's belongs to whoever knows its id, which nobody can guess.

    Raises:
        Http404: there is none, or it is somebody else's, or of a bucket that the user may not see; nobody can tell which.
    """
    bucket = get_bucket(user, bucket_name)
    walk = (
        Walk.objects.select_related("bucket").filter(pk=walk_id, bucket=bucket).first()
        if walk_id.isprintable()
        else None
    )
    if walk is None or not (walk.owner_id is None or walk.owner_id == user.pk or user.is_staff):
        raise Http404(_("There is no such export, or it is not yours. Exports are kept for a day."))
    return walk


def for_people_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view that sends strangers to sign in, even where `ANONYMOUS_ACCESS` lets them see buckets."""
    setattr(view, PEOPLE_ONLY, True)
    return view


def has_admin() -> bool:
    """Tell whether there is an admin who can sign in."""
    return User.objects.filter(is_superuser=True, is_active=True).exists()


def first_admin_token() -> str:
    """Return a signed token with which the first admin can be made, within a day."""
    return signing.dumps(FIRST_ADMIN, salt=FIRST_ADMIN_SALT)


def is_first_admin_token(token: str) -> bool:
    """Tell whether `token` is one of ours and not too old."""
    try:
        return bool(signing.loads(token, salt=FIRST_ADMIN_SALT, max_age=FIRST_ADMIN_SECONDS) == FIRST_ADMIN)
    except signing.BadSignature:
        return False


def create_first_admin(username: str, password: str) -> User:
    """Create the first admin; of several who try at once, one gets through.

    Args:
        username: one that is not taken.
        password: one that the validators have passed.

    Raises:
        AdminExists: somebody was faster.
    """
    with transaction.atomic():
        # Two readers of an empty table would both see nobody: they queue for one row that is there.
        Mark.objects.get_or_create(name=FIRST_ADMIN)
        Mark.objects.select_for_update().get(name=FIRST_ADMIN)
        if has_admin():
            raise AdminExists
        return User.objects.create_superuser(username, password=password)
