/* Says to screen readers what becomes of a list. In the one polite live region, once, what a swap has brought: the new element's
   data-announce, with the number of rows, which is counted wherever data-count-rows asks for it, too. And that the list is not
   whole: aria-busy from when a part of it is asked for until it is there. */
import { all, byId, on, onAnswer, one, ROW, say } from "./page.js";

onAnswer(({ target }) => {
  const count = all(ROW).length.toLocaleString(document.documentElement.lang);
  const said = byId(target.id)?.dataset.announce?.replace("%", count);
  if (said && byId("announce").textContent !== said) say(said);
  for (const place of all("[data-count-rows]")) place.textContent = place.dataset.countRows.replace("%", count);
});

on("htmx:beforeRequest", ({ detail: { target } }) => {
  target.closest("#results")?.setAttribute("aria-busy", "true");
});

on("htmx:afterRequest", () => {
  one("#results:not(:has([data-pending]))")?.removeAttribute("aria-busy");
});
