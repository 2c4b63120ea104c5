/* The reader's own choice of theme, on this device alone. No module: it is read before the first paint. */
(() => {
  const root = document.documentElement;
  const wear = (theme) => (theme ? (root.dataset.theme = theme) : delete root.dataset.theme);
  let chosen = "";
  try {
    chosen = localStorage.getItem("theme") ?? "";
  } catch {
    // A frame without storage follows the system.
  }
  wear(chosen);
  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    if (!choice) return;
    choice.value = chosen;
    choice.closest("[hidden]").hidden = false;
    choice.addEventListener("change", () => {
      wear(choice.value);
      try {
        localStorage.setItem("theme", choice.value);
      } catch {
        // It lasts as long as the page.
      }
    });
  });
})();
