/* Tells in a time's title how long ago it was, as soon as somebody points at it: rows are rendered once for many minutes. */
import { on } from "./page.js";

const UNITS = Object.entries({ day: 86400, hour: 3600, minute: 60, second: 1 });
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang);

on("pointerover", ({ target }) => {
  const time = target.closest("time[title]");
  if (!time) return;
  const seconds = Math.round((Date.parse(time.dateTime) - Date.now()) / 1000);
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS[3];
  time.title = `${(time.dataset.title ??= time.title)}\n${relative.format(Math.trunc(seconds / length), unit)}`;
});
