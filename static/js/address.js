/* What scrolling writes into the address, always in place of what stood there: how many pages the list shows, which the
   sentinel's answers say, and behind # the row at the top, so that the link opens there in other browsers, too. */
import { byId, firstRow, on, onAnswer, one, ROW } from "./page.js";

const here = () => location.pathname + location.search;

on("htmx:beforeHistoryUpdate", ({ detail: { history, requestConfig, target } }) => {
  if (history.type !== "replace" || target.id !== "more") return;
  // Where the address has changed since (a job was opened beside the list) it stays: the next answer writes it.
  const asked = new URL(requestConfig.headers["HX-Current-URL"]);
  if (asked.pathname + asked.search !== here()) history.path = here();
  history.path += location.hash;
});

on("scrollend", () => {
  // Without a pin the list is the newest one, which has no rows to come back to.
  if (!/[?&]pin=/.test(location.search)) return;
  const row = firstRow();
  if (!row) return;
  const hash = row === one(ROW) ? "" : `#${row.id}`;
  if (hash !== location.hash) history.replaceState(history.state, "", here() + hash);
});

/* The row that an address names may be on a page that is still to come: then it is scrolled to once it is there, unless the
   reader has begun to move meanwhile. A row that is there at once is the browser's own business. */
let wanted = location.hash.slice(1);
if (byId(wanted)) wanted = "";

onAnswer(() => {
  const row = byId(wanted);
  if (!row) return;
  wanted = "";
  row.scrollIntoView();
});
on("keydown pointerdown touchmove wheel", () => (wanted = ""), { passive: true });
