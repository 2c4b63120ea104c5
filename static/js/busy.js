/* Says to screen readers that the list is not whole: aria-busy from when a part of it is asked for until it is there. */
import { byId, on } from "./page.js";

on("htmx:beforeRequest", ({ detail: { target } }) => {
  target.closest("#results")?.setAttribute("aria-busy", "true");
});

on("htmx:afterRequest", () => {
  const results = byId("results");
  if (!results?.querySelector("[data-pending]")) results?.removeAttribute("aria-busy");
});
