/* Says in the one polite live region what a swap has brought, the new element's data-announce, and counts the rows
   wherever data-count-rows asks for it. */
const region = document.getElementById("announce");

document.addEventListener("htmx:afterSettle", (event) => {
  const id = event.detail.target?.id;
  const fresh = id && document.getElementById(id);
  const said = fresh?.dataset.announce;
  if (region && said && region.textContent !== said) region.textContent = said;
  for (const place of document.querySelectorAll("[data-count-rows]")) {
    const count = document.querySelectorAll('tr[id^="job-"]').length;
    place.textContent = place.dataset.countRows.replace("%", count.toLocaleString(document.documentElement.lang));
  }
});
