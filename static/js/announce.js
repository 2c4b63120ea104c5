/* Says in the one polite live region, once, what a swap has brought: the new element's data-announce. Counts the rows for it,
   and wherever data-count-rows asks for that. */
import { all, byId, onAnswer, ROW, say } from "./page.js";

onAnswer(({ target }) => {
  const count = all(ROW).length.toLocaleString(document.documentElement.lang);
  const said = byId(target.id)?.dataset.announce?.replace("%", count);
  if (said && byId("announce").textContent !== said) say(said);
  for (const place of all("[data-count-rows]")) place.textContent = place.dataset.countRows.replace("%", count);
});
