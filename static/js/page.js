/* What the other modules share: how they find and listen, the rows of a list, and addresses as they are written. */
export const ROW = 'tr[id^="job-"]';

export const byId = (id) => document.getElementById(id);
export const one = (selector) => document.querySelector(selector);
export const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
export const focused = () => document.activeElement;
export const shown = (inside) => all(`${ROW}:not([hidden])`, inside);

export const on = (events, does, options) => {
  for (const event of events.split(" ")) document.addEventListener(event, does, options);
};

/* Once for each answer, when all of it is in place: htmx tells it of each of its parts. */
export const onAnswer = (does) => {
  let last;
  on("htmx:afterSettle", ({ detail }) => {
    if (detail.xhr !== last) does(detail);
    last = detail.xhr;
  });
};
export const always = (does) => {
  onAnswer(does);
  does({});
};

export const say = (text) => {
  byId("announce").textContent = text;
};

/* What this device remembers of its reader's comfort, "" where it may not: then it lasts as long as the page. */
export const stored = (name, value) => {
  try {
    if (value) localStorage.setItem(name, value);
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
};

/* The pages in view, and the first row that shows at least its half below the table's head. Rows out of view are not asked
   where they stand: the browser has not laid them out. */
export const inView = () =>
  all(".jobs tbody").filter((page) => {
    const { top, bottom } = page.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  });
export const firstRow = () => {
  const head = Math.max(0, one(".jobs th")?.getBoundingClientRect().bottom);
  const stands = ({ top, bottom }) => top + bottom > 2 * head;
  return inView().flatMap((page) => shown(page)).find((row) => stands(row.getBoundingClientRect()));
};

/* A query without some parameters, and with some pairs, if there are any, at its end. URLSearchParams would percent-encode
   what addresses of lists leave readable. */
export const rewrite = (query, without, ...pairs) => {
  const kept = query.slice(1).split("&").filter((pair) => !without.includes(pair.split("=")[0]));
  return [...kept, ...pairs].filter(Boolean).join("&");
};
