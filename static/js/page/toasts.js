/** Messages leave by themselves, but never while somebody points at, focuses or still has to read them. */

const STAYS_MS = 10_000;

/** @param {HTMLElement} toast */
function letGo(toast) {
  if (toast.dataset.timed) return;
  toast.dataset.timed = "yes";
  let timer = 0;
  const start = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => toast.remove(), STAYS_MS);
  };
  const hold = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("pointerleave", start);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("focusout", start);
  start();
}

/** @param {HTMLElement} toast */
function addDismiss(toast) {
  if (toast.querySelector("[data-dismiss]")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button quiet";
  button.dataset.dismiss = "";
  button.textContent = "Close";
  button.addEventListener("click", () => toast.remove());
  toast.append(button);
}

/** @param {ParentNode} root */
function tend(root) {
  for (const toast of root.querySelectorAll("[data-toast]")) {
    if (!(toast instanceof HTMLElement)) continue;
    addDismiss(toast);
    if (toast.dataset.toast === "leave") letGo(toast);
  }
}

export function watchToasts() {
  const messages = document.getElementById("messages");
  if (!messages) return;
  tend(messages);
  new MutationObserver(() => tend(messages)).observe(messages, { childList: true });
}

/**
 * Shows a message made by script; `undo` adds a button that calls it.
 *
 * @param {string} text
 * @param {{kind?: "info" | "good" | "problem", undo?: () => void, undoLabel?: string,
 *   action?: {label: string, run: () => void}}} [options] what `action` offers is one Enter away: it takes the focus
 */
export function showToast(text, options = {}) {
  const messages = document.getElementById("messages");
  if (!messages) return;
  const toast = document.createElement("div");
  toast.className = `toast ${options.kind ?? "info"}`;
  toast.dataset.toast = options.kind === "problem" ? "stay" : "leave";
  const words = document.createElement("p");
  words.textContent = text;
  toast.append(words);
  const undo = options.undo;
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = options.undoLabel ?? "Undo";
    button.dataset.shortcut = "mod+z";
    button.addEventListener("click", () => {
      toast.remove();
      undo();
    });
    toast.append(button);
  }
  messages.append(toast);
  if (options.action) offer(toast, options.action);
}

/** @param {HTMLElement} toast @param {{label: string, run: () => void}} action */
function offer(toast, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button primary";
  button.textContent = action.label;
  button.addEventListener("click", () => {
    toast.remove();
    action.run();
  });
  toast.append(button);
  button.focus();
}
