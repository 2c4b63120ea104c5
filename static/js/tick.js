/* Asks tick by tick what has become of the rows in view, but only while somebody may be looking: not in a hidden tab, not
   while text is selected, not after half an hour without a touch (unless the link itself says how often), and less often
   while answers fail or are slow. htmx puts the answer's parts in place. Between answers, the list's age grows. */
import { all, always, byId, edges, focused, inView, on, one, ROW, rows, say, stored } from "./page.js";

const SLOWEST = 300_000;
const IDLE = 1_800_000;
const { now } = Date;

let failures, latency, told;
let touched = now(), asked = touched;
let source, held, isFar;
let isOn = stored("live");

const ticker = () => byId("ticker");
const isSelecting = () => !getSelection().isCollapsed;
const box = () => byId("ticking");
const isOpen = ({ dataset: { state } }) => !/^(Success|Failed|Cancel)$/.test(state);

/* All open rows of the pages in view, so that everybody who looks at these pages asks the same; of too many, the most that one
   address can name, around those in view. Where the one in the drawer is none of them, it has every other tick to itself: one
   list can't reach from here to there. */
const openRows = () => {
  const open = inView(innerHeight).flatMap(rows).filter(isOpen);
  const most = ticker().dataset.most ?? 100;
  const at = open.length > most && open.findIndex((row) => edges(row).bottom > 0);
  const near = open.splice(at - (at % (most / 2)), most);
  const drawn = one(`${ROW}.open`);
  isFar = !isFar && drawn && isOpen(drawn) && !near.includes(drawn);
  return isFar ? [drawn] : near;
};

const named = (row) => {
  const created = Date.parse(row.querySelector(".when time")?.dateTime) / 1000;
  return [row.id.slice(4), row.dataset.state, created || "", row.matches(".left") ? "left" : ""].map(encodeURIComponent).join(":");
};

const grow = (every) => {
  const at = byId("as-of") ?? {};
  at.since ??= now(); // another answer is another element
  const passed = (now() - at.since) / 1000;
  const age = +at.dataset?.age + passed;
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
  // How another list did says nothing of this one.
  at.known ??= [failures, latency, told] = [0, 0, []];
  const isIdle = kept !== "" && now() - touched > IDLE;
  const { checked } = box();
  const why = !checked ? "" : isIdle ? asleep : isSelecting() ? paused : "";
  const interval = Math.min(SLOWEST, Math.max(every * 1000 * 2 ** failures, 4 * latency));
  one("[data-note]").textContent = why;
  at.firstElementChild.style.setProperty("--due", (now() - asked) / interval);
  if (why || !checked || now() - asked < interval) return;
  asked = now();
  source = at;
  htmx.ajax("GET", `${path}&rows=${openRows().map(named).join().replaceAll("%", "%25")}`, { source, swap: "none" });
};

on("htmx:afterRequest", ({ detail }) => {
  if (detail.elt !== ticker()) return;
  latency = Math.min(now() - asked, 10_000); // more, and the machine slept meanwhile
  failures = detail.successful && !one("#as-of [data-problem]") ? 0 : failures + 1;
  const news = all("#newer a,.left-note,#not-newer > *").map((part) => part.textContent);
  say(news.filter((words) => !told.includes(words)).join() || null);
  told = news;
});
/* What another list was asked says nothing of this one. While somebody selects, rows stay until the next tick; one that is
   replaced keeps the focus. */
on("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  const isOurs = source === ticker() && !isSelecting();
  if (!isOurs && target.matches(`#as-of,#newer,#not-newer,${ROW}`)) event.preventDefault();
  held = target.contains(focused()) && target.id;
});
on("htmx:oobAfterSwap", () => byId(held)?.querySelector("a, button")?.focus({ preventScroll: true }));
on("pointermove pointerdown keydown wheel", () => (touched = now()));
on("change", ({ target }) => {
  if (target === box()) isOn = stored("live", target.checked);
});
setInterval(tick, 1000);
always(() => {
  if (box() && ticker().dataset.kept == null) box().checked = isOn;
});
