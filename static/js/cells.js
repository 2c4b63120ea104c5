/* "Only this" and "hide" for a list's values, by one button and one menu for all rows. The button goes to the cell under the
   pointer, or to the focused row's name, where the menu holds all of the row. What is hidden this page alone knows. */
import { all, byId, on, one, rewrite, ROW, say, shown } from "./page.js";

const [button, menu, note] = ["cell-button", "cell-menu", "hiding"].map(byId);
const hiding = new Set();
/* What goes with the old question. */
const PLACE = ["nextToken", "after", "pin", "depth", "job", "tab"];

/* Each value: its cell, the query that asks for it alone ("" where the list can't be asked), its words, and what it hides. */
const values = (row) => {
  const [status, name, what, when, waited, ran] = row.cells;
  const { state, type, odd } = row.dataset;
  const ask = (parameter, value) => parameter && `${parameter}=${encodeURIComponent(value)}`;
  const texts = (cell, selector, parameter) =>
    all(selector, cell).map(({ textContent: text }) => [cell, ask(parameter, text), text, text]);
  const day = when.querySelector("time")?.textContent.slice(0, 10);
  const spans = (cell) => texts(cell, ".t[title]", "").map(([, , text]) => [cell, "", `${cell.dataset.label} ${text}`, text]);
  return [
    ...texts(name, "a", "name").filter(([, , text]) => text !== row.id.slice(4)),
    [status, odd ? "" : ask("states", state), status.querySelector(".state").textContent, state],
    [what, odd ? "" : ask("type", type), what.firstChild?.textContent, type],
    ...texts(what, ":scope > span", ""),
    ...texts(what, ":scope > code", "workflowId"),
    [when, `startCreationTime=${day}&endCreationTime=${day}`, day, day],
    ...spans(waited),
    ...spans(ran),
  ].filter((value) => value[3]).map((value) => [...value, `${value.slice(1)}`]);
};

/* What the menu of a cell tells. */
const inside = (cell) => values(cell.parentElement).filter(([of]) => cell.className === "name" || cell === of);

const apply = () => {
  const rows = all(ROW);
  for (const row of rows) row.hidden = hiding.size && values(row).some(([, , , , key]) => hiding.has(key));
  const words = note.firstElementChild;
  note.hidden = !hiding.size;
  const told = note.dataset.says.replace("{hidden}", rows.length - shown().length).replace("{loaded}", rows.length);
  if (words.textContent !== told) say((words.textContent = told)); // a tick changes nothing of it
};

const hide = (row, key) => {
  hiding.add(key);
  menu.hidePopover();
  apply();
  const rows = all(ROW);
  const next = rows.slice(rows.indexOf(row)).find(({ hidden }) => !hidden)?.querySelector("a");
  (next ?? one("#more a") ?? note.querySelector("button")).focus();
};

const add = (tag, words, label, more) =>
  menu.append(Object.assign(document.createElement(tag), { textContent: words.replace("{value}", () => label), ...more }));

const fill = () => {
  const [row, cell] = [button.closest(ROW), button.parentElement];
  const { left, bottom } = button.getBoundingClientRect();
  menu.style.setProperty("--left", `${left}px`);
  menu.style.setProperty("--top", `${bottom}px`);
  menu.replaceChildren();
  for (const [of, ask, label, , key] of inside(cell)) {
    const without = [...PLACE, of.className === "when" && "range", ...(ask.match(/\w+(?==)/g) ?? [])];
    if (ask) add("a", menu.dataset.only, label, { href: `?${rewrite(location.search, without, ask)}` });
    add("button", menu.dataset.hide, label, { onclick: () => hide(row, key) });
  }
  menu.firstElementChild.autofocus = true;
};

const show = (cell) => {
  if (!cell || menu.matches(":popover-open") || button.matches(":focus-visible")) return;
  if (cell.contains(button) || !inside(cell)[0]) return;
  cell.append(button);
  button.hidden = false;
};

if (menu.showPopover) {
  on("pointerover", ({ target }) => show(target.closest(`${ROW} > td`)));
  on("focusin", ({ target }) => target.matches(`${ROW} .name a`) && show(target.closest("td")));
  menu.addEventListener("beforetoggle", ({ newState }) => newState === "open" && fill());
  note.lastElementChild.addEventListener("click", () => {
    hiding.clear();
    apply();
    one(`${ROW} a`)?.focus();
  });
  on("htmx:afterRequest", () => hiding.size && apply());
}
