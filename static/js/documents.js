/* A whole document never lands inside a page. A redirect to another page (sign-in) reloads this one; a failing server or
   a broken line shows the notice that base.html keeps ready. */
const notice = document.getElementById("trouble");
const tell = () => notice && (notice.hidden = false);

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (!/^\s*<(!doctype|html)/i.test(xhr.responseText)) {
    if (notice) notice.hidden = true;
    return;
  }
  event.detail.shouldSwap = false;
  if (xhr.status < 400) location.reload();
  else tell();
});
document.addEventListener("htmx:sendError", tell);
document.addEventListener("htmx:timeout", tell);
