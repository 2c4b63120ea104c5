/* What asks again by itself does so only while the page is seen: what is pending waits until then; what asks every few seconds
   lets a turn pass, as it does while somebody selects, or has no tick in its box (#live). After half an hour without a touch that
   has none any more, unless the reader has ticked it.
   A pending page reloads itself by its Refresh header, for people without JavaScript. Here htmx asks instead, so the reload is
   called off. window.stop() also ends running requests: until it has been called, they wait. */
import { byId, on, one } from "./page.js";

const LATER = "[hx-trigger^=load]";
const box = byId("live");
let asked = 0;

const once = (event) => new Promise((resolve) => addEventListener(event, resolve, { once: true }));
let loading = one(LATER) && once("load").then(() => {
  stop();
  loading = null;
});

on("htmx:confirm", (event) => {
  const { elt, issueRequest } = event.detail;
  if (elt.matches("[hx-trigger^=every]")) {
    if (document.hidden || box?.checked === false || !getSelection().isCollapsed) event.preventDefault();
    else if (++asked > 360 && box) box.checked = !box.defaultChecked;
    return;
  }
  const unseen = document.hidden && elt.matches(LATER) && once("visibilitychange");
  if (!loading && !unseen) return;
  event.preventDefault();
  Promise.all([loading, unseen]).then(() => issueRequest(true));
});
on("pointermove keydown", () => (asked = 0));
if (box) box.onchange = () => (box.defaultChecked = false);
