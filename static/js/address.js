/* What scrolling writes into the address, always in place of what stood there: how many pages the list shows, which the
   sentinel's answers say, and behind # the row at the top, so that the link opens there in other browsers, too. */
import { always, byId, edges, later, on, one, ROW, topRow } from "./page.js";

const here = (address = location.href) => address.split("#")[0];

/* The row that an address names may be on a page that is still to come: then it is scrolled to once it is there, unless the
   reader has begun to move meanwhile. The state knows where it stood, after a reload or on the way back. The browser itself
   restores how far one had scrolled, which is wrong where it has guessed the heights of pages out of sight. */
let { at: wanted = location.hash.slice(1), top } = history.state ?? {};
history.scrollRestoration = wanted ? "manual" : "auto";

const place = () => {
  const row = byId(wanted);
  if (!row) return;
  if (top) scrollBy(0, edges(row).top - top);
  else row.scrollIntoView();
  if (document.readyState === "complete") wanted = "";
};
always(place);
addEventListener("load", () => setTimeout(place)); // what is above has its height by then
on("keydown pointerdown wheel", () => (wanted = ""));

const keep = () => {
  // Without a pin the list is the newest one, which has no rows to come back to.
  const row = !wanted && /\bpin=/.test(location.search) && topRow();
  if (!row) return;
  history.replaceState({ ...history.state, at: row.id, top: edges(row).top }, "", row === one(ROW) ? here() : `${here()}#${row.id}`);
};
on("scrollend", () => later(keep));

/* Right behind the task that puts the rows in place, for it takes as long as a few of them. Where the address has changed since
   the page was asked for (a job was opened beside the list) it stays: the next answer writes it. */
let write;
on("htmx:beforeSwap", ({ detail: { requestConfig, xhr } }) => {
  const deeper = xhr.getResponseHeader("Batchlens-Address");
  if (!deeper) return;
  write = () => {
    write = 0;
    if (here(requestConfig.headers["HX-Current-URL"]) === here()) history.replaceState(history.state, "", deeper + location.hash);
  };
  setTimeout(write);
  later(keep);
});
on("htmx:confirm", () => write && write()); // who asks for the next page names the address as it then is
