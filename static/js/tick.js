/* Asks tick by tick what has become of the rows in view, but only while somebody may be looking: not in a hidden tab, not
   while text is selected, not after half an hour without a touch (unless the link itself says how often), and less often
   while answers fail or are slow. htmx puts the answer's parts in place. Between answers, the list's age grows. */
import { all, always, byId, edges, focused, inView, on, one, ROW, rows, stored } from "./page.js";

const SLOWEST = 300_000;
const IDLE = 1_800_000;
const { now } = Date;

let failures = 0, latency = 0;
let touched = now(), asked = touched;
let received, source, seen, held;
let off = stored("live") === "off";

const ticker = () => byId("ticker");
const box = () => byId("ticking");
const isOpen = (row) => row.matches(".left") || !/^(Success|Failed|Cancel)$/.test(row.dataset.state);

/* All open rows of the pages in view, so that everybody who looks at these pages asks the same; of too many, the most that one
   address can name, around those in view. And the one in the drawer, which is in view there. */
const openRows = () => {
  const open = inView(innerHeight).flatMap(rows).filter(isOpen);
  const most = ticker().dataset.most ?? 100;
  const at = open.length > most && open.findIndex((row) => edges(row).bottom > 0);
  return [...new Set([...all(".open").filter(isOpen), ...open.slice(at - (at % (most / 2)))])].slice(0, most);
};

const told = (row) => {
  const created = Date.parse(row.querySelector(".when time")?.dateTime) / 1000;
  const left = row.matches(".left") ? ["left"] : [];
  return [row.id.slice(4), row.dataset.state, created || "", ...left].map(encodeURIComponent).join(":");
};

const grow = (every) => {
  const at = byId("as-of");
  if (at !== seen) {
    seen = at;
    received = now();
  }
  const passed = (now() - received) / 1000;
  const age = +at?.dataset.age + passed;
  if (!age || passed < 1) return;
  const unit = [3600, 60, 1].find((length) => age >= length);
  one("[data-told]").textContent = at.dataset[unit].replace("%(count)d", Math.ceil(age / unit));
  if (passed > 3 * every) at.classList.add("old");
};

const tick = () => {
  if (document.hidden) return;
  const at = ticker();
  const { asleep, every, kept, paused, tick: path } = at?.dataset ?? {};
  grow(every ?? 15);
  if (!at) return;
  const isIdle = kept !== "" && now() - touched > IDLE;
  const { checked } = box();
  const why = !checked ? "" : isIdle ? asleep : getSelection().isCollapsed ? "" : paused;
  const interval = Math.min(SLOWEST, Math.max(every * 1000 * 2 ** failures, 4 * latency));
  one("[data-note]").textContent = why;
  at.firstElementChild.style.setProperty("--due", (now() - asked) / interval);
  if (why || !checked || now() - asked < interval) return;
  asked = now();
  source = at;
  htmx.ajax("GET", `${path}&rows=${openRows().map(told).join().replaceAll("%", "%25")}`, { source, swap: "none" });
};

on("htmx:afterRequest", ({ detail }) => {
  if (detail.elt !== ticker()) return;
  latency = Math.min(now() - asked, 10_000); // more, and the machine slept meanwhile
  failures = detail.successful && !one("#as-of [data-problem]") ? 0 : failures + 1;
});
/* What another list was asked says nothing of this one. While somebody selects, rows stay until the next tick; one that is
   replaced keeps the focus. */
on("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  const isOurs = source === ticker() && getSelection().isCollapsed;
  if (!isOurs && target.matches(`#as-of, #newer, ${ROW}`)) event.preventDefault();
  held = target.contains(focused()) && target.id;
});
on("htmx:oobAfterSwap", () => byId(held)?.querySelector("a, button")?.focus({ preventScroll: true }));
on("visibilitychange", tick);
on("pointermove pointerdown keydown wheel", () => (touched = now()));
on("change", ({ target }) => {
  if (target !== box()) return;
  off = !target.checked;
  stored("live", off ? "off" : "on");
});
setInterval(tick, 1000);
always(() => {
  if (ticker() && !("kept" in ticker().dataset)) box().checked = !off;
});
