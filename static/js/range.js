/* The range and its own start and end exclude each other: whoever sets one empties the other. It captures the event,
   because htmx collects the form's values as the event bubbles. */
const exclude = ({ target }) => {
  const form = target.closest?.("form[data-range]");
  if (!form || !target.value) return;
  const { range, startCreationTime: start, endCreationTime: end } = form.elements;
  if (target === range) start.value = end.value = "";
  else if (target === start || target === end) range.value = "";
};

document.addEventListener("change", exclude, true);
