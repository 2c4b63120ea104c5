"""What axe finds on a page: in both colour schemes, and in every width and language where a test asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Page

OFF = ("target-size", "duplicate-id", "duplicate-id-active")
"""Rules that axe leaves out unless it is asked: WCAG 2.2 AA has one about the size of targets, and htmx finds places by id."""
OPTIONS = {"resultTypes": ["violations"], "rules": {name: {"enabled": True} for name in OFF}}
"""Every rule but those of WCAG AAA and the ones that axe has given up.

Only violations are described: a selector for each of the elements that keep to the rules costs more than the rules.
"""
AT_REST = """
() => Promise.allSettled(document.getAnimations().filter((one) => one instanceof CSSTransition).map(({ finished }) => finished))
"""
"""Ends once no transition runs any more."""
SCHEMES = ("light", "dark")
LANGUAGES = ("en", "zh-hans")
WIDTHS = (360, 800, 1600)


def assert_accessible(page: Page, part: str | None = None, *, but: tuple[str, ...] = ()) -> None:
    """Ask axe in both colour schemes, of the whole page or of the part that a selector names, without what `but` names."""
    context = {"include": [part or "html"], "exclude": list(but)}
    for scheme in SCHEMES:
        assert _violations(page, scheme, context) == []


def assert_accessible_and_fits(page: Page, language: str, widths: tuple[int, ...] = WIDTHS) -> None:
    """Ask axe at each width in both colour schemes, and that nothing stands beside the screen's edge."""
    told = page.locator("html").get_attribute("lang")
    assert str(told).lower() == language, f"the page speaks {told}"
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"wider than {width} pixels"


def targets_too_near(page: Page, widths: Iterable[int]) -> dict[int, list[str]]:
    """Return what stands too near to another target, by axe's one rule about that, under each width at which anything does."""
    options = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["target-size"]}}
    Axe().run(page, options=options)  # brings axe into the page
    near = {}
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        found = page.evaluate("options => axe.run(options)", options)["violations"]
        if found:
            near[width] = [node["html"][:200] for violation in found for node in violation["nodes"]]
    return near


def spoken(path: str, language: str) -> str:
    """Return the address at which a page speaks a language."""
    return f"{path}{'&' if '?' in path else '?'}lang={language}"


def _violations(page: Page, scheme: Any, context: dict[str, list[str]]) -> list[tuple[str, ...]]:
    page.emulate_media(color_scheme=scheme)
    page.evaluate(AT_REST)  # Django's admin fades from one scheme's colours into the other's
    found = Axe().run(page, context=context, options=OPTIONS).response["violations"]
    return [
        (scheme, violation["id"], node["html"][:200], node.get("failureSummary", "")[:300])
        for violation in found
        for node in violation["nodes"]
    ]
