/* Says what becomes of a list to people who don't look at it. To screen readers: in the one polite live
   region, once, what a swap has brought: the new element's data-announce, with the number of rows, which is counted wherever
   data-count-rows asks for it, too. And that the list is not whole: aria-busy from when a part of it is asked for until it is
   there. */
import { all, always, byId, on, onAnswer, one, rows, say } from "./page.js";

onAnswer(({ target }) => {
  const count = rows().length.toLocaleString(document.documentElement.lang);
  const said = byId(target.id)?.dataset.announce?.replace("%", count);
  if (said && byId("announce").textContent !== said) say(said);
  for (const place of all("[data-count-rows]")) place.textContent = place.dataset.countRows.replace("%", count);
});

on("htmx:beforeRequest", ({ detail: { target } }) => {
  (target.closest("#results") ?? {}).ariaBusy = true;
});

on("htmx:afterRequest", () => {
  const results = byId("results") ?? { children: [] };
  // A look at all that is in it would take long.
  if (![byId("more"), ...results.children].some((part) => part?.matches("[data-pending]"))) results.ariaBusy = null;
});

/* And in the tab, the worst of what is shown: its title begins with how many failed, its icon has the colour of the state. */
const icon = one("link[rel=icon]");
const calm = icon.href;

always(() => {
  const at = byId("ticker");
  const states = rows().filter((row) => at && !row.matches(".left")).map(({ dataset }) => dataset.state);
  const failed = states.filter((state) => state === "Failed").length;
  const words = failed ? `(${at.dataset.failed.replace("%", failed)}) ` : "";
  if (at) document.title = words + document.title.replace(/^\([^)]*\) /, "");
  const kind = failed ? "bad" : states.includes("Pause") ? "warn" : /Running|Submitted/.test(states) ? "busy" : "";
  icon.href = icon.dataset[kind] ?? calm;
});
