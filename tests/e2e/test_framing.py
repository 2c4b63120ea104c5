"""In a portal: the pages under /embed/ show in the frames of EMBED_ORIGINS, and nothing of Batchlens shows in any other."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import ROWS, list_path
from tests.e2e.staleness import make_stale
from tests.factories import jobs_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator
    from tests.processes import Process

REFUSED = r"(Refused to (frame|display).*|Framing .* violates .*|.*frame-ancestors.*|.*X-Frame-Options.*)"
"""What the browser writes when it refuses to show a frame."""


class Portal(BaseHTTPRequestHandler):
    """A page of another origin that frames what its query says, in the size that its path says."""

    def do_GET(self) -> None:
        size, _, address = self.path.removeprefix("/").partition("?")
        width, _, height = size.partition("x")
        frame = f'<iframe src="{address}" width="{width}" height="{height}" frameborder="0"></iframe>'
        body = f"<!doctype html><title>Portal</title>{frame}".encode()
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


def framed(context: BrowserContext, portal: str, address: str, width: int = 900, height: int = 600) -> Page:
    """Open the portal with `address` in a frame of so many pixels."""
    page = context.new_page()
    page.goto(f"{portal}/{width}x{height}?{address}")
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


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_card_shows_in_a_small_frame_looks_again_in_it_and_opens_lists_outside_of_it(
    portal: str,
    session_web: Callable[..., tuple[Process, str]],
    open_site: Site,
    new_bucket: Callable[..., Bucket],
    new_context: Callable[..., BrowserContext],
    language: str,
) -> None:
    _process, address = session_web(ANONYMOUS_ACCESS="true", EMBED_ORIGINS=portal)
    bucket = new_bucket(
        given=jobs_in("Failed", "Submitted", "Running", Code="AccessDenied", Message="no right to read")
    )
    card = f"{address}/embed/card/?bucket={bucket.name}&lang={language}"
    context = new_context(color_scheme="dark")
    page = framed(context, portal, card, width=320, height=200)
    frame = page.frame_locator("iframe")

    # It comes by itself: nothing was known of the bucket when the frame was opened.
    frame.locator("#glance-Failed", has_text="1").wait_for()
    frame.locator("#glance-worst").wait_for()
    overflow = "node => [node.scrollWidth - node.clientWidth, node.scrollHeight - node.clientHeight]"
    assert frame.locator("html").evaluate(overflow) == [0, 0]
    assert page.frames[1].url == card

    with context.expect_page() as opened:
        frame.locator("#glance-Failed").click()
    opened.value.wait_for_selector(ROWS)
    assert opened.value.url.startswith(f"{address}/buckets/{bucket.name}/jobs/?states=Failed")
    assert page.frames[1].url == card


def test_keyboard_reaches_all_that_the_card_links_and_opens_it(
    portal: str,
    session_web: Callable[..., tuple[Process, str]],
    open_site: Site,
    new_bucket: Callable[..., Bucket],
    new_context: Callable[..., BrowserContext],
) -> None:
    _process, address = session_web(ANONYMOUS_ACCESS="true", EMBED_ORIGINS=portal)
    bucket = new_bucket(given=jobs_in("Failed", "Submitted"))
    context = new_context()
    page = framed(context, portal, f"{address}/embed/card/?bucket={bucket.name}", width=320, height=200)
    page.frame_locator("iframe").locator("#glance-worst").wait_for()

    reached: list[str] = []
    while "glance-again" not in reached:
        assert len(reached) < 10, reached
        page.keyboard.press("Tab")
        reached.append(page.frames[1].evaluate("() => document.activeElement.id"))
    wanted = ["glance-all", "glance-Failed", "glance-Submitted", "glance-waiting", "glance-worst", "glance-again"]
    assert [one for one in reached if one.startswith("glance-")] == wanted

    page.frames[1].focus("#glance-Failed")
    with context.expect_page() as opened:
        page.keyboard.press("Enter")
    opened.value.wait_for_selector(ROWS)
    assert opened.value.url.startswith(f"{address}/buckets/{bucket.name}/jobs/?states=Failed")


def test_card_shows_what_has_changed_with_and_without_script(
    portal: str,
    session_web: Callable[..., tuple[Process, str]],
    open_site: Site,
    emulator: Emulator,
    new_bucket: Callable[..., Bucket],
    new_context: Callable[..., BrowserContext],
) -> None:
    _process, address = session_web(ANONYMOUS_ACCESS="true", EMBED_ORIGINS=portal)
    bucket = new_bucket(given=jobs_in("Failed"))
    card = f"{address}/embed/card/?bucket={bucket.name}"
    with_script, without = new_context(), new_context(java_script_enabled=False)
    # A minute of the page passes in half a second.
    with_script.add_init_script("const later = setTimeout; setTimeout = (what, time) => later(what, time / 120);")
    one = framed(with_script, portal, card, width=320, height=200).frame_locator("iframe")
    other = framed(without, portal, card, width=320, height=200).frame_locator("iframe")
    one.locator("#glance-Failed", has_text="1").wait_for()
    other.locator("#glance-Failed", has_text="1").wait_for()  # it has reloaded itself, by its Refresh header

    emulator.add_job(bucket.name, **jobs_in("Failed")[0])
    make_stale(open_site, bucket)

    one.locator("#glance-Failed", has_text="2").wait_for()


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
