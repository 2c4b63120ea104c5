"""Buckets: which names, regions and credential names are let in; they end up in a host name or a variable's name."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from jobs.models import Bucket


def problems_of(**values: str) -> dict[str, list[str]]:
    bucket = Bucket(**{"name": "media-1250000000", "region": "ap-guangzhou", **values})
    try:
        bucket.clean_fields()
    except ValidationError as error:
        return error.message_dict
    return {}


@pytest.mark.parametrize("name", ["a-12345", "media-prod-1250000000", "0-9-12345", "x" * 52 + "-1250000000"])
def test_bucket_takes_full_names(name: str) -> None:
    assert problems_of(name=name) == {}


@pytest.mark.parametrize(
    "name",
    ["media", "media-1234", "-media-1250000000", "Media-1250000000", "media-1250000000\n", "me.dia-1250000000",
     "media-1250000000/x", "a@b-1250000000", "media_x-1250000000", "médias-1250000000", "media-125000000０"],
)  # fmt: skip
def test_bucket_refuses_other_names_and_says_how_to_write_them(name: str) -> None:
    assert problems_of(name=name) == {
        "name": [
            (
                "Write the full name with the account's APPID, like media-prod-1250000000:"
                " lower-case letters, digits and hyphens, then a hyphen and at least five digits."
            )
        ]
    }


def test_bucket_refuses_a_name_longer_than_a_host_label() -> None:
    assert "A bucket's full name has at most 63 characters." in problems_of(name="x" * 53 + "-1250000000")["name"]


@pytest.mark.parametrize("region", ["ap-guangzhou", "na-siliconvalley", "ap-shanghai-fsi", "ap-beijing-1"])
def test_bucket_takes_region_ids(region: str) -> None:
    assert problems_of(region=region) == {}


@pytest.mark.parametrize(
    "region", ["guangzhou", "ap-guangzhou.evil.example", "ap/x", "ap-x@evil", "AP-x", "ap-x:80", "ap-x\n"]
)
def test_bucket_refuses_other_regions_and_says_how_to_write_them(region: str) -> None:
    assert problems_of(region=region) == {"region": ["Write the region's id, like ap-guangzhou."]}


@pytest.mark.parametrize("name", ["default", "a", "team-a", "x2-3"])
def test_bucket_takes_credential_names_that_fit_a_variable(name: str) -> None:
    assert problems_of(credential=name) == {}


@pytest.mark.parametrize("name", ["Default", "a_b", "-a", "a-", "a--b", "1a", "a b", "a\n"])
def test_bucket_refuses_other_credential_names(name: str) -> None:
    assert list(problems_of(credential=name)) == ["credential"]


@pytest.mark.django_db
def test_models_have_no_change_without_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
