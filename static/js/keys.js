/* Keys for people who browse all day: j and k walk over the rows, ? tells all of them, and what has data-key is clicked,
   or focused where it is a field. Never while somebody types or composes, never with Ctrl, Alt or Cmd; the help's box, to which
   a button leads, too, turns all of them off on this device. */
import { behind, byId, focused, linkOf, on, one, stored, topRow } from "./page.js";

const help = byId("keys");
const box = byId("keys-on");
const STEPS = { j: 1, k: -1 };
const FIELDS = "input:not([type=checkbox]),select";

const walk = (step) => {
  const row = focused().closest("tr[id]");
  const next = row ? behind(row, step) : topRow();
  linkOf(next)?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
};

on("keydown", (event) => {
  const { key } = event;
  if (!box.checked || event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey || help.open || event.target.closest(`${FIELDS},textarea`)) return;
  const found = one(`[data-key="${CSS.escape(key)}"]`);
  (found?.closest("details") ?? {}).open = true; // the form's, on a phone
  if (STEPS[key]) walk(STEPS[key]);
  else if (found?.checkVisibility()) found[found.matches(FIELDS) ? "focus" : "click"]();
  else return;
  event.preventDefault();
});

byId("keys-open").onclick = () => help.showModal();
box.checked = stored("keys");
box.onchange = () => stored("keys", box.checked);
