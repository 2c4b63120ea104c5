"""In a portal: the pages under /embed/ show in the frames of EMBED_ORIGINS, and nothing of Batchlens shows in any other."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import ROWS, list_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.processes import Process

REFUSED = r"(Refused to (frame|display).*|Framing .* violates .*|.*frame-ancestors.*|.*X-Frame-Options.*)"
"""What the browser writes when it refuses to show a frame."""


class Portal(BaseHTTPRequestHandler):
    """A page of another origin that frames whatever its path says."""

    def do_GET(self) -> None:
        address = self.path.removeprefix("/?")
        body = (
            f'<!doctype html><title>Portal</title><iframe src="{address}" width="900" height="600"></iframe>'.encode()
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Say nothing."""


@pytest.fixture(scope="session")
def portal() -> Iterator[str]:
    """The origin of a portal: another port, and so another origin of the same site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def framed(context: BrowserContext, portal: str, address: str) -> Page:
    """Open the portal with `address` in its frame."""
    page = context.new_page()
    page.goto(f"{portal}/?{address}")
    return page


def test_portal_that_is_named_shows_the_list_and_scrolls_and_filters_in_it(
    portal: str,
    session_web: Callable[..., tuple[Process, str]],
    open_site: Site,
    new_bucket: Callable[..., Bucket],
    new_context: Callable[..., BrowserContext],
) -> None:
    _process, address = session_web(ANONYMOUS_ACCESS="true", EMBED_ORIGINS=portal)
    bucket = new_bucket(jobs=25)
    page = framed(new_context(), portal, address + list_path(bucket, "size=10", prefix="/embed"))
    frame = page.frame_locator("iframe")

    frame.locator(ROWS).first.wait_for()
    frame.locator("#more").scroll_into_view_if_needed()
    frame.locator(ROWS).nth(10).wait_for()
    frame.get_by_label("Failed").check()
    frame.locator('[id="summary"]', has_text="Failed jobs").wait_for()

    assert page.frames[1].url.startswith(f"{address}/embed/buckets/{bucket.name}/jobs/?states=Failed")
    assert frame.locator("body > header").count() == 0
    hrefs = frame.locator(f"{ROWS} a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert [href for href in hrefs if not href.startswith("/embed/")] == []


@pytest.mark.console_allows(REFUSED)
@pytest.mark.parametrize("prefix", ["/embed", ""])
def test_portal_that_is_not_named_shows_nothing(
    portal: str,
    open_site: Site,
    new_bucket: Callable[..., Bucket],
    new_context: Callable[..., BrowserContext],
    prefix: str,
) -> None:
    bucket = new_bucket(jobs=5)

    page = framed(new_context(), portal, open_site.address + list_path(bucket, prefix=prefix))

    page.wait_for_load_state()
    assert page.frames[1].url == "chrome-error://chromewebdata/"


@pytest.mark.console_allows(REFUSED)
@pytest.mark.parametrize("path", ["/", "/sign-in/", "/admin/login/"])
def test_pages_outside_embed_are_never_framed_not_even_by_a_named_portal(
    portal: str,
    session_web: Callable[..., tuple[Process, str]],
    open_site: Site,
    new_context: Callable[..., BrowserContext],
    path: str,
) -> None:
    _process, address = session_web(ANONYMOUS_ACCESS="true", EMBED_ORIGINS=portal)

    page = framed(new_context(), portal, address + path)

    page.wait_for_load_state()
    assert page.frames[1].url == "chrome-error://chromewebdata/"


def test_portal_of_the_same_site_shows_what_the_reader_may_see(
    portal: str,
    session_web: Callable[..., tuple[Process, str]],
    site: Site,
    new_bucket: Callable[..., Bucket],
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
) -> None:
    _process, address = session_web(EMBED_ORIGINS=portal)
    path = list_path(new_bucket(jobs=5), prefix="/embed")

    page = framed(sign_in(new_context(), address), portal, address + path)

    page.frame_locator("iframe").locator(ROWS).nth(4).wait_for()


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_portal_of_another_site_shows_a_card_and_never_a_form_for_passwords(
    portal: str,
    session_web: Callable[..., tuple[Process, str]],
    site: Site,
    new_bucket: Callable[..., Bucket],
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
) -> None:
    # "localhost" is another site than 127.0.0.1, so the browser sends no cookie of ours from inside the frame.
    elsewhere = portal.replace("127.0.0.1", "localhost")
    _process, address = session_web(EMBED_ORIGINS=elsewhere)
    path = list_path(new_bucket(jobs=5), prefix="/embed")

    page = framed(sign_in(new_context(), address), elsewhere, address + path)

    link = page.frame_locator("iframe").get_by_role("link", name="sign in")
    link.wait_for()
    assert (link.get_attribute("target"), page.frames[1].locator("input").count()) == ("_blank", 0)
