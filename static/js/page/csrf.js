/** The token that proves a request came from a page of ours. */

/** @returns {string} */
export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}

/** Gives every request that htmx sends the token, whichever element started it. */
export function sendTokenWithHtmx() {
  document.addEventListener("htmx:config:request", (event) => {
    const context = /** @type {CustomEvent} */ (event).detail?.ctx;
    if (context?.request?.headers) context.request.headers["X-CSRFToken"] = csrfToken();
  });
}
