/* The zone switch: offers the browser's own zone and the names of all, and leads to the place that scrolling has written
   into the address since the switch was rendered. */
import { always, on, one, rewrite } from "./page.js";

const own = Intl.DateTimeFormat().resolvedOptions().timeZone;

const address = (element, from, zone) => {
  const url = new URL(element.closest("[data-keeps-place]") ? location : from);
  url.search = rewrite(url.search, ["tz"], `tz=${encodeURIComponent(zone).replaceAll("%2F", "/")}`);
  return url.href;
};

always(() => {
  const link = one('#zones [data-zone=""]');
  if (!link || one(`#zones [data-zone="${own}"]`)) return;
  link.dataset.zone = link.textContent = own;
  link.closest("li").hidden = false;
});

on("pointerover focusin", ({ target }) => {
  const link = target.closest("#zones [data-zone]");
  if (link?.dataset.zone) link.href = address(link, link.href, link.dataset.zone);
  if (target.id !== "other-zone" || target.list.options[0]) return;
  for (const zone of Intl.supportedValuesOf("timeZone")) target.list.append(new Option(zone));
});
on("submit", (event) => {
  const form = event.target;
  if (!form.closest("#zones[data-keeps-place]")) return;
  event.preventDefault();
  location = address(form, "", form.tz.value.trim());
});
