/* What the other modules share: how they find and listen, the rows of a list, and addresses as they are written. */
export const ROW = 'tr[id^="job-"]';

export const byId = (id) => document.getElementById(id);
export const one = (selector) => document.querySelector(selector);
export const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
export const focused = () => document.activeElement;
export const shown = () => all(`${ROW}:not([hidden])`);

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

/* Which of rows, from the top to the bottom, is the first one that stands so. Few are looked at: that is what takes time. */
export const firstWhere = (rows, stands) => {
  let [from, to] = [0, rows.length];
  while (from < to) {
    const at = (from + to) >> 1;
    if (stands(rows[at].getBoundingClientRect())) to = at;
    else from = at + 1;
  }
  return from;
};

/* A query without some parameters, and with some pairs, if there are any, at its end. URLSearchParams would percent-encode
   what addresses of lists leave readable. */
export const rewrite = (query, without, ...pairs) => {
  const kept = query.slice(1).split("&").filter((pair) => !without.includes(pair.split("=")[0]));
  return [...kept, ...pairs].filter(Boolean).join("&");
};
