/* The row that an address names may be on a page that is still to come: then it is scrolled to once it is there, unless the
   reader has begun to move meanwhile. A row that is there at once is the browser's own business. */
let wanted = location.hash.startsWith("#job-") ? location.hash.slice(1) : "";
if (document.getElementById(wanted)) wanted = "";

document.addEventListener("htmx:afterSettle", () => {
  const row = wanted && document.getElementById(wanted);
  if (!row) return;
  wanted = "";
  row.scrollIntoView();
});

for (const moved of ["keydown", "pointerdown", "touchmove", "wheel"]) {
  addEventListener(moved, () => (wanted = ""), { once: true, passive: true });
}
