/**
 * Keys for a list of things to choose from: next and previous (J and K) walk over the items, Space ticks one to compare it, Enter chooses it.
 *
 *   <ol data-choices> <li data-choice tabindex="-1"> <input type="checkbox"> <button data-choose> </li> </ol>
 *
 * Where something in the list has focus already, its own keys are left to it. Without script everything is in tab order.
 */

import { isTyping, ownKeys } from "./shortcuts.js";

/**
 * What a key means while an item, or nothing of the page, has focus.
 *
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} event
 * @param {boolean} onItem whether an item itself has focus
 * @param {Record<string, string | undefined>} keys of the person, by shortcut
 * @returns {{kind: "walk", by: number} | {kind: "tick"} | {kind: "choose"} | null}
 */
export function meaningOf(event, onItem, keys) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === keys.next) return { kind: "walk", by: 1 };
  if (event.key === keys.previous) return { kind: "walk", by: -1 };
  if (!onItem) return null;
  if (event.key === " ") return { kind: "tick" };
  return event.key === "Enter" ? { kind: "choose" } : null;
}

/** @param {KeyboardEvent} event @param {HTMLElement} list */
function take(event, list) {
  const items = [...list.querySelectorAll("[data-choice]")].filter((one) => one instanceof HTMLElement);
  const focused = document.activeElement;
  const at = items.findIndex((one) => one.contains(focused));
  const item = items[at];
  const meant = meaningOf(event, item !== undefined && item === focused, ownKeys());
  if (!meant) return;
  event.preventDefault();
  if (meant.kind === "walk") items[Math.min(items.length - 1, Math.max(0, at + meant.by))]?.focus();
  else {
    const pressed = item?.querySelector(meant.kind === "tick" ? "input[type=checkbox]" : "[data-choose]");
    if (pressed instanceof HTMLElement) pressed.click();
  }
}

export function walkChoices() {
  const list = document.querySelector("[data-choices]");
  if (!(list instanceof HTMLElement)) return;
  document.addEventListener("keydown", (event) => {
    if (!event.defaultPrevented && !isTyping(document.activeElement)) take(event, list);
  });
}
