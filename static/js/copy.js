/* Copy buttons: <button data-copy="text" data-copied="Copied">, hidden until this runs. */
const show = (inside) => {
  for (const button of inside.querySelectorAll("button[data-copy][hidden]")) button.hidden = false;
};

const copy = async (text) => {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http and frames without permission have no clipboard object.
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("not copied");
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  try {
    await copy(button.dataset.copy);
  } catch {
    return;
  }
  button.focus();
  button.dataset.done = "";
  document.getElementById("announce").textContent = button.dataset.copied;
  setTimeout(() => delete button.dataset.done, 1500);
});

// htmx tells each new row of a swap: whoever looked through the whole page for each would take longer than the swap.
document.addEventListener("htmx:afterSwap", ({ target }) => show(target));
show(document);
