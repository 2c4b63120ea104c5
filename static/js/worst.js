/* The tab tells the worst of what is shown: its title begins with how many failed, its icon has the colour of the state. */
import { all, always, byId, one, ROW } from "./page.js";

const icon = one("link[rel=icon]");
const calm = icon.href;

always(() => {
  const at = byId("ticker");
  const count = (...states) => (at ? all(states.map((state) => `${ROW}[data-state=${state}]:not(.left)`)).length : 0);
  const failed = count("Failed");
  const words = failed ? `(${at.dataset.failed.replace("%", failed)}) ` : "";
  const title = words + document.title.replace(/^\([^)]*\) /, "");
  if (document.title !== title) document.title = title;
  const kind = failed ? "bad" : count("Pause") ? "warn" : count("Running", "Submitted") ? "busy" : "";
  icon.href = icon.dataset[kind] ?? calm;
});
