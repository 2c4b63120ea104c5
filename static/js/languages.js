/* The links that change the language lead to where the reader is now: htmx may have changed the address since. It is done
   before a click, whichever button, and before the menu that copies a link. */
import { on, rewrite } from "./page.js";

on("pointerdown focusin", ({ target }) => {
  const link = target.closest?.("a[hreflang]");
  if (link) link.search = rewrite(location.search, ["lang"], ...link.search.match(/lang=[^&]*/));
});
