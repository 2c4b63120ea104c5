/* What an answer means to people who don't look at the list. To screen readers: in the one polite live
   region, once, what a swap has brought: the new element's data-announce, with the number of rows, which is counted wherever
   data-count-rows asks for it, too. To the keyboard: it stays where the reader is when a swap takes away what had the focus: on
   the first new row, or on the sentence that says what the list now shows. And that the list is not whole: aria-busy from when a
   part of it is asked for until it is there. */
import { all, always, byId, focused, isLost, later, linkOf, on, onAnswer, one, rows, say } from "./page.js";

let held, page;

on("htmx:beforeSwap", ({ detail: { target } }) => {
  held = target.contains(focused()) && target.id;
  page = target.previousElementSibling;
});

onAnswer(({ target }) => {
  const count = rows().length.toLocaleString(document.documentElement.lang);
  const said = byId(target.id)?.dataset.announce?.replace("%", count);
  if (byId("announce").textContent !== said) say(said);
  for (const place of all("[data-count-rows]")) place.textContent = place.dataset.countRows.replace("%", count);
  if (!held) return;
  const isMore = held === "more";
  const next = isMore ? linkOf(page?.nextElementSibling) ?? one("#more a") : byId("summary");
  // Once the browser has laid out what came: asked before, it would do so now and again.
  later(() => isLost() && next?.focus({ preventScroll: !isMore }));
});

on("htmx:beforeRequest", ({ detail: { target } }) => {
  (target.closest("#results") ?? {}).ariaBusy = true;
});

on("htmx:afterRequest", () => {
  const results = byId("results");
  // A look at all that is in it would take long.
  if (results && ![byId("more"), ...results.children].some((part) => part?.matches("[data-pending]"))) results.ariaBusy = null;
});

/* And in the tab, the worst of what is shown: its title begins with how many failed, its icon has the colour of the state. */
const icon = one("link[rel=icon]");
const calm = icon.href;

always(() => {
  const at = one("[data-failed]");
  const states = rows(at).map((row) => !row.matches(".left") && row.dataset.state);
  const failed = states.filter((state) => state === "Failed").length;
  const words = failed ? `(${at.dataset.failed.replace("%", failed)}) ` : "";
  if (at) document.title = words + document.title.replace(/^\([^)]*\) /, "");
  const kind = failed ? "bad" : /Pause/.test(states) ? "warn" : /Running|Submitted/.test(states) ? "busy" : "";
  icon.href = icon.dataset[kind] ?? calm;
});
