"""The keyboard of somebody who uses nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOCUS_IS_SHOWN = """() => {
  const focused = document.activeElement;
  const places = [[focused, null], [focused, "::before"], [focused, "::after"], [focused.closest("label"), null]];
  return places.some(([element, pseudo]) => {
    const style = element && getComputedStyle(element, pseudo);
    return style && (style.outlineStyle !== "none" || style.boxShadow !== "none");
  });
}"""
"""Whether an outline or a ring stands at what has the focus, or at what is drawn for it."""


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what `selector` names has the focus, and check that one can see it there."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            shown = page.evaluate(FOCUS_IS_SHOWN)
            assert shown, f"nothing shows that {selector} has the focus"
            return
    raise AssertionError(f"Tab never reaches {selector}")
