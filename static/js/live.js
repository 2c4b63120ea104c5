/* [data-live] asks anew every five seconds while the page is seen, nothing is being selected, and the box is ticked. */
import { byId, on, one } from "./page.js";

const box = byId("live");
const ask = () => {
  if (!box?.checked || document.hidden || !getSelection().isCollapsed) return;
  one("[data-live]")?.dispatchEvent(new Event("live"));
};

if (box) box.closest("[hidden]").hidden = false;
setInterval(ask, 5000);
on("visibilitychange", ask);
