/** What carries `data-focus` gets it, on a fresh page and after a swap alike: the summary of problems, a field edited in place. */

/** @param {ParentNode} root */
function focusSummary(root) {
  const summary = root.querySelector("[data-focus]");
  if (summary instanceof HTMLElement) summary.focus();
}

export function focusOnProblems() {
  focusSummary(document);
  document.addEventListener("htmx:after:swap", (event) => {
    const swapped = /** @type {CustomEvent} */ (event).detail?.ctx?.target;
    if (!(swapped instanceof Element)) focusSummary(document);
    // What was replaced as a whole is gone; what stands in its place has its id.
    else focusSummary(swapped.isConnected ? swapped : (document.getElementById(swapped.id) ?? document));
  });
}
