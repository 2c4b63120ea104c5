/* The text box of a list: selects the first wrong part of a text that was sent with the keyboard still in the box, and
   keeps what somebody is writing when an answer to something else would replace it. */
const box = () => document.getElementById("filter-q");

document.addEventListener("htmx:afterSettle", () => {
  const { start, end } = box()?.dataset ?? {};
  if (!start || document.activeElement !== box()) return;
  box().setSelectionRange(Number(start), Number(end));
  delete box().dataset.start;
});

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  if (target.contains(box()) && document.activeElement === box() && box().value !== box().defaultValue) event.preventDefault();
});
