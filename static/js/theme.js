/* The reader's own choice of theme, on this device alone. No module: it is read before the first paint. */
{
  const { dataset } = document.documentElement;
  const wear = (theme) => {
    // A frame without storage follows the system, and a choice lasts as long as the page.
    try {
      if (theme == null) theme = localStorage.theme;
      else localStorage.theme = theme;
    } catch {}
    dataset.theme = theme ?? "";
  };
  wear();
  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    if (!choice) return;
    choice.value = dataset.theme;
    choice.onchange = () => wear(choice.value);
  });
}
