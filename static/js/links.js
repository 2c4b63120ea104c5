/* The links that change language or zone lead to where the reader is now: htmx and scrolling may have changed the address since.
   It is done before a click, whichever button, and before the menu that copies a link. The zone switch offers the browser's own
   zone and the names of all, too. */
import { always, on, one, rewrite } from "./page.js";

const own = Intl.DateTimeFormat().resolvedOptions().timeZone;

const address = (element, zone) => {
  const url = new URL(element.closest("[data-keeps-place]") ? location : element.href);
  url.search = rewrite(url.search, ["tz"], `tz=${encodeURIComponent(zone).replaceAll("%2F", "/")}`);
  return url.href;
};

always(() => {
  const link = one('#zones [data-zone=""]');
  if (!link || one(`#zones [data-zone="${own}"]`)) return;
  link.dataset.zone = link.textContent = own;
  link.closest("li").hidden = false;
});

on("pointerover pointerdown focusin", ({ target }) => {
  const language = target.closest("a[hreflang]");
  if (language) language.search = rewrite(location.search, ["lang"], ...language.search.match(/lang=[^&]*/));
  const link = target.closest("#zones [data-zone]");
  if (link?.dataset.zone) link.href = address(link, link.dataset.zone);
  if (target.id !== "other-zone" || target.list.options[0]) return;
  for (const zone of Intl.supportedValuesOf("timeZone")) target.list.append(new Option(zone));
});
on("submit", (event) => {
  const form = event.target;
  if (!form.closest("#zones[data-keeps-place]")) return;
  event.preventDefault();
  location = address(form, form.tz.value.trim());
});
