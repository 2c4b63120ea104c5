"""Who may see which bucket: strangers, viewers, staff; and that nobody can tell a hidden bucket from none."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.http import Http404
from pytest_django import Settings

from jobs import access
from tests.factories import make_bucket, make_staff, make_viewer

pytestmark = pytest.mark.django_db


def names(user: User | AnonymousUser) -> list[str]:
    return [bucket.name for bucket in access.visible_buckets(user)]


def test_staff_see_all_buckets_but_hidden_ones() -> None:
    make_bucket("b-12345")
    make_bucket("a-12345")
    make_bucket("hidden-12345", hidden=True)

    assert names(make_staff()) == ["a-12345", "b-12345"]


def test_viewers_see_the_buckets_of_their_groups() -> None:
    mine = make_bucket("mine-12345")
    hidden = make_bucket("hidden-12345", hidden=True)
    make_bucket("other-12345")

    assert names(make_viewer(sees=(mine, hidden))) == ["mine-12345"]


def test_a_bucket_of_two_groups_of_one_viewer_comes_once() -> None:
    mine = make_bucket("mine-12345")
    viewer = make_viewer(sees=(mine,))
    second = Group.objects.create(name="second")
    second.buckets.add(mine)
    viewer.groups.add(second)

    assert names(viewer) == ["mine-12345"]


def test_viewers_without_groups_see_nothing() -> None:
    make_bucket()

    assert names(make_viewer()) == []


def test_people_whose_account_was_closed_see_nothing() -> None:
    make_bucket()
    staff = make_staff()
    staff.is_active = False

    assert names(staff) == []


def test_strangers_see_nothing_unless_everyone_may_look(settings: Settings) -> None:
    make_bucket("a-12345")
    make_bucket("hidden-12345", hidden=True)

    settings.ANONYMOUS_ACCESS = False
    closed = names(AnonymousUser())
    settings.ANONYMOUS_ACCESS = True
    opened = names(AnonymousUser())

    assert (closed, opened) == ([], ["a-12345"])


def test_get_bucket_returns_one_that_may_be_seen() -> None:
    mine = make_bucket()

    assert access.get_bucket(make_viewer(sees=(mine,)), mine.name) == mine


def test_hidden_foreign_and_unknown_buckets_read_alike() -> None:
    make_bucket("foreign-12345")
    hidden = make_bucket("hidden-12345", hidden=True)
    viewer = make_viewer(sees=(hidden,))

    said = set()
    for name in ("foreign-12345", "hidden-12345", "unknown-12345"):
        with pytest.raises(Http404) as caught:
            access.get_bucket(viewer, name)
        said.add(str(caught.value))

    assert said == {"There is no such bucket, or you may not see it."}


def test_first_admin_token_is_valid_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    token = access.first_admin_token()

    assert access.is_first_admin_token(token)
    monkeypatch.setattr(access, "FIRST_ADMIN_SECONDS", -1)
    assert not access.is_first_admin_token(token)


@pytest.mark.parametrize("token", ["", "x", "a:b:c"])
def test_first_admin_token_of_others_is_refused(token: str) -> None:
    assert not access.is_first_admin_token(token)


def test_only_the_first_admin_is_made() -> None:
    first = access.create_first_admin("ada", "some-long-password")

    assert (first.is_superuser, first.is_staff) == (True, True)
    with pytest.raises(access.AdminExists):
        access.create_first_admin("bob", "some-long-password")
    assert User.objects.count() == 1


def test_an_admin_whose_account_was_closed_does_not_count() -> None:
    closed = make_staff()
    User.objects.filter(pk=closed.pk).update(is_active=False)

    assert access.create_first_admin("ada", "some-long-password").is_superuser
