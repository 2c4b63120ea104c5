/* Keeps the keyboard where the reader is when a swap takes away what had the focus: on the first new row, or on the
   sentence that says what the list now shows. */
import { byId, focused, later, linkOf, on, onAnswer, one } from "./page.js";

let held, page;

on("htmx:beforeSwap", ({ detail: { target } }) => {
  held = target.contains(focused()) && target.id;
  page = target.previousElementSibling;
});

onAnswer(() => {
  if (!held || focused() !== document.body) return;
  const isMore = held === "more";
  const next = isMore ? linkOf(page?.nextElementSibling) ?? one("#more a") : byId("summary");
  held = "";
  // Once the browser has laid out what came: asked before, it would do so now and again.
  later(() => next?.focus({ preventScroll: !isMore }));
});
