/* What scrolling writes into the address, always in place of what stood there: how many pages the list shows, which the
   sentinel's answers say, and behind # the row at the top, so that the link opens there in other browsers, too. */
import { always, byId, later, on, one, ROW, topRow } from "./page.js";

const here = (address = location.href) => address.split("#")[0];

/* The row that an address names may be on a page that is still to come: then it is scrolled to once it is there, unless the
   reader has begun to move meanwhile. The state knows where it stood, after a reload or on the way back. The browser itself
   restores how far one had scrolled, which is wrong where it has guessed the heights of pages out of sight. */
let { at: wanted = location.hash.slice(1), top } = history.state ?? {};
history.scrollRestoration = wanted ? "manual" : "auto";

const place = () => {
  const row = byId(wanted);
  if (!row) return;
  if (top) scrollBy(0, row.getBoundingClientRect().top - top);
  else row.scrollIntoView();
  if (document.readyState === "complete") wanted = "";
};
always(place);
addEventListener("load", () => setTimeout(place)); // what is above has its height by then
on("keydown pointerdown wheel", () => (wanted = ""));

/* Writes a deeper address, if there is one, and the row at the top, at once: each time it is written costs as much as a row. */
let deeper;
const keep = () => {
  const address = deeper ?? here();
  // Without a pin the list is the newest one, which has no rows to come back to.
  const row = !wanted && /\bpin=/.test(address) && topRow();
  const hash = !row ? location.hash : row === one(ROW) ? "" : `#${row.id}`;
  const place = row && { at: row.id, top: row.getBoundingClientRect().top };
  if (row || deeper) history.replaceState({ ...history.state, ...place }, "", address + hash);
  deeper = null;
};
on("scrollend", () => later(keep));
on("htmx:beforeSwap", ({ detail: { requestConfig, xhr } }) => {
  const told = xhr.getResponseHeader("Batchlens-Address");
  // Where the address has changed since (a job was opened beside the list) it stays: the next answer writes it.
  if (!told || here(requestConfig.headers["HX-Current-URL"]) !== here()) return;
  deeper = told;
  later(keep);
});
/* Who asks for the next page, or opens a job, names the address as it then is. */
on("htmx:confirm", () => deeper && keep());
