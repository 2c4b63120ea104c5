/* Asks tick by tick what has become of the rows in view, but only while somebody may be looking: not in a hidden tab, not
   while text is selected, not after half an hour without a touch (unless the link itself says how often), and less often
   while answers fail or are slow. htmx puts the answer's parts in place. */
const FINAL = ["Success", "Failed", "Cancel"];
const MOST_ROWS = 60;
const SLOWEST = 300_000;
const IDLE = 30 * 60_000;

let failures = 0;
let latency = 0;
let touched = Date.now();
let asked = Date.now();
let held = "";

const ticker = () => document.getElementById("ticker");
const box = () => document.getElementById("ticking");
const isIdle = (at) => !("kept" in at.dataset) && Date.now() - touched > IDLE;
const interval = (at) => Math.min(SLOWEST, Math.max(at.dataset.every * 1000 * 2 ** failures, 4 * latency));

/* All open rows of the pages in view, so that everybody who looks at these pages asks the same. */
const openRows = () => {
  const found = [];
  let page = [];
  let seen = false;
  const turn = () => {
    if (seen) found.push(...page);
    [page, seen] = [[], false];
  };
  for (const row of document.querySelectorAll('tr[id^="job-"]')) {
    if ("first" in row.dataset) turn();
    if (FINAL.includes(row.dataset.state) && !row.classList.contains("left")) continue;
    const { top, bottom } = row.getBoundingClientRect();
    seen ||= bottom > 0 && top < innerHeight;
    page.push(row);
  }
  turn();
  return found.slice(0, MOST_ROWS);
};

const told = (row) => {
  const created = Date.parse(row.querySelector(".when time")?.dateTime) / 1000;
  const parts = [row.id.slice(4), row.dataset.state, Number.isNaN(created) ? "" : String(created)];
  return [...parts, ...(row.classList.contains("left") ? ["left"] : [])].map(encodeURIComponent).join(":");
};

const tick = () => {
  const at = ticker();
  if (!at || !box().checked || document.hidden || !getSelection().isCollapsed) return;
  at.querySelector("[data-idle]").hidden = !isIdle(at);
  if (isIdle(at) || Date.now() - asked < interval(at)) return;
  asked = Date.now();
  const rows = encodeURIComponent(openRows().map(told).join(","));
  htmx.ajax("GET", `${at.dataset.tick}&rows=${rows}`, { source: at, swap: "none" });
};

const start = () => {
  const at = ticker();
  if (at) at.hidden = false;
};

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.elt !== ticker()) return;
  latency = Math.min(Date.now() - asked, 10_000); // more, and the machine slept meanwhile
  failures = detail.successful ? 0 : failures + 1;
});
/* A row that is replaced keeps the focus. */
document.addEventListener("htmx:oobBeforeSwap", ({ detail: { target } }) => {
  held = target.contains(document.activeElement) ? target.id : "";
});
document.addEventListener("htmx:oobAfterSwap", () => {
  if (held) document.getElementById(held)?.querySelector("a, button")?.focus({ preventScroll: true });
  held = "";
});
document.addEventListener("htmx:afterSettle", start);
document.addEventListener("visibilitychange", tick);
for (const kind of ["pointermove", "pointerdown", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, () => (touched = Date.now()), { passive: true });
}
setInterval(tick, 1000);
start();
