"""A session that ends while somebody looks: the whole page goes to sign-in, and back to where the reader was."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import list_path, wait_for_rows
from tests.e2e.sites import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_expired_session_in_a_fragment_leads_to_sign_in_and_back(
    page: Page, new_bucket: Callable[..., Bucket], staff: User
) -> None:
    staff.set_password("a long enough pass phrase")
    staff.save()
    bucket = new_bucket(jobs=30)
    # What a list asks by itself would lead to sign-in before its reader does anything.
    page.route("**/insight/**", lambda route: route.fulfill(status=204))
    # Changing the password has ended the session that the page was given; begin with a whole page instead.
    page.goto(list_path(bucket, "size=100"))
    sign_in(page, staff)
    wait_for_rows(page, 30)
    Session.objects.all().delete()

    page.get_by_label("Failed").click()
    page.wait_for_url("**/sign-in/**")
    assert page.locator("tr").count() == 0
    sign_in(page, staff)

    page.wait_for_url(f"**{list_path(bucket, 'size=100')}")
    wait_for_rows(page, 30)


def sign_in(page: Page, user: User) -> None:
    """Fill the sign-in form in."""
    page.get_by_label("Name", exact=True).fill(user.get_username())
    page.get_by_label("Password").fill("a long enough pass phrase")
    page.get_by_role("button", name="Sign in").click()


def test_stranger_is_sent_to_sign_in_or_told_so_by_a_twin(site: Site, new_bucket: Callable[..., Bucket]) -> None:
    bucket, stranger = new_bucket(jobs=1), Reader(site)

    page, twin = stranger.get(list_path(bucket)), stranger.get(list_path(bucket, twin=True))

    assert (page.status_code, page.headers["Location"].partition("?")[0]) == (302, "/sign-in/")
    assert (twin.status_code, twin.json()["problem"]["code"]) == (401, "sign_in")


def test_twin_of_an_ended_session_says_401(reader: Reader, new_bucket: Callable[..., Bucket]) -> None:
    path = list_path(new_bucket(jobs=1), twin=True)
    assert reader.patient(path).status_code == 200

    Session.objects.all().delete()

    answer = reader.get(path)
    assert (answer.status_code, answer.json()["problem"]["code"]) == (401, "sign_in")


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_scrolling_with_an_ended_session_pastes_no_form_into_the_table(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    path = list_path(new_bucket(jobs=30), "size=10")
    page.set_viewport_size({"width": 1000, "height": 400})
    page.goto(path)
    wait_for_rows(page, 10)
    Session.objects.all().delete()

    page.evaluate("document.getElementById('more').scrollIntoView()")

    page.wait_for_url("**/sign-in/**")
    assert parse_qs(urlsplit(page.url).query) == {"next": [path]}
