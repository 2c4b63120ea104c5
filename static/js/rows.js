/* Puts a page of rows in place as it came. htmx itself looks for an old element of the name of each new one, to carry over what
   only a transition needs: for fifty rows that takes longer than all the rest. What stands beside the rows, in templates, comes
   right behind them, in a task of its own, unless another list has come meanwhile. */
let beside;

htmx.defineExtension("rows", {
  transformResponse: (text) => ([, beside] = text.split(/(?=<template>)(.*)/s))[0],
  handleSwap: (_style, target, fragment, settling) => {
    const parts = beside;
    target.replaceWith(...(settling.elts = [...fragment.children]));
    if (parts) setTimeout(() => settling.elts[0].isConnected && htmx.swap("body", parts, { swapStyle: "none" }));
    return settling.elts.filter(({ id }) => id);
  },
});
