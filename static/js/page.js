/* What the other modules share: how they find and listen, the rows of a list of jobs or buckets, and addresses as they are written. */
export { all, always, behind, byId, edges, focused, inView, isLost, later, linkOf, on, onAnswer, one, rewrite, ROW, rows, say, shown, stored, topRow };

const ROW = "tr[id^=job-]";
const list = () => one(".jobs,.lines");

const byId = (id) => document.getElementById(id);
const one = (selector) => document.querySelector(selector);
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const focused = () => document.activeElement;
/* Whether what had the focus is gone or hidden: else it stays where its reader may just have moved it. */
const isLost = () => focused().matches("body,[hidden] *");
const edges = (element) => element?.getBoundingClientRect() ?? {};
const linkOf = (row) => row?.querySelector("a");
/* Of a table or one of its pages. Its own list of rows is much quicker than a selector, which looks through all cells, too. */
const rows = (inside = list()) => [...(inside?.rows ?? [])].filter(({ id }) => id);
const shown = (inside) => rows(inside).filter(({ hidden }) => !hidden);
/* The next shown row, or the one before: of a thousand it looks at few. */
const behind = (row, step) => {
  const near = row.closest("table").rows;
  let at = row.rowIndex;
  do row = near[(at += step)];
  while (row && (row.hidden || !row.id));
  return row;
};

/* Once what has changed so far is on the screen. */
const later = (does) => requestAnimationFrame(() => setTimeout(does));

const on = (events, does, options) => {
  for (const event of events.split(" ")) document.addEventListener(event, does, options);
};

/* Once for each answer, when all of it is in place: htmx tells it of each of its parts. What rows.js puts in place is of none. */
const onAnswer = (does) => {
  let last;
  on("htmx:afterSettle", ({ detail }) => {
    if (detail.xhr && detail.xhr !== last) does(detail);
    last = detail.xhr ?? last;
  });
};
const always = (does) => {
  onAnswer(does);
  does({});
};

/* "" takes away what was said, so that it is said again when it is so again. */
const say = (text) => text != null && (byId("announce").textContent = text);

/* Whether its reader has left something on, on this device; where nothing may be kept, it lasts as long as the page. */
const stored = (name, isOn) => {
  try {
    if (isOn != null) localStorage[name] = isOn ? "on" : "off";
    return localStorage[name] !== "off";
  } catch {
    return isOn ?? true;
  }
};

/* The pages from the first one in view to an edge, and the first row that shows at least its half below the table's head. Rows out of
   view are not asked where they stand: the browser has not laid them out. */
const inView = (edge = Infinity) =>
  [...(list()?.tBodies ?? [])].filter((page) => {
    const { top, bottom } = edges(page);
    return bottom > 0 && top < edge;
  });
const topRow = () => {
  const head = Math.max(0, edges(one("thead th")).bottom);
  return inView().flatMap(shown).find((row) => {
    const { top, bottom } = edges(row);
    return top + bottom > 2 * head;
  });
};

/* A query without some parameters, and with some pairs, if there are any, at its end. URLSearchParams would percent-encode
   what addresses of lists leave readable. */
const rewrite = (query, without, ...pairs) => {
  const kept = query.slice(1).split("&").filter((pair) => !without.includes(pair.split("=")[0]));
  return [...kept, ...pairs].filter(Boolean).join("&");
};
