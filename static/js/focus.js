/* Keeps the keyboard where the reader is when a swap takes away what had the focus: on the first new row, or on the
   sentence that says what the list now shows. */
let before = null;

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  const held = target.contains(document.activeElement);
  before = held ? { id: target.id, row: target.previousElementSibling } : null;
});

document.addEventListener("htmx:afterSettle", () => {
  if (!before || document.activeElement !== document.body) return;
  const summary = document.getElementById("summary");
  const next = before.id === "more" ? before.row?.nextElementSibling?.querySelector("a") ?? document.querySelector("#more a") : summary;
  next?.focus({ preventScroll: before.id !== "more" });
  before = null;
});
