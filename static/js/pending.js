/* A pending page reloads itself by its Refresh header, for people without JavaScript. Here htmx asks instead, so the
   reload is called off. window.stop() also ends running requests: until it has been called, they wait. */
import { on, one } from "./page.js";

if (one('[hx-trigger^="load delay"]')) {
  let stopped = false;
  const loaded = new Promise((resolve) => addEventListener("load", resolve)).then(() => {
    stop();
    stopped = true;
  });
  on("htmx:confirm", (event) => {
    if (stopped) return;
    event.preventDefault();
    loaded.then(() => event.detail.issueRequest(true));
  });
}
