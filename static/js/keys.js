/* Keys for people who browse all day: j and k walk over the rows, ? tells all of them, and what has data-key is clicked,
   or focused where it is a field. Never while somebody types or composes, never with Ctrl, Alt or Cmd; the help's box turns
   them off on this device. */
import { behind, byId, focused, linkOf, on, one, stored, topRow } from "./page.js";

const help = byId("keys");
const box = byId("keys-on");
const STEPS = { j: 1, k: -1 };
const FIELDS = "input:not([type=checkbox]), select";

const walk = (step) => {
  const row = focused().closest("tr[id]");
  const next = row ? behind(row, step) : topRow();
  linkOf(next)?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
};

const press = (key) => {
  const found = one(`[data-key="${CSS.escape(key)}"]`);
  if (!found?.checkVisibility()) return false;
  found[found.matches(FIELDS) ? "focus" : "click"]();
  return true;
};

on("keydown", (event) => {
  const { key, target } = event;
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey || help.open || target.closest(`${FIELDS}, textarea`)) return;
  if (key === "?") help.showModal();
  else if (!box.checked) return;
  else if (STEPS[key]) walk(STEPS[key]);
  else if (!press(key)) return;
  event.preventDefault();
});

box.checked = stored("keys") !== "off";
box.onchange = () => stored("keys", box.checked ? "on" : "off");
