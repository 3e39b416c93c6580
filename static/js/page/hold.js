/**
 * A tap that changes what others see waits a few seconds before it is sent, so that a slip costs nothing: the form carries
 * `data-hold="5"` and the words of the message in `data-hold-text`. Leaving the page sends at once; without script the
 * form is sent at once, too.
 */

import { showToast } from "./toasts.js";

/** @type {{form: HTMLFormElement, timer: number} | null} */
let waiting = null;

/** Sends what waits without leaving the page: the page is going away by itself. */
function sendAlong() {
  if (!waiting) return;
  const { form, timer } = waiting;
  waiting = null;
  clearTimeout(timer);
  navigator.sendBeacon(form.action, new FormData(form));
}

/** @param {HTMLFormElement} form */
function hold(form) {
  const button = form.querySelector("button");
  const timer = window.setTimeout(() => {
    waiting = null;
    form.submit();
  }, Number(form.dataset.hold) * 1000);
  waiting = { form, timer };
  if (button) button.disabled = true;
  showToast(form.dataset.holdText ?? "Noted.", {
    kind: "good",
    undo: () => {
      clearTimeout(timer);
      if (waiting?.form === form) waiting = null;
      if (button) {
        button.disabled = false;
        button.focus();
      }
    },
  });
}

export function holdTaps() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.hold) return;
    event.preventDefault();
    if (waiting?.form === form) return;
    sendAlong();
    hold(form);
  });
  window.addEventListener("pagehide", sendAlong);
}
