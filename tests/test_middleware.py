"""Strangers are sent to sign in, in the form each asker can use; the language comes from the link or the browser."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from pytest_django import Settings

from tests.factories import make_bucket, make_staff, make_viewer

pytestmark = pytest.mark.django_db

LIST = "/buckets/media-1250000000/jobs/"
PORTAL = "https://portal.example.com"


def sign_in_target(address: str) -> dict[str, list[str]]:
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.path) == ("", "", "/sign-in/")
    return parse_qs(parts.query)


# Pages ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", LIST, LIST + "job-1/", LIST + "job-1/operation/", "/admin/"])
def test_a_stranger_is_sent_to_sign_in(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer["Location"]).query)["next"] == [path]
    assert "no-store" in answer["Cache-Control"]


def test_the_way_back_keeps_the_whole_question_and_the_language(client: Client) -> None:
    answer = client.get(f"{LIST}?states=Failed%2CPause&name=%E8%A7%86&lang=zh-hans")

    assert sign_in_target(answer["Location"]) == {
        "next": [f"{LIST}?states=Failed%2CPause&name=%E8%A7%86&lang=zh-hans"],
        "lang": ["zh-hans"],
    }


def test_a_hidden_and_an_unknown_bucket_look_alike_to_a_stranger(client: Client) -> None:
    make_bucket("hidden-12345", hidden=True)

    hidden = client.get("/buckets/hidden-12345/jobs/")
    unknown = client.get("/buckets/unknown-12345/jobs/")

    assert hidden.status_code == unknown.status_code == 302
    assert hidden["Location"].replace("hidden", "unknown") == unknown["Location"]


def test_a_post_goes_back_to_the_page_of_its_form(client: Client) -> None:
    here = client.post("/buckets/a-12345/retry/", headers={"Referer": f"http://testserver{LIST}?size=5"})
    elsewhere = client.post("/buckets/a-12345/retry/", headers={"Referer": "https://evil.example/x"})

    assert sign_in_target(here["Location"]) == {"next": [f"{LIST}?size=5"]}
    assert sign_in_target(elsewhere["Location"]) == {"next": ["/"]}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/sign-in/", "/welcome/x/"])
def test_some_pages_are_for_strangers(client: Client, path: str) -> None:
    assert client.get(path).status_code in {200, 410, 503}


# Fragments ------------------------------------------------------------------------------------------------------------


def test_a_fragment_sends_the_whole_page_to_sign_in_and_back(client: Client) -> None:
    answer = client.get(
        f"{LIST}?nextToken=abc", headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{LIST}?size=5"}
    )

    assert (answer.status_code, answer.content) == (200, b"")
    assert sign_in_target(answer["HX-Redirect"]) == {"next": [f"{LIST}?size=5"]}
    assert "Location" not in answer
    assert "HX-Request" in answer["Vary"]


def test_a_fragment_behind_a_proxy_that_ends_tls_finds_back_too(client: Client) -> None:
    answer = client.get(LIST, headers={"HX-Request": "true", "HX-Current-URL": f"https://testserver{LIST}?size=5"})

    assert sign_in_target(answer["HX-Redirect"]) == {"next": [f"{LIST}?size=5"]}


@pytest.mark.parametrize(
    "current",
    [
        "https://evil.example/steal",
        "http://testserver@evil.example/",
        "javascript:alert(1)",
        "http://[",
        "//evil.example",
        "",
    ],
)
def test_no_header_leads_to_another_site(client: Client, current: str) -> None:
    answer = client.get(LIST, headers={"HX-Request": "true", "HX-Current-URL": current})

    assert sign_in_target(answer["HX-Redirect"]) == {"next": [LIST]}


def test_a_path_that_browsers_read_as_another_site_is_dropped(client: Client) -> None:
    answer = client.get(LIST, headers={"HX-Request": "true", "HX-Current-URL": "http://testserver//evil.example/steal"})

    assert sign_in_target(answer["HX-Redirect"]) == {"next": ["/"]}


# Programs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/buckets.json", LIST.rstrip("/") + ".json", "/embed" + LIST.rstrip("/") + ".json"])
def test_a_program_gets_401_and_a_problem(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 401
    assert answer.json() == {
        "problem": {
            "class": "ours",
            "code": "sign_in",
            "message": "You are not signed in.",
            "advice": "Sign in, then ask again.",
            "retryable": False,
            "request_id": "",
        }
    }


# What a page may load and do ------------------------------------------------------------------------------------------------

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
}
"""What every page may: no `unsafe-*`, and nothing from elsewhere."""


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        "/", LIST, "/embed" + LIST, LIST.rstrip("/") + ".json", LIST + "?states=nothing", "/jobs/", "/sign-in/", "/status/", "/nowhere/",
        "/embed/card/?bucket=nowhere", "/healthz",
    ],
)  # fmt: skip
@pytest.mark.parametrize("fragment", [False, True])
def test_no_page_may_run_or_load_what_is_not_our_own(
    client: Client, path: str, *, signed_in: bool, fragment: bool
) -> None:
    make_bucket(LIST.split("/")[2])
    if signed_in:
        client.force_login(make_staff())

    answer = client.get(path, headers={"HX-Request": "true", "HX-Target": "results"} if fragment else {})

    told = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    told.pop("frame-ancestors")
    assert told == POLICY


# Frames ---------------------------------------------------------------------------------------------------------------


def framing(answer: HttpResponseBase) -> tuple[str | None, str]:
    policies = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    return answer.headers.get("X-Frame-Options"), policies["frame-ancestors"]


def test_a_frame_shows_a_card_instead_of_the_form(client: Client, settings: Settings) -> None:
    settings.EMBED_ORIGINS = [PORTAL]

    answer = client.get(f"/embed{LIST}?size=5")

    assert answer.status_code == 401
    assert "password" not in answer.content.decode().lower().replace("passwords are never", "")
    assert f'href="/sign-in/?next=/embed{LIST}%3Fsize%3D5" target="_blank" rel="noopener"' in answer.content.decode()
    assert framing(answer) == (None, PORTAL)


def test_without_origins_nobody_may_frame_the_card(client: Client) -> None:
    assert framing(client.get(f"/embed{LIST}")) == ("DENY", "'none'")


def test_a_fragment_in_a_frame_asks_for_the_framed_page_again(client: Client) -> None:
    answer = client.get(
        f"/embed{LIST}?nextToken=x",
        headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver/embed{LIST}"},
    )

    assert (answer.status_code, answer["HX-Redirect"]) == (200, f"/embed{LIST}")


def test_the_sign_in_form_may_not_be_framed(client: Client, settings: Settings) -> None:
    settings.EMBED_ORIGINS = [PORTAL]

    assert framing(client.get(f"/sign-in/?next=/embed{LIST}")) == ("DENY", "'none'")


def test_an_unknown_bucket_in_a_frame_is_a_framed_404(client: Client, settings: Settings) -> None:
    settings.EMBED_ORIGINS = [PORTAL]
    client.force_login(make_staff())

    answer = client.get("/embed/buckets/unknown-12345/jobs/")

    assert answer.status_code == 404
    assert framing(answer) == (None, PORTAL)


# Everyone may look ----------------------------------------------------------------------------------------------------


def test_where_everyone_may_look_only_admin_and_status_ask_for_a_name(client: Client, settings: Settings) -> None:
    settings.ANONYMOUS_ACCESS = True

    assert client.get("/").status_code == 200
    assert client.get("/buckets/unknown-12345/jobs/").status_code == 404
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/jobs/bucket/").status_code == 302
    assert client.get("/status/").status_code == 302


# Not found ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/embed"])
@pytest.mark.parametrize("ending", ["/", ".json"])
@pytest.mark.parametrize("part", ["jobs", "jobs/job-1", "jobs/job-1/operation", "jobs/job-1/raw"])
def test_hidden_foreign_and_unknown_buckets_are_the_same_404_at_every_address(
    client: Client, prefix: str, ending: str, part: str
) -> None:
    hidden = make_bucket("hidden-12345", hidden=True)
    make_bucket("foreign-12345")
    client.force_login(make_viewer(sees=(hidden,)))

    answers = [client.get(f"{prefix}/buckets/{name}-12345/{part}{ending}") for name in ("hidden", "foreign", "unknown")]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    # The form to sign out holds a random text on each page.
    assert len({re.sub(rb'csrfmiddlewaretoken" value="\w+"', b"", answer.content) for answer in answers}) == 1


def test_a_twin_that_is_not_there_is_a_problem(client: Client) -> None:
    client.force_login(make_staff())

    answer = client.get("/buckets/unknown-12345/jobs.json")

    assert answer.status_code == 404
    assert (answer.json()["problem"]["class"], answer.json()["problem"]["code"]) == ("ours", "not_found")


# Language -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "accept", "language"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("", "zh", "zh-Hans"),
        ("", "zh-Hans-CN", "zh-Hans"),
        ("", "zh-TW,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("", "fr,de;q=0.5", "en"),
        ("", "en-GB,zh;q=0.9", "en"),
        ("", "*,zh", "en"),
        ("?lang=zh-hans", "en", "zh-Hans"),
        ("?lang=en", "zh", "en"),
        ("?lang=tlh", "zh", "zh-Hans"),
        ("?lang=../../etc", "en", "en"),
    ],
)
def test_language_is_the_links_or_the_browsers(client: Client, query: str, accept: str, language: str) -> None:
    answer = client.get(f"/sign-in/{query}", headers={"Accept-Language": accept})

    assert answer["Content-Language"] == language
    assert "Accept-Language" in answer["Vary"]
    assert f'<html lang="{language}"' in answer.content.decode()


def test_no_cookie_chooses_the_language(client: Client) -> None:
    client.cookies["django_language"] = "zh-hans"

    assert client.get("/sign-in/")["Content-Language"] == "en"


@pytest.mark.parametrize(
    ("path", "host", "status"), [("/buckets/a/jobs", "testserver", 301), ("/", "a b", 400), (LIST, "testserver", 302)]
)
def test_framing_is_denied_by_answers_that_no_view_gives(client: Client, path: str, host: str, status: int) -> None:
    answer = client.get(path, headers={"Host": host})

    assert answer.status_code == status
    assert framing(answer) == ("DENY", "'none'")
