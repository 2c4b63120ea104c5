/* Says to screen readers that the list is not whole: aria-busy from when a part of it is asked for until it is there. */
document.addEventListener("htmx:beforeRequest", ({ detail: { target } }) => {
  target.closest("#results")?.setAttribute("aria-busy", "true");
});

document.addEventListener("htmx:afterRequest", () => {
  const results = document.getElementById("results");
  if (results && !results.querySelector("[data-pending]")) results.removeAttribute("aria-busy");
});
