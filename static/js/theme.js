/* The reader's own choice of theme, on this device alone. No module: it is read before the first paint. */
{
  const root = document.documentElement;
  const wear = (theme) => (theme ? (root.dataset.theme = theme) : delete root.dataset.theme);
  // A frame without storage follows the system, and a choice lasts as long as the page.
  const kept = (theme) => {
    try {
      if (theme !== undefined) localStorage.setItem("theme", theme);
      return localStorage.getItem("theme") ?? "";
    } catch {
      return theme ?? "";
    }
  };
  const chosen = kept();
  wear(chosen);
  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    if (!choice) return;
    choice.value = chosen;
    choice.onchange = () => wear(kept(choice.value));
  });
}
