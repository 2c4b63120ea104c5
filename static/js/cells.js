/* "Only this" and "hide" for a list's values, by one button and one menu for all rows. The button goes to the cell under the
   pointer, or to the focused row's name, where the menu holds all of the row. What is hidden this page alone knows. */
import { all, behind, byId, isLost, later, linkOf, on, one, rewrite, ROW, rows, say, shown, topRow } from "./page.js";

const [button, menu, note] = ["cell-button", "cell-menu", "hiding"].map(byId);
const hiding = new Set();

/* The values of each kind of cell: the query that asks for it alone, if the list can be asked, and its words. */
const ask = (parameter, value) => parameter && `${parameter}=${encodeURIComponent(value)}`;
const texts = (cell, selector, parameter) => all(selector, cell).map(({ textContent: text }) => [ask(parameter, text), text]);
const TOLD = {
  status: (cell, { dataset: { state, odd } }) => [[ask(!odd && "states", state), state && cell.querySelector(".state").textContent]],
  name: (cell) => texts(cell, "a bdi", "name"),
  what: (cell, { dataset: { type, odd } }) => [
    [ask(!odd && "type", type), type && cell.firstChild?.textContent],
    ...texts(cell, ":scope > span"),
    ...texts(cell, ":scope > code", "workflowId"),
  ],
  when: (cell) => {
    const day = cell.querySelector("time")?.textContent.slice(0, 10);
    return [[`startCreationTime=${day}&endCreationTime=${day}`, day]];
  },
  span: (cell) => texts(cell, ".t[title]").map(([, text]) => ["", `${cell.dataset.label} ${text}`]),
};
const values = (cell) =>
  TOLD[cell.className](cell, cell.parentElement)
    .filter(([, words]) => words)
    .map(([asks, words]) => [asks, words, `${cell.className} ${asks} ${words}`]);

/* What the menu of a cell tells. */
const inside = (cell) =>
  (cell.className === "name" ? [...new Set([cell, ...cell.parentElement.cells])] : [cell]).flatMap(values);

/* Only the cells in question are looked at: there may be a thousand rows. */
const apply = () => {
  const loaded = rows();
  const kinds = new Set([...hiding].map((key) => key.split(" ")[0]));
  const hides = (cell) => kinds.has(cell.className) && values(cell).some(([, , key]) => hiding.has(key));
  for (const row of loaded) row.hidden = [...row.cells].some(hides);
  for (const page of all("[data-rows]")) page.hidden = [...page.rows].every(({ hidden }) => hidden);
  const told = note.firstElementChild;
  const words = note.dataset.says.replace("{hidden}", loaded.length - shown().length).replace("{loaded}", loaded.length);
  note.hidden = !hiding.size;
  if (told.textContent !== words) say((told.textContent = words)); // a tick changes nothing of it
};
/* Not before menu or note are seen to be gone: a thousand rows take their time. Then the keyboard goes on. */
const change = (next) =>
  later(() => {
    apply();
    if (isLost()) next()?.focus();
  });

const hide = (key) => {
  // A tick may have put a new row in the place of the one under the menu.
  const { id } = button.closest(ROW);
  hiding.add(key);
  menu.hidePopover();
  change(() => linkOf(behind(byId(id), 1)) ?? one("#more a") ?? note.lastElementChild);
};

const add = (tag, words, label, more) =>
  menu.append(Object.assign(document.createElement(tag), { textContent: words.replace("{value}", () => label), ...more }));

const fill = () => {
  menu.replaceChildren();
  for (const [asks, words, key] of inside(button.parentElement)) {
    if (asks) {
      // What goes with the old question goes, too.
      const without = [..."nextToken after pin at depth job tab".split(" "), /^start/.test(asks) && "range", ...asks.match(/\w+(?==)/g)];
      add("a", menu.dataset.only, words, { href: `?${rewrite(location.search, without, asks)}` });
    }
    add("button", menu.dataset.hide, words, { onclick: () => hide(key) });
  }
  menu.firstElementChild.autofocus = true;
};

const show = (cell) => {
  if (!cell || menu.matches(":popover-open") || button.matches(":focus-visible") || cell.contains(button) || !inside(cell)[0]) return;
  cell.append(button);
  button.hidden = false;
};

on("pointerover focusin", ({ type, target }) => show(target.closest(`${ROW} > ${type === "focusin" ? ".name" : "td"}`)));
menu.onbeforetoggle = ({ newState }) => newState === "open" && fill();
note.lastElementChild.onclick = () => {
  hiding.clear();
  note.hidden = true;
  change(() => linkOf(topRow()));
};
on("htmx:afterRequest", () => hiding.size && apply());
