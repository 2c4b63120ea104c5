/* The zone switch: offers the browser's own zone and the names of all, and leads to the place that scrolling has written
   into the address since the switch was rendered. */
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;

const offer = () => {
  const link = document.querySelector('#zones a[data-zone=""]');
  if (!link || !own || document.querySelector(`#zones a[data-zone="${CSS.escape(own)}"]`)) return;
  link.dataset.zone = link.textContent = own;
  link.closest("li").hidden = false;
  aim({ target: link });
};

const address = (from, zone) => {
  const url = new URL(from, location.href);
  const kept = url.search.slice(1).split("&").filter((pair) => pair && !pair.startsWith("tz="));
  // URLSearchParams would percent-encode what addresses of lists leave readable.
  url.search = [...kept, `tz=${encodeURIComponent(zone).replaceAll("%2F", "/")}`].join("&");
  return url.href;
};

const keepsPlace = (element) => element.closest("[data-keeps-place]");

const aim = ({ target }) => {
  const link = target.closest?.("#zones a[data-zone]");
  if (link) link.href = address(keepsPlace(link) ? location.href : link.href, link.dataset.zone);
};

const names = ({ target }) => {
  const list = target.id === "other-zone" && target.list;
  if (!list || list.options.length) return;
  for (const zone of Intl.supportedValuesOf("timeZone")) list.append(new Option(zone, zone));
};

document.addEventListener("pointerover", aim);
document.addEventListener("focusin", aim);
document.addEventListener("focusin", names);
document.addEventListener("submit", (event) => {
  if (!event.target.closest("#zones[data-keeps-place]")) return;
  event.preventDefault();
  location.assign(address(location.href, event.target.elements.tz.value.trim()));
});
document.addEventListener("htmx:afterSettle", offer);
offer();
