/* "Only this" and "hide" for a list's values, by one button and one menu for all rows. The button goes to the cell under the
   pointer, or to the focused row's name, where the menu holds all of the row. What is hidden this page alone knows. */
import { all, byId, on, one, rewrite, ROW, say, shown } from "./page.js";

const [button, menu, note] = ["cell-button", "cell-menu", "hiding"].map(byId);
const hiding = new Set();

/* Each value: its cell, its parameter ("" where the list can't ask for it), its words, and itself. */
const values = (row) => {
  const texts = (selector, ...where) => all(selector, row).map(({ textContent: text }) => [...where, text, text]);
  const { state, type, odd } = row.dataset;
  return [
    ...texts(".name a", "name", "name").filter(([, , text]) => text !== row.id.slice(4)),
    ["status", odd ? "" : "states", row.querySelector(".state").textContent, state],
    ["what", odd ? "" : "type", row.querySelector(".what").firstChild?.textContent, type],
    ...texts(".what > span", "what", ""),
    ...texts(".what > code", "what", "workflowId"),
  ].filter((value) => value[3]);
};

const apply = () => {
  const rows = all(ROW);
  for (const row of rows) row.hidden = hiding.size && values(row).some((value) => hiding.has(`${value}`));
  const words = note.firstElementChild;
  note.hidden = !hiding.size;
  words.textContent = note.dataset.says.replace("{hidden}", rows.length - shown().length).replace("{loaded}", rows.length);
  say(words.textContent);
};

const hide = (row, value) => {
  hiding.add(`${value}`);
  menu.hidePopover();
  apply();
  while (row?.hidden) row = row.nextElementSibling;
  (row ?? note).querySelector("a, button").focus();
};

const add = (tag, words, label, more) =>
  menu.append(Object.assign(document.createElement(tag), { textContent: words.replace("{value}", () => label), ...more }));

const fill = () => {
  const [row, cell] = [button.closest(ROW), button.parentElement.className];
  const { left, bottom } = button.getBoundingClientRect();
  menu.style.cssText = `--left: ${left}px; --top: ${bottom}px`;
  menu.replaceChildren();
  for (const each of values(row).filter(([where]) => cell === "name" || cell === where)) {
    const [, parameter, label, value] = each;
    const without = ["nextToken", "after", "pin", "depth", "job", "tab", parameter];
    const query = rewrite(location.search, without, `${parameter}=${encodeURIComponent(value)}`);
    if (parameter) add("a", menu.dataset.only, label, { href: `?${query}` });
    add("button", menu.dataset.hide, label, { onclick: () => hide(row, each) });
  }
  menu.firstElementChild.autofocus = true;
};

const show = (cell) => {
  if (!/^(status|name|what)$/.test(cell?.className) || menu.matches(":popover-open") || button.matches(":focus-visible")) return;
  if (cell.contains(button) || !values(cell.parentElement)[0]) return;
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
