/* Puts a page of rows in place as it came. htmx itself looks for an old element of the name of each new one, to carry over what
   only a transition needs: for fifty rows that takes longer than all the rest. */
htmx.defineExtension("rows", {
  handleSwap: (style, target, fragment, settling) => {
    if (style !== "rows") return false;
    settling.elts = [...fragment.children];
    target.replaceWith(...settling.elts);
    return settling.elts.filter(({ id }) => id);
  },
});
