/* The links that change the language lead to where the reader is now: htmx may have changed the address since. */
function follow({ target }) {
  const link = target.closest?.("a[hreflang]");
  if (!link) return;
  const rest = location.search.slice(1).split("&").filter((part) => part && !part.startsWith("lang="));
  const language = new URLSearchParams(link.search).get("lang");
  link.setAttribute("href", `?${[...rest, `lang=${language}`].join("&")}`);
}

// Before a click, whichever button, and before the menu that copies a link.
for (const event of ["pointerdown", "focusin"]) document.addEventListener(event, follow);
