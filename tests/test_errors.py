"""The pages for what no view answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from bs4 import BeautifulSoup
from django.conf import settings as configured
from django.db import OperationalError, connection
from django.test import Client, RequestFactory

from dashboard.errors import server_error
from tests.factories import make_bucket, make_staff

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

pytestmark = pytest.mark.django_db


def text(content: bytes) -> list[str]:
    page = BeautifulSoup(content, "html.parser")
    return [element.get_text(" ", strip=True) for element in page.select("main h1, main p")]


def test_an_unknown_address_is_404_and_says_nothing_of_the_others(client: Client) -> None:
    answer = client.get("/nowhere/")

    assert answer.status_code == 404
    assert text(answer.content) == [
        "There is nothing here",
        "The address may be mistyped, or what it named is gone.",
        "All buckets",
    ]


def test_a_404_repeats_the_words_of_the_view(client: Client) -> None:
    client.force_login(make_staff())

    answer = client.get("/buckets/unknown-12345/jobs/")

    assert text(answer.content)[1] == "There is no such bucket, or you may not see it."


@pytest.mark.parametrize("path", ["jobs/", "jobs.json", "jobs/b1/", "jobs/b1/raw.json"])
def test_a_hidden_bucket_is_not_found_by_this_reader_now_and_in_this_form(client: Client, path: str) -> None:
    make_bucket("hidden-1250000000", hidden=True)
    client.force_login(make_staff())

    for prefix in ("", "/embed"):
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.get(f"{prefix}/buckets/hidden-1250000000/{path}", headers=headers)

            assert answer.status_code == 404
            assert answer["Cache-Control"] == "private, no-cache"
            assert {"HX-Request", "HX-Target", "Accept-Language"} <= set(answer["Vary"].split(", "))


@pytest.mark.usefixtures("static_files")
def test_a_form_without_its_token_says_what_to_do() -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "a", "password": "b"})

    assert answer.status_code == 403
    assert text(answer.content)[0] == "This form is too old"


def test_a_failure_is_a_page_that_needs_nothing_and_a_problem_for_programs() -> None:
    factory = RequestFactory()

    page, twin = server_error(factory.get("/")), server_error(factory.get("/buckets.json"))

    assert (page.status_code, twin.status_code) == (500, 500)
    assert text(page.content)[0] == "Batchlens failed"
    assert b'"code": "server_error"' in twin.content


@pytest.mark.usefixtures("static_files")
def test_a_failure_looks_like_the_rest_of_the_site() -> None:
    page = BeautifulSoup(server_error(RequestFactory().get("/")).content, "html.parser")

    sheets = [str(link["href"]) for link in page.select("link[rel=stylesheet]")]
    assert [sheet.split(".")[0] for sheet in sheets] == [
        "/static/css/tokens",
        "/static/css/base",
        "/static/css/components",
    ]
    assert [link["href"] for link in page.select("a.button")] == [""]
    # What was sent can't be reloaded by a link.
    assert b"Reload</a>" not in server_error(RequestFactory().post("/")).content


def test_a_failure_is_told_even_where_no_file_was_collected(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path

    page = server_error(RequestFactory().get("/"))

    assert text(page.content)[0] == "Batchlens failed"
    assert b"stylesheet" not in page.content


@pytest.fixture
def database_down() -> Iterator[None]:
    """A database that answers nothing."""

    def refuse(*_: object) -> NoReturn:
        raise OperationalError("unable to open database file")

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.usefixtures("static_files", "database_down")
@pytest.mark.parametrize(
    "path", ["/", "/buckets/media-prod-1250000000/jobs/", "/embed/buckets/media-prod-1250000000/jobs/"]
)
def test_a_database_that_is_down_is_named(path: str, caplog: pytest.LogCaptureFixture) -> None:
    # Somebody who was signed in: the session itself lies in the database.
    client = Client(raise_request_exception=False, headers={"Cookie": "sessionid=0123456789abcdef0123456789abcdef"})
    twin_path = path.removesuffix("/") + ".json" if path != "/" else "/buckets.json"

    page, twin = client.get(path), client.get(twin_path)

    assert (page.status_code, twin.status_code) == (503, 503)
    assert (page.headers["Retry-After"], twin.headers["Retry-After"]) == ("2", "2")
    assert text(page.content)[0] == "Batchlens can't reach its database"
    problem = twin.json()["problem"]
    assert (problem["class"], problem["code"], problem["retryable"]) == ("ours", "database_down", True)
    assert all(record.exc_info is None for record in caplog.records)


@pytest.mark.usefixtures("static_files", "database_down")
@pytest.mark.parametrize("path", ["/buckets/a%0A2026-11-25 ERROR forged/jobs/", "/welcome/a:secret:token/"])
def test_line_about_a_database_that_is_down_holds_no_secret_and_begins_no_other(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(raise_request_exception=False, headers={"Cookie": "sessionid=0123456789abcdef0123456789abcdef"})

    client.get(path)

    (line,) = [record.getMessage() for record in caplog.records if "the database is down" in record.getMessage()]
    assert "secret" not in line
    assert "\n" not in line


@pytest.mark.usefixtures("static_files", "database_down")
def test_a_demo_s_failures_say_that_it_is_one(settings: Settings) -> None:
    settings.DEMO = True
    client = Client(raise_request_exception=False, headers={"Cookie": "sessionid=0123456789abcdef0123456789abcdef"})
    factory = RequestFactory()

    pages: list[Any] = [client.get("/"), server_error(factory.get("/"))]
    twins: list[Any] = [client.get("/buckets.json"), server_error(factory.get("/buckets.json"))]

    assert [answer.status_code for answer in [*pages, *twins]] == [503, 500, 503, 500]
    for page in pages:
        tree = BeautifulSoup(page.content, "html.parser")
        assert str(tree.title.string if tree.title else "").endswith(" · Demo data")
        assert text(page.content)[0].startswith("Demo data")
    assert [json.loads(twin.content)["demo"] for twin in twins] == [True, True]


@pytest.mark.usefixtures("static_files")
def test_a_form_that_can_t_be_read_gets_the_same_404() -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies[configured.CSRF_COOKIE_NAME] = "f" * 32

    answer = client.post("/nowhere/", data=b"x", content_type="multipart/form-data")

    assert answer.status_code == 404
    assert text(answer.content)[0] == "There is nothing here"
