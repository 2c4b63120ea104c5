/* A whole document never lands inside a page. A redirect to another page (sign-in) reloads this one; a failing server or
   a broken line shows the notice that base.html keeps ready. The console holds what is wrong: the browser itself says there which
   requests failed, and one that a newer one replaced has not. */
import { byId, on } from "./page.js";

const notice = byId("trouble");
const tell = () => (notice.hidden = false);

on("htmx:beforeSwap", ({ detail }) => {
  notice.hidden = true;
  if (!/^\s*<(!d|html)/i.test(detail.xhr.responseText)) return;
  detail.shouldSwap = false;
  if (detail.xhr.status < 400) location.reload();
  else tell();
});
on("htmx:sendError htmx:timeout", tell);
htmx.logger = (element, event, detail) => {
  if (/Request|send|resp/.test(event)) delete detail.error;
};
