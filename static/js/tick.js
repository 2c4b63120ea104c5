/* Asks tick by tick what has become of the rows in view, but only while somebody may be looking: not in a hidden tab, not
   while text is selected, not after half an hour without a touch (unless the link itself says how often), and less often
   while answers fail or are slow. htmx puts the answer's parts in place. */
import { all, always, byId, firstWhere, focused, on, ROW, shown } from "./page.js";

const MOST_ROWS = 60;
const SLOWEST = 300_000;
const IDLE = 30 * 60_000;

let failures = 0;
let latency = 0;
let touched = Date.now();
let asked = touched;
let held;

const ticker = () => byId("ticker");
const isOpen = ({ classList, dataset }) => classList.contains("left") || !/^(Success|Failed|Cancel)$/.test(dataset.state);

/* All open rows of the pages in view, so that everybody who looks at these pages asks the same. */
const openRows = () => {
  const seen = shown();
  const [first, last] = [0, innerHeight].map((edge) => seen[firstWhere(seen, ({ bottom }) => bottom > edge)]?.parentElement);
  const pages = [...(first?.parentElement.tBodies ?? [])];
  const end = last ? pages.indexOf(last) + 1 : pages.length;
  return pages.slice(pages.indexOf(first), end).flatMap((page) => all(ROW, page)).filter(isOpen).slice(0, MOST_ROWS);
};

const told = (row) => {
  const created = Date.parse(row.querySelector(".when time")?.dateTime) / 1000;
  const parts = [row.id.slice(4), row.dataset.state, created || ""];
  if (row.classList.contains("left")) parts.push("left");
  return parts.map(encodeURIComponent).join(":");
};

const tick = () => {
  const at = ticker();
  if (!at || !byId("ticking").checked || document.hidden || !getSelection().isCollapsed) return;
  const isIdle = !("kept" in at.dataset) && Date.now() - touched > IDLE;
  const interval = Math.min(SLOWEST, Math.max(at.dataset.every * 1000 * 2 ** failures, 4 * latency));
  at.querySelector("[data-idle]").hidden = !isIdle;
  if (isIdle || Date.now() - asked < interval) return;
  asked = Date.now();
  const rows = encodeURIComponent(openRows().map(told).join(","));
  htmx.ajax("GET", `${at.dataset.tick}&rows=${rows}`, { source: at, swap: "none" });
};

on("htmx:afterRequest", ({ detail }) => {
  if (detail.elt !== ticker()) return;
  latency = Math.min(Date.now() - asked, 10_000); // more, and the machine slept meanwhile
  failures = detail.successful ? 0 : failures + 1;
});
/* A row that is replaced keeps the focus. */
on("htmx:oobBeforeSwap", ({ detail: { target } }) => {
  held = target.contains(focused()) && target.id;
});
on("htmx:oobAfterSwap", () => {
  if (held) byId(held)?.querySelector("a, button")?.focus({ preventScroll: true });
  held = "";
});
on("visibilitychange", tick);
on("pointermove pointerdown keydown wheel touchstart", () => (touched = Date.now()), { passive: true });
setInterval(tick, 1000);
always(() => {
  if (ticker()) ticker().hidden = false;
});
