/** When no answer comes, say what happened, what is safe and what to do. */

import { showToast } from "./toasts.js";

export function reportLostRequests() {
  document.addEventListener("htmx:error", (event) => {
    const context = /** @type {CustomEvent} */ (event).detail?.ctx;
    if (context?.response) return;
    showToast("No answer came back. What you typed is still here. Check the connection and try again.", { kind: "problem" });
  });
}
