/* The range and its own start and end exclude each other: whoever sets one empties the other. It captures the event,
   because htmx collects the form's values as the event bubbles. */
import { on } from "./page.js";

on("change", ({ target }) => {
  const { range, startCreationTime: start, endCreationTime: end } = target.closest("[data-range]")?.elements ?? {};
  if (!range || !target.value) return;
  if (target === range) start.value = end.value = "";
  else if (target === start || target === end) range.value = "";
}, true);
