/* What scrolling writes into the address, always in place of what stood there: how many pages the list shows, which the
   sentinel's answers say, and behind # the row at the top, so that the link opens there in other browsers, too. */
const here = () => location.pathname + location.search;

document.addEventListener("htmx:beforeHistoryUpdate", ({ detail: { history, requestConfig, target } }) => {
  if (history.type !== "replace" || target.id !== "more") return;
  // Where the address has changed since (a job was opened beside the list) it stays: the next answer writes it.
  const asked = new URL(requestConfig.headers["HX-Current-URL"]);
  if (asked.pathname + asked.search !== here()) history.path = here();
  history.path += location.hash;
});

document.addEventListener("scrollend", () => {
  // Without a pin the list is the newest one, which has no rows to come back to.
  if (!new URLSearchParams(location.search).has("pin")) return;
  const head = document.querySelector(".jobs thead th")?.getBoundingClientRect().bottom ?? 0;
  const rows = [...document.querySelectorAll('tr[id^="job-"]')];
  const top = rows.findIndex((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return (top + bottom) / 2 > Math.max(0, head);
  });
  if (top < 0) return;
  const hash = top ? `#${rows[top].id}` : "";
  if (hash !== location.hash) history.replaceState(history.state, "", here() + hash);
});
