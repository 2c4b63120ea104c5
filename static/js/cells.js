/* "Only this" and "hide" for the values of a list, by one button and one menu for all rows: the button goes to the cell under
   the pointer, or to the name of the row with the focus, where the menu holds the whole row's values. What is hidden this
   page alone knows: it hides what is loaded, now and later, and says how much. */
const [button, menu, note] = ["cell-button", "cell-menu", "hiding"].map((id) => document.getElementById(id));
const ROW = 'tr[id^="job-"]';
const hiding = new Map();

/* Each value: its cell, its parameter ("" where the list can't ask for it), what people call it, and the value itself. */
const values = (row) => {
  const texts = (selector) => [...row.querySelectorAll(selector)].map((one) => one.textContent);
  const { state, type, odd } = row.dataset;
  const asked = (name) => (odd === undefined ? name : "");
  const [name] = texts(".name a");
  return [
    ["name", "name", name, name === row.id.slice(4) ? "" : name],
    ["status", asked("states"), ...texts(".state"), state],
    ["what", asked("type"), row.querySelector(".what").firstChild?.textContent, type],
    ...texts(".what > span").map((tag) => ["what", "", tag, tag]),
    ...texts(".what > code").map((id) => ["what", "workflowId", id, id]),
  ].filter((one) => one[3]);
};

const apply = () => {
  const rows = [...document.querySelectorAll(ROW)];
  for (const row of rows) row.hidden = values(row).some((one) => hiding.has(`${one}`));
  const gone = rows.filter((row) => row.hidden).length;
  note.hidden = !hiding.size;
  note.children[0].textContent = note.dataset.says.replace("{hidden}", gone).replace("{loaded}", rows.length);
  note.children[1].textContent = [...hiding.values()].join(", ");
};

const hide = (row, one) => {
  hiding.set(`${one}`, one[2]);
  menu.hidePopover();
  apply();
  while (row?.hidden) row = row.nextElementSibling;
  (row ?? note).querySelector("a, button").focus();
  document.getElementById("announce").textContent = note.children[0].textContent;
};

const add = (tag, words, label) => {
  const item = document.createElement(tag);
  item.textContent = words.replace("{value}", () => label);
  menu.append(item);
  return item;
};

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
    if (one[1]) add("a", menu.dataset.only, one[2]).href = `${location.pathname}?${query}`;
    add("button", menu.dataset.hide, one[2]).onclick = () => hide(row, one);
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
  // Escape closes the menu, and not the drawer beneath it as well.
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.hidePopover();
    event.preventDefault();
  });
  note.lastElementChild.addEventListener("click", () => {
    hiding.clear();
    apply();
    document.querySelector(`${ROW} a`)?.focus();
  });
  document.addEventListener("htmx:afterSwap", () => hiding.size && apply());
}
