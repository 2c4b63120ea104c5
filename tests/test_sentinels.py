"""The URL of a Redis behind Sentinel."""

from __future__ import annotations

import pytest

from jobs.sentinels import SentinelUrl


def test_url_names_sentinels_service_and_database() -> None:
    assert SentinelUrl.parse("sentinel://a,b:1/broker/2") == SentinelUrl(
        (("a", 26379), ("b", 1)), "broker", 2, None, None
    )


def test_url_holds_user_and_password_of_the_servers() -> None:
    url = SentinelUrl.parse("sentinel://me:p%40ss%2Fword@a/broker/0")

    assert url
    assert (url.user, url.password) == ("me", "p@ss/word")
    assert url.kombu_url == "sentinel://me:p%40ss%2Fword@a:26379/0"


def test_celery_is_told_all_sentinels() -> None:
    url = SentinelUrl.parse("sentinel://:secret@a,b:1/broker/2")

    assert url
    assert url.kombu_url == "sentinel://:secret@a:26379/2;sentinel://:secret@b:1/2"


@pytest.mark.parametrize("url", ["redis://a/0", "rediss://a/0", "unix:///run/redis", ""])
def test_other_urls_are_somebody_elses(url: str) -> None:
    assert SentinelUrl.parse(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "sentinel://",
        "sentinel://a",
        "sentinel://a/broker",
        "sentinel://a/broker/x",
        "sentinel://a:x/broker/0",
        "sentinel://:hunter22@a,/broker/0",
    ],
)
def test_half_a_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="write sentinel") as refused:
        SentinelUrl.parse(url)
    assert "hunter22" not in str(refused.value)
