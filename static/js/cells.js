/* "Only this" and "hide" for a list's values, by one button and one menu for all rows. The button goes to the cell under the
   pointer, or to the focused row's name, where the menu holds all of the row. What is hidden this page alone knows. */
const [button, menu, note] = ["cell-button", "cell-menu", "hiding"].map((id) => document.getElementById(id));
const ROW = 'tr[id^="job-"]';
const hiding = new Set();

/* Each value: its cell, its parameter ("" where the list can't ask for it), its words, and itself. */
const values = (row) => {
  const all = (selector, ...where) => [...row.querySelectorAll(selector)].map(({ textContent: text }) => [...where, text, text]);
  const { state, type, odd } = row.dataset;
  return [
    ...all(".name a", "name", "name").filter(([, , text]) => text !== row.id.slice(4)),
    ["status", odd ? "" : "states", row.querySelector(".state").textContent, state],
    ["what", odd ? "" : "type", row.querySelector(".what").firstChild?.textContent, type],
    ...all(".what > span", "what", ""),
    ...all(".what > code", "what", "workflowId"),
  ].filter((one) => one[3]);
};

const apply = () => {
  const rows = [...document.querySelectorAll(ROW)];
  for (const row of rows) row.hidden = values(row).some((one) => hiding.has(`${one}`));
  const gone = rows.filter((row) => row.hidden).length;
  note.hidden = !hiding.size;
  note.firstElementChild.textContent = note.dataset.says.replace("{hidden}", gone).replace("{loaded}", rows.length);
  document.getElementById("announce").textContent = note.firstElementChild.textContent;
};

const hide = (row, one) => {
  hiding.add(`${one}`);
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
  menu.style.setProperty("--left", `${left}px`);
  menu.style.setProperty("--top", `${bottom}px`);
  menu.replaceChildren();
  for (const one of values(row).filter(([where]) => cell === "name" || cell === where)) {
    const query = new URLSearchParams(location.search);
    for (const place of ["nextToken", "after", "pin", "depth", "job", "tab"]) query.delete(place);
    query.set(one[1], one[3]);
    if (one[1]) add("a", menu.dataset.only, one[2], { href: `?${query}` });
    add("button", menu.dataset.hide, one[2], { onclick: () => hide(row, one) });
  }
  menu.firstElementChild.autofocus = true;
};

const show = (cell) => {
  if (!/^(status|name|what)$/.test(cell?.className) || menu.matches(":popover-open") || button.matches(":focus-visible")) return;
  if (cell.contains(button) || !values(cell.parentElement)[0]) return;
  cell.append(button);
  button.hidden = false;
};

if (menu?.showPopover) {
  document.addEventListener("pointerover", ({ target }) => show(target.closest(`${ROW} > td`)));
  document.addEventListener("focusin", ({ target }) => target.matches(`${ROW} .name a`) && show(target.closest("td")));
  menu.addEventListener("beforetoggle", ({ newState }) => newState === "open" && fill());
  note.lastElementChild.addEventListener("click", () => {
    hiding.clear();
    apply();
    document.querySelector(`${ROW} a`)?.focus();
  });
  document.addEventListener("htmx:afterRequest", () => hiding.size && apply());
}
