/* What scrolling writes into the address, always in place of what stood there: how many pages the list shows, which the
   sentinel's answers say, and behind # the row at the top, so that the link opens there in other browsers, too. */
import { always, byId, firstRow, on, one, ROW } from "./page.js";

const here = () => location.pathname + location.search;

on("htmx:beforeHistoryUpdate", ({ detail: { history, requestConfig, target } }) => {
  if (history.type !== "replace" || target.id !== "more") return;
  // Where the address has changed since (a job was opened beside the list) it stays: the next answer writes it.
  const asked = new URL(requestConfig.headers["HX-Current-URL"]);
  if (asked.pathname + asked.search !== here()) history.path = here();
  history.path += location.hash;
});

/* The state knows exactly where that row stood, which the browser can't restore: of pages out of sight it guesses the height. */
on("scrollend htmx:replacedInHistory", () => {
  // Without a pin the list is the newest one, which has no rows to come back to.
  const row = /[?&]pin=/.test(location.search) && firstRow();
  if (!row) return;
  const hash = row === one(ROW) ? "" : `#${row.id}`;
  history.scrollRestoration = "manual";
  history.replaceState({ ...history.state, at: row.id, top: row.getBoundingClientRect().top }, "", here() + hash);
});

/* The row that an address names may be on a page that is still to come: then it is scrolled to once it is there, unless the
   reader has begun to move meanwhile. */
let { at: wanted = location.hash.slice(1), top } = history.state ?? {};
always(() => {
  const row = byId(wanted);
  if (!row) return;
  wanted = "";
  if (top) scrollBy(0, row.getBoundingClientRect().top - top);
  else row.scrollIntoView();
});
on("keydown pointerdown touchmove wheel", () => (wanted = ""));
