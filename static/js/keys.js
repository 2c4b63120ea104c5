/* Keys for people who browse all day: j and k walk over the rows, ? tells all of them, and what has data-key is clicked,
   or focused where it is a field. Never while somebody types or composes, never with Ctrl, Alt or Cmd; the help's box turns
   them off on this device. */
const help = document.getElementById("keys");
const on = document.getElementById("keys-on");
const isTyping = (target) => target.closest("input:not([type='checkbox']), select, textarea, [contenteditable]");

const walk = (step) => {
  const rows = [...document.querySelectorAll('tr[id^="job-"]')].filter((row) => row.getClientRects().length);
  const at = rows.indexOf(document.activeElement.closest?.('tr[id^="job-"]'));
  const top = rows.findIndex((row) => row.getBoundingClientRect().top >= 0);
  const next = rows[at < 0 ? top : at + step];
  next?.querySelector("a")?.focus();
  next?.scrollIntoView({ block: "nearest" });
};

const press = (key) => {
  const found = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!found?.getClientRects().length) return false;
  if (found.matches("input:not([type='checkbox']), select, summary")) found.focus();
  else found.click();
  return true;
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (isTyping(event.target) || !help || help.open) return;
  if (event.key === "?") help.showModal();
  else if (!on.checked) return;
  else if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
  else if (!press(event.key)) return;
  event.preventDefault();
});

try {
  if (on) on.checked = localStorage.getItem("keys") !== "off";
  on?.addEventListener("change", () => localStorage.setItem("keys", on.checked ? "on" : "off"));
} catch {
  // Without storage it lasts as long as the page.
}
