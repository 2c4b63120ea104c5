/* The drawer beside a list follows the address: `job` and `tab`, last in its query. Rows are kept for every reader, so its
   links are made here. Opening pushes one entry, all else replaces it; Back and Forward between ours reload nothing. */
const drawer = document.getElementById("drawer");
let mark = performance.timeOrigin;
let pushed, shown, list, held;

const read = () => ["job", "tab"].map((name) => new URLSearchParams(location.search).get(name) ?? "");
const here = (job, tab, query = location.search) => {
  const pairs = query.slice(1).split("&").filter((pair) => pair && !/^(job|tab)=/.test(pair));
  if (job) pairs.push(`job=${encodeURIComponent(job)}`);
  if (tab) pairs.push(`tab=${tab}`);
  return (pairs[0] ? `?${pairs.join("&")}` : location.pathname) + location.hash;
};
const replace = (address) => history.replaceState({ mark }, "", address);
const title = () => document.getElementById("drawer-title");
const idOf = (link) => link.closest("tr").id.slice(4);

const arrange = () => {
  const [job, tab] = read();
  const links = [...document.querySelectorAll('tr[id^="job-"]:not([hidden]) .name a')];
  const at = links.findIndex((link) => idOf(link) === job);
  list = location.search;
  document.querySelector(".name [aria-current]")?.removeAttribute("aria-current");
  links[at]?.setAttribute("aria-current", "true");
  for (const [id, near] of [["drawer-previous", links[at - 1]], ["drawer-next", at + 1 && links[at + 1]]]) {
    const link = document.getElementById(id);
    if (link) link.hidden = !near;
    if (near) link.href = here(idOf(near), tab);
  }
};

const close = () => {
  const inside = drawer.contains(document.activeElement);
  const row = document.querySelector(".name [aria-current]") ?? document.getElementById("summary");
  drawer.open = false;
  drawer.replaceChildren();
  shown = [];
  arrange();
  if (inside) row.focus();
};

const follow = () => {
  const [job, tab] = read();
  if (!job) return drawer.open && close();
  drawer.open = true;
  if (shown[0] === job && shown[1] === tab) return;
  shown = [job, tab];
  held = document.activeElement.id;
  if (!drawer.contains(document.activeElement)) drawer.focus();
  htmx.ajax("GET", here(job, tab), { source: drawer, target: drawer });
};

const go = (job, tab) => {
  pushed ||= !read()[0];
  if (read()[0]) replace(here(job, tab));
  else {
    replace(here());
    history.pushState({ mark }, "", here(job, tab));
  }
  follow();
};

const dismiss = () => {
  if (pushed) return history.back();
  replace(here());
  close();
};

if (drawer) {
  shown = read();
  arrange();
  title()?.focus({ preventScroll: true });

  document.addEventListener("click", (event) => {
    const link = event.target.closest('tr[id^="job-"] .name a, #drawer-close, #drawer :is([data-tab], [rel=prev], [rel=next])');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const query = new URL(link.href).searchParams;
    if (link.id === "drawer-close") dismiss();
    else if (drawer.contains(link)) go(query.get("job"), query.get("tab"));
    else go(idOf(link), read()[1]);
  });
  document.addEventListener("keydown", ({ key, isComposing, target }) => {
    if (key === "Escape" && drawer.open && !isComposing && !target.closest("input, select, [popover], dialog:not(#drawer)")) dismiss();
  });
  addEventListener("popstate", ({ state }) => {
    if (!state || state.htmx) return;
    if (state.mark !== mark) return location.reload();
    pushed = Boolean(read()[0]);
    replace(here(...read(), list)); // the list may have come further since that entry was written
    follow();
  });
  // Once for each answer, when it is in place: afterSettle comes for each of its rows.
  document.addEventListener("htmx:afterRequest", ({ detail: { target } }) => {
    arrange();
    if (target !== drawer || ![drawer, document.body].includes(document.activeElement)) return;
    (drawer.querySelector(`[id="${held}"]:not([hidden])`) ?? title())?.focus();
  });
  // A new question closes the drawer.
  document.addEventListener("htmx:pushedIntoHistory", () => {
    mark += 1;
    pushed = false;
    follow();
  });
}
