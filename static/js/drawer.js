/* The drawer beside a list follows the address: `job` and `tab`, last in the list's query. Rows are kept for every reader and
   hold no such links, so they are made here from the address that stands there. Opening pushes one entry, all else replaces
   it; entries with our mark are followed without a reload. */
const drawer = document.getElementById("drawer");
const LINK = 'tr[id^="job-"] .name a';
let mark = performance.timeOrigin;
let [pushed, wanted, shown, list] = [false, false, "", ""];

const read = () => ["job", "tab"].map((name) => new URLSearchParams(location.search).get(name) ?? "");
const address = (query, job, tab) => {
  const pairs = query.slice(1).split("&").filter((pair) => pair && !/^(job|tab)=/.test(pair));
  if (job) pairs.push(`job=${encodeURIComponent(job)}`);
  if (job && tab && tab !== "operation") pairs.push(`tab=${tab}`);
  return location.pathname + "?".repeat(Boolean(pairs[0])) + pairs.join("&");
};
const here = (job, tab) => address(location.search, job, tab);
const title = () => document.getElementById("drawer-title");
const replace = (path) => history.replaceState({ mark }, "", path);

const arrange = () => {
  const [job, tab] = read();
  const links = [...document.querySelectorAll(LINK)].filter((link) => !link.closest("[hidden]"));
  const at = links.findIndex((link) => link.closest("tr").id === `job-${job}`);
  list = location.search;
  document.querySelector("tr[aria-current]")?.removeAttribute("aria-current");
  links[at]?.closest("tr").setAttribute("aria-current", "true");
  for (const [id, step] of [["drawer-previous", -1], ["drawer-next", 1]]) {
    const [link, near] = [document.getElementById(id), at < 0 ? null : links[at + step]];
    if (link) link.hidden = !near;
    if (near) link.href = here(near.closest("tr").id.slice(4), tab);
  }
};

const close = () => {
  if (!drawer.open) return;
  const held = document.activeElement === document.body || drawer.contains(document.activeElement);
  const back = document.querySelector("tr[aria-current] .name a") ?? document.getElementById("summary");
  drawer.open = false;
  drawer.replaceChildren();
  shown = "";
  arrange();
  if (held) back.focus();
};

const follow = () => {
  const [job, tab] = read();
  if (!job) return close();
  drawer.open = true;
  if (shown === `${job} ${tab}`) return;
  wanted = !shown.startsWith(`${job} `);
  shown = `${job} ${tab}`;
  htmx.ajax("GET", here(job, tab), { source: drawer, target: drawer });
};

const go = (job, tab) => {
  if (read()[0]) replace(here(job, tab));
  else {
    replace(here());
    history.pushState({ mark }, "", here(job, tab));
    pushed = true;
  }
  follow();
};

const dismiss = () => {
  if (pushed) return history.back();
  replace(here());
  close();
};

if (drawer) {
  shown = read().join(" ");
  arrange();
  title()?.focus({ preventScroll: true });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const query = new URL(link.href).searchParams;
    if (link.matches(LINK)) go(link.closest("tr").id.slice(4), read()[1]);
    else if (link.id === "drawer-close") dismiss();
    else if (link.matches("#drawer :is([data-tab], [rel=prev], [rel=next])")) go(query.get("job"), query.get("tab"));
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || !drawer.open) return;
    if (!event.target.matches("input, select, textarea")) dismiss();
  });
  addEventListener("popstate", ({ state }) => {
    if (!state || state.htmx) return;
    if (state.mark !== mark) return location.reload();
    pushed = Boolean(read()[0]);
    replace(address(list, ...read())); // the list may have come further since that entry was written
    follow();
  });

  // What comes for a job that isn't looked at any more is dropped.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const asked = new URLSearchParams(detail.pathInfo.requestPath.split("?")[1]).get("job");
    if (detail.target === drawer && asked !== read()[0]) detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterSettle", ({ detail: { target } }) => {
    arrange();
    if (target !== drawer || !wanted) return;
    wanted = false;
    if (!drawer.contains(document.activeElement)) title()?.focus();
  });
  // A new question closes the drawer.
  document.addEventListener("htmx:pushedIntoHistory", () => {
    mark += 1;
    pushed = false;
    follow();
  });
}
