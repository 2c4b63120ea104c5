"""The keyboard of somebody who uses nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOOKS = """
const places = element => [[element, null], [element, "::before"], [element, "::after"], [element.closest("label"), null]];
const looks = element => places(element).map(([place, pseudo]) => {
  const style = place && getComputedStyle(place, pseudo);
  const outline = style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
    && `${style.outlineStyle} ${style.outlineWidth} ${style.outlineColor}`;
  return [outline || "", style && style.boxShadow !== "none" ? style.boxShadow : ""];
});
"""
"""Which outline and ring stand at an element, at what is drawn for it, and at the label around it."""
REMEMBER = f"""selector => {{
  {LOOKS}
  const focused = document.activeElement;
  const others = [...document.querySelectorAll(selector)].filter(element => element !== focused);
  window.unfocused = new Map(others.map(element => [element, looks(element)]));
}}"""
IS_THERE = "selector => document.activeElement.matches(selector)"
FOCUS_IS_SHOWN = f"""() => {{
  {LOOKS}
  const focused = document.activeElement;
  const before = window.unfocused.get(focused);
  return looks(focused).some((look, place) => look.some((drawn, kind) => drawn && drawn !== before?.[place][kind]));
}}"""
"""Whether what has the focus has an outline or a ring that it didn't have without it."""


def tab_to(page: Page, selector: str, *, back: bool = False) -> None:
    """Press Tab, or Shift+Tab, until what `selector` names has the focus, and check that one can see it there."""
    for _ in range(80):
        page.evaluate(REMEMBER, selector)
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if page.evaluate(IS_THERE, selector):
            assert page.evaluate(FOCUS_IS_SHOWN), f"nothing shows that {selector} has the focus"
            return
    raise AssertionError(f"Tab never reaches {selector}")


REACHABLE = """() => {
  const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  window.reachable = [...document.querySelectorAll(kinds)].filter((one) =>
    one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0
  );
  return reachable.map((one) => one.outerHTML.slice(0, 120));
}"""
MET = "() => reachable.indexOf(document.activeElement)"


def walk_by_tab(page: Page) -> tuple[list[str], list[str]]:
    """Press Tab from the page's beginning to its end; return what can be seen and used, and what of it was never reached."""
    page.evaluate("() => { document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0); }")
    reachable: list[str] = page.evaluate(REACHABLE)
    met = set()
    for _ in range(len(reachable) + 10):
        page.keyboard.press("Tab")
        met.add(page.evaluate(MET))
    return reachable, [one for number, one in enumerate(reachable) if number not in met]
