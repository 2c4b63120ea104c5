"""`sync_buckets` and `prepare`: the database follows BUCKETS; all of it, or nothing; nothing is ever deleted."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from pytest_django import Settings

from jobs.management.commands import prepare
from jobs.models import Bucket, Mark
from tests.factories import make_bucket, make_staff

pytestmark = pytest.mark.django_db

BOTH = {"SECRET_ID": "id", "SECRET_KEY": "key"}


@pytest.fixture(autouse=True)
def _two_credentials(settings: Settings) -> None:
    settings.CI_CREDENTIALS = {"default": BOTH, "team-a": BOTH}


def sync(settings: Settings, buckets: str) -> list[str]:
    settings.BUCKETS = buckets
    out = StringIO()
    call_command("sync_buckets", stdout=out)
    return out.getvalue().splitlines()


def table() -> list[tuple[str, str, str, bool, bool]]:
    return list(Bucket.objects.values_list("name", "region", "credential", "hidden", "synced"))


def test_sync_creates_what_is_named(settings: Settings) -> None:
    said = sync(
        settings, "a-12345@ap-guangzhou, b-12345 @ ap-tokyo = team-a\n# c-12345@ap-x\nd-12345@ap-seoul # a note"
    )

    assert said == ["Created: a-12345, b-12345, d-12345"]
    assert table() == [
        ("a-12345", "ap-guangzhou", "default", False, True),
        ("b-12345", "ap-tokyo", "team-a", False, True),
        ("d-12345", "ap-seoul", "default", False, True),
    ]


def test_sync_updates_region_and_credential_and_keeps_the_rest(settings: Settings) -> None:
    sync(settings, "a-12345@ap-guangzhou")
    Bucket.objects.update(label="Videos", hidden=True)
    Bucket.objects.get().groups.add(Group.objects.create(name="g"))

    said = sync(settings, "a-12345@ap-tokyo=team-a")

    assert said == ["Updated: a-12345"]
    assert table() == [("a-12345", "ap-tokyo", "team-a", True, True)]
    assert (Bucket.objects.get().label, Bucket.objects.get().groups.count()) == ("Videos", 1)


def test_sync_takes_labels_and_leaves_those_of_staff_where_it_names_none(settings: Settings) -> None:
    said = sync(
        settings, "a-12345@ap-tokyo Live = on air, b-12345 @ ap-tokyo = team-a  Archive # note\nc-12345@ap-seoul"
    )
    Bucket.objects.filter(name="c-12345").update(label="By staff")
    again = sync(settings, "a-12345@ap-tokyo Live,b-12345@ap-tokyo=team-a,c-12345@ap-seoul")

    assert (said, again) == (["Created: a-12345, b-12345, c-12345"], ["Updated: a-12345"])
    assert list(Bucket.objects.values_list("credential", "label")) == [
        ("default", "Live"),
        ("team-a", "Archive"),
        ("default", "By staff"),
    ]


def test_sync_hides_what_is_gone_and_shows_it_again_when_it_comes_back(settings: Settings) -> None:
    sync(settings, "a-12345@ap-guangzhou,b-12345@ap-guangzhou")

    gone = sync(settings, "a-12345@ap-guangzhou")
    hidden = table()
    back = sync(settings, "a-12345@ap-guangzhou,b-12345@ap-guangzhou")

    assert gone == ["Hidden, no longer named: b-12345"]
    assert hidden[1] == ("b-12345", "ap-guangzhou", "default", True, False)
    assert back == ["Shown again: b-12345"]
    assert table()[1] == ("b-12345", "ap-guangzhou", "default", False, True)


def test_sync_leaves_buckets_made_by_hand_alone(settings: Settings) -> None:
    make_bucket("hand-12345", "ap-seoul", credential="elsewhere")

    said = sync(settings, "")

    assert said == ["The buckets are as named."]
    assert table() == [("hand-12345", "ap-seoul", "elsewhere", False, False)]


def test_what_staff_show_again_by_hand_stays(settings: Settings) -> None:
    sync(settings, "a-12345@ap-guangzhou")
    sync(settings, "")
    Bucket.objects.update(hidden=False)

    sync(settings, "")

    assert table() == [("a-12345", "ap-guangzhou", "default", False, False)]


def test_sync_reads_the_file_too(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "buckets"
    file.write_bytes("\ufeffb-12345@ap-guangzhou\r\n\r\n# nothing\r\n".encode())
    settings.BUCKETS_FILE = str(file)

    sync(settings, "a-12345@ap-guangzhou,b-12345@ap-guangzhou")

    assert [row[0] for row in table()] == ["a-12345", "b-12345"]


@pytest.mark.parametrize(
    ("buckets", "said"),
    [
        ("b-12345", "BUCKETS, line 1, “b-12345”: write name-appid@region or name-appid@region=credential."),
        ("\nb-12345@ap-x=", "BUCKETS, line 2, “b-12345@ap-x=”: write name-appid@region or name-appid@region=credential."),
        ("b@ap-guangzhou", ("BUCKETS, line 1, “b@ap-guangzhou”: the name can't be used. Write the full name with the account's"
         " APPID, like media-prod-1250000000: lower-case letters, digits and hyphens, then a hyphen and at least five digits.")),
        ("b-12345@evil.com", "BUCKETS, line 1, “b-12345@evil.com”: the region can't be used. Write the region's id, like ap-guangzhou."),
        ("b-12345@", "BUCKETS, line 1, “b-12345@”: the region can't be used. This field cannot be blank."),
        ("b-12345@ap-tokyo=A_B", ("BUCKETS, line 1, “b-12345@ap-tokyo=A_B”: the credential can't be used. Lower-case letters, digits"
         " and single hyphens, beginning with a letter, like default or team-a.")),
        ("b-12345@ap-tokyo,b-12345@ap-seoul", "The bucket b-12345 is named twice, with different regions, credentials or labels."),
        ("b-12345@ap-tokyo=nobody", "The bucket b-12345 needs the credential “nobody”: set CI_NOBODY_SECRET_ID and CI_NOBODY_SECRET_KEY."),
    ],
)  # fmt: skip
def test_one_bad_entry_changes_nothing(settings: Settings, buckets: str, said: str) -> None:
    sync(settings, "a-12345@ap-guangzhou")
    before = table()

    with pytest.raises(CommandError) as caught:
        sync(settings, f"z-12345@ap-guangzhou,{buckets}" if not buckets.startswith("\n") else buckets)

    assert (str(caught.value), caught.value.returncode) == (said, 1)
    assert table() == before


def test_half_a_credential_is_refused_even_if_no_bucket_uses_it(settings: Settings) -> None:
    settings.CI_CREDENTIALS = {"default": BOTH, "team-a": {"SECRET_ID": "id"}}

    with pytest.raises(
        CommandError, match=r"^The credential “team-a” is not complete: CI_TEAM_A_SECRET_KEY is missing\.$"
    ):
        sync(settings, "a-12345@ap-guangzhou")


def test_a_file_that_is_not_there_is_one_line(settings: Settings) -> None:
    settings.BUCKETS_FILE = "/nonexistent/buckets"

    with pytest.raises(
        CommandError, match=r"^BUCKETS_FILE /nonexistent/buckets can't be read: No such file or directory\.$"
    ):
        sync(settings, "")


def test_prepare_stamps_the_database_and_then_migrates_no_more(settings: Settings) -> None:
    settings.BUCKETS = "a-12345@ap-guangzhou"
    first, second = StringIO(), StringIO()

    call_command("prepare", stdout=first, stderr=first)
    call_command("prepare", stdout=second, stderr=second)

    assert first.getvalue().splitlines() == ["The database is migrated.", "Created: a-12345"]
    assert second.getvalue() == ""
    assert Mark.objects.get(name=prepare.STAMP).value == prepare.migration_stamp()


def test_prepare_prints_the_link_until_there_is_an_admin() -> None:
    before, after = StringIO(), StringIO()

    call_command("prepare", "--first-admin-link", stdout=before)
    make_staff()
    call_command("prepare", "--first-admin-link", stdout=after)

    assert before.getvalue().splitlines()[-1].startswith("/welcome/")
    assert after.getvalue() == ""


def test_prepare_refuses_one_redis_for_both(settings: Settings) -> None:
    settings.REDIS_CACHE_URL = settings.REDIS_URL

    with pytest.raises(CommandError, match=r"^REDIS_URL and REDIS_CACHE_URL are the same server and database\."):
        call_command("prepare")


def test_prepare_tells_of_a_bucket_whose_credential_nobody_configured() -> None:
    make_bucket("hand-12345", credential="team-b")
    err = StringIO()

    call_command("prepare", stdout=StringIO(), stderr=err)

    assert err.getvalue().splitlines() == [
        (
            "The bucket hand-12345 names the credential “team-b”, which is not configured here."
            " Set CI_TEAM_B_SECRET_ID and CI_TEAM_B_SECRET_KEY."
        )
    ]


def test_prepare_collects_static_files_once(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "static"

    assert prepare.collect_static_if_needed()
    assert not prepare.collect_static_if_needed()
    assert (tmp_path / "static" / "admin" / "css" / "base.css").is_file()
