/* Copy buttons: <button data-copy="text" data-copied="Copied">. */
import { isLost, on, say } from "./page.js";

const copy = async (text) => {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http and frames without permission have no clipboard object.
  const field = Object.assign(document.createElement("textarea"), { value: text, className: "visually-hidden" });
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw 0; // caught below
};

on("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  try {
    await copy(button.dataset.copy);
  } catch {
    return; // It was no such button, or the browser forbids it.
  }
  if (isLost()) button.focus();
  button.dataset.done = "";
  say(button.dataset.copied);
  setTimeout(() => delete button.dataset.done, 1500);
});
