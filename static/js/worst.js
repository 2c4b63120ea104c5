/* The tab tells the worst of what is shown: its title begins with how many failed, its icon has the colour of the state. */
const icon = document.querySelector('link[rel="icon"]');
const calm = icon?.href;

const tell = () => {
  const at = document.getElementById("ticker");
  const has = (state) => document.querySelectorAll(`tr[id^="job-"][data-state="${state}"]:not(.left)`).length;
  const failed = at ? has("Failed") : 0;
  const words = failed ? `(${at.dataset.failed.replace("%", failed)}) ` : "";
  const plain = document.title.replace(/^\([^)]*\) /, "");
  if (document.title !== words + plain) document.title = words + plain;
  const kind = failed ? "bad" : at && has("Pause") ? "warn" : at && (has("Running") || has("Submitted")) ? "busy" : "";
  if (icon) icon.href = (kind && icon.dataset[kind]) || calm;
};

document.addEventListener("htmx:afterSettle", tell);
document.addEventListener("htmx:oobAfterSwap", tell);
tell();
