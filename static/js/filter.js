/* The text box of a list: selects the first wrong part of a text that was sent with the keyboard still in the box, and
   keeps what somebody is writing when an answer to something else would replace it. */
import { byId, focused, on, onAnswer } from "./page.js";

const box = () => byId("filter-q");

onAnswer(() => {
  const field = focused();
  const { start, end } = field.dataset;
  if (!start || field !== box()) return;
  field.setSelectionRange(start, end);
  delete field.dataset.start;
});

on("htmx:oobBeforeSwap", (event) => {
  const field = focused();
  if (field === box() && event.detail.target.contains(field) && field.value !== field.defaultValue) event.preventDefault();
});

/* The range and its own start and end exclude each other: whoever sets one empties the other. It captures the event,
   because htmx collects the form's values as the event bubbles. */
on("change", ({ target }) => {
  const { range, startCreationTime: start, endCreationTime: end } = target.closest("[data-range]")?.elements ?? {};
  if (!range || !target.value) return;
  if (target === range) start.value = end.value = "";
  else if (target === start || target === end) range.value = "";
}, true);
