"""Signing in and out, and the one-time link with which the first admin is made."""

from __future__ import annotations

import re
import threading
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client

from jobs import access
from tests.factories import make_staff, make_viewer

PASSWORD = "three-words-and-7"
GOOD = {"username": "ada", "password1": "blue-otter-17-hats", "password2": "blue-otter-17-hats"}


def link() -> str:
    out = StringIO()
    call_command("first_admin_link", stdout=out)
    return out.getvalue().strip()


@pytest.mark.django_db
def test_sign_in_leads_back_to_the_page(client: Client) -> None:
    make_viewer(password=PASSWORD)

    answer = client.post(
        "/sign-in/", {"username": "vera", "password": PASSWORD, "next": "/buckets/a-12345/jobs/?size=5"}
    )

    assert (answer.status_code, answer["Location"]) == (302, "/buckets/a-12345/jobs/?size=5")


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_sign_in_never_leads_to_another_site(client: Client, target: str) -> None:
    make_viewer(password=PASSWORD)

    assert client.post("/sign-in/", {"username": "vera", "password": PASSWORD, "next": target})["Location"] == "/"


@pytest.mark.django_db
def test_a_wrong_password_is_told_without_saying_what_was_wrong(client: Client) -> None:
    make_viewer(password=PASSWORD)

    wrong = client.post("/sign-in/", {"username": "vera", "password": "no"}).content.decode()
    unknown = client.post("/sign-in/", {"username": "nobody", "password": "no"}).content.decode()

    alert = re.compile(r'<p class="notice bad" role="alert">(?!Batchlens)(.*?)</p>')
    assert alert.findall(wrong) == alert.findall(unknown)
    assert len(alert.findall(wrong)) == 1


@pytest.mark.django_db
def test_sign_out_is_a_post(client: Client) -> None:
    client.force_login(make_viewer())

    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/").status_code == 302


@pytest.mark.django_db
def test_the_link_makes_the_first_admin_and_signs_in(client: Client) -> None:
    path = link()

    assert client.get(path).status_code == 200
    answer = client.post(path, GOOD)

    assert (answer.status_code, answer["Location"]) == (302, "/")
    admin = User.objects.get()
    assert (admin.username, admin.is_superuser, admin.is_staff) == ("ada", True, True)
    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
        ({"password1": "password", "password2": "password"}, "password2"),
        ({"password2": "something-else"}, "password2"),
        ({"password1": "ada", "password2": "ada"}, "password2"),
        ({"username": ""}, "username"),
    ],
)
def test_a_bad_password_is_told_at_its_field_and_makes_nobody(
    client: Client, change: dict[str, str], field: str
) -> None:
    answer = client.post(link(), {**GOOD, **change})

    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert User.objects.count() == 0


@pytest.mark.django_db
def test_a_used_link_says_what_to_do(client: Client) -> None:
    path = link()
    client.post(path, GOOD)
    stranger = Client()

    for answer in (stranger.get(path), stranger.post(path, {**GOOD, "username": "eve"})):
        assert answer.status_code == 410
        assert "There is an admin already" in answer.content.decode()
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["x", "a:b:c", "%00"])
def test_a_link_that_is_not_ours_says_how_to_get_one(client: Client, token: str) -> None:
    for answer in (client.get(f"/welcome/{token}/"), client.post(f"/welcome/{token}/", GOOD)):
        assert answer.status_code == 410
        assert "./manage.py first_admin_link" in answer.content.decode()
    assert User.objects.count() == 0


@pytest.mark.django_db
def test_an_old_link_says_how_to_get_a_new_one(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = link()
    monkeypatch.setattr(access, "FIRST_ADMIN_SECONDS", -1)

    assert client.post(path, GOOD).status_code == 410
    assert User.objects.count() == 0


@pytest.mark.django_db
def test_no_link_is_printed_where_there_is_an_admin() -> None:
    make_staff()
    out, err = StringIO(), StringIO()

    call_command("first_admin_link", stdout=out, stderr=err)

    assert out.getvalue() == ""
    assert err.getvalue().startswith("There is an admin already")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("static_files")
def test_of_many_who_send_the_form_at_once_one_becomes_admin() -> None:
    path = link()
    statuses: list[int] = []
    ready = threading.Barrier(6)

    def send(number: int) -> None:
        client = Client()
        ready.wait()
        try:
            statuses.append(client.post(path, {**GOOD, "username": f"ada{number}"}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [302, 410, 410, 410, 410, 410]
    assert User.objects.count() == 1
