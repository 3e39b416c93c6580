/** After a refused form the summary of problems gets the focus, on a fresh page and after a swap alike. */

/** @param {ParentNode} root */
function focusSummary(root) {
  const summary = root.querySelector("[data-focus]");
  if (summary instanceof HTMLElement) summary.focus();
}

export function focusOnProblems() {
  focusSummary(document);
  document.addEventListener("htmx:after:swap", (event) => {
    const swapped = /** @type {CustomEvent} */ (event).detail?.ctx?.target;
    focusSummary(swapped instanceof Element ? swapped : document);
  });
}
