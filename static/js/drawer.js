/* The drawer beside a list follows the address: `job` and `tab`, last in its query. Rows are kept for every reader, so its
   links are made here. Opening pushes one entry, all else replaces it; Back and Forward between ours reload nothing. */
import { behind, byId, focused, isLost, later, linkOf, on, onAnswer, rewrite, ROW } from "./page.js";

const drawer = byId("drawer");
let own = Date.now();
let pushed, shown, list, held, isSame;
/* The row, because to look for it among a thousand takes long. */
let marked;

const NAMES = ["job", "tab"];
const read = (query = location.search) => NAMES.map((name) => new URLSearchParams(query).get(name) ?? "");
const here = (job, tab, query = location.search) => {
  const asked = rewrite(query, NAMES, job && `job=${encodeURIComponent(job)}`, tab && `tab=${tab}`);
  return (asked ? `?${asked}` : location.pathname) + location.hash;
};
// With its mark htmx would take the entry for its own.
const replace = (address) => history.replaceState({ ...history.state, htmx: 0, mark: own }, "", address);
const title = () => byId("drawer-title");
const hasFocus = () => drawer.contains(focused());

const open = (isOpen) => {
  drawer.open = isOpen;
  later(() => document.body.classList.toggle("beside", drawer.open));
};

const mark = (current) => {
  if (!marked) return;
  marked.classList.toggle("open", current);
  linkOf(marked).ariaCurrent = current;
};

/* Shows which row is open, and leads to those around it that are shown. */
const arrange = () => {
  const [job, tab] = read();
  const row = byId(`job-${job}`);
  list = location.search;
  mark(null);
  marked = row;
  mark(true);
  for (const [id, step] of [["previous", -1], ["next", 1]]) {
    const link = byId(`drawer-${id}`) ?? {}; // not there before the job is
    const next = row && behind(row, step)?.id.slice(4);
    link.hidden = !next;
    if (next) link.href = here(next, tab);
  }
};

const close = () => {
  // Not the row that is marked as open: a tick may just have put a new one in its place.
  const back = hasFocus() && (linkOf(byId(`job-${shown[0]}`)) ?? byId("summary"));
  open(false);
  drawer.replaceChildren();
  shown = [];
  arrange();
  // Only now: on a phone the list is not there while the drawer is.
  if (back) back.focus();
};

const ask = (again) => {
  shown = read();
  isSame = again;
  held = hasFocus() && focused().id;
  arrange();
  htmx.ajax("GET", here(...shown), { source: drawer, target: drawer });
};

const follow = () => {
  if (!read()[0]) return drawer.open && close();
  open(true);
  if (`${shown}` === `${read()}`) return;
  if (!hasFocus()) drawer.focus();
  ask();
};

const go = (job, tab) => {
  if (read()[0]) replace(here(job, tab));
  else {
    pushed = true;
    replace(here());
    history.pushState(history.state, "", here(job, tab));
  }
  follow();
};

const dismiss = () => {
  if (pushed) return (pushed = false), history.back();
  replace(here());
  close();
};

on("click", (event) => {
  const link = event.target.closest(`${ROW} .name a,#drawer-close,#drawer :is([data-tab],[rel=prev],[rel=next])`);
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const row = link.closest(ROW);
  const [job, tab] = row ? [row.id.slice(4), read()[1]] : read(link.search);
  // Once the click itself is seen: beside a thousand rows all else takes its time.
  later(link.id === "drawer-close" ? dismiss : () => go(job, tab));
});
on("keydown", ({ key, isComposing, target }) => {
  if (key === "Escape" && drawer.open && !isComposing && !target.closest("input,select,[popover],dialog:not(#drawer)")) dismiss();
});
addEventListener("popstate", ({ state }) => {
  if (!state || state.htmx) return;
  if (state.mark !== own) return location.reload();
  pushed = !!read()[0];
  replace(here(...read(), list)); // the list may have come further since that entry was written
  follow();
});
onAnswer(({ target }) => {
  // A tick has replaced the open job's row: what the drawer says of it is out of date.
  if (drawer.open && !marked?.isConnected && byId(`job-${shown[0]}`)) ask(true);
  arrange();
  // Of the same job the reader has read on: they stay where they are, and one who reads the list stays there.
  if (target === drawer && held !== false && (isLost() || focused() === drawer))
    (drawer.querySelector(`[id="${held}"]:not([hidden])`) ?? title())?.focus({ preventScroll: isSame });
});
// A new question closes the drawer.
on("htmx:pushedIntoHistory", () => {
  own += 1;
  pushed = false;
  follow();
});

shown = read();
arrange();
title()?.focus({ preventScroll: true });
