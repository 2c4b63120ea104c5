/* Says in the one polite live region, once, what a swap has brought: the new element's data-announce. Counts the rows for it,
   and wherever data-count-rows asks for that. */
const region = document.getElementById("announce");
let last = null;

document.addEventListener("htmx:afterSettle", ({ detail: { target, xhr } }) => {
  // htmx tells each new row of a swap.
  if (xhr === last) return;
  last = xhr;
  const count = document.querySelectorAll('tr[id^="job-"]').length.toLocaleString(document.documentElement.lang);
  const fresh = target?.id && document.getElementById(target.id);
  const said = fresh?.dataset.announce?.replace("%", count);
  if (region && said && region.textContent !== said) region.textContent = said;
  for (const place of document.querySelectorAll("[data-count-rows]")) {
    place.textContent = place.dataset.countRows.replace("%", count);
  }
});
