/* A sentinel's answer writes into the address how many pages the list shows. Where the address has changed since it was
   asked for (a job was opened beside the list), it stays: the next answer writes it. */
document.addEventListener("htmx:beforeHistoryUpdate", ({ detail: { history, requestConfig } }) => {
  if (history.type !== "replace" || requestConfig.headers["HX-Current-URL"] === location.href) return;
  history.path = location.pathname + location.search + location.hash;
});
