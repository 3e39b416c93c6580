/** The queue by keyboard and pointer: J and K walk over its cards, and what one stands on is selected on the board. */

import { isTyping, nameOf, ownKeys } from "../page/shortcuts.js";

const CARDS = "[data-queue-visit]";

/**
 * @param {number} at index of the selected card, -1 for none
 * @param {number} by
 * @param {number} count
 */
export function stepTo(at, by, count) {
  if (count === 0) return -1;
  if (at < 0) return by > 0 ? 0 : count - 1;
  return Math.min(count - 1, Math.max(0, at + by));
}

/** @param {number | null} visitId marks the card of a visit, and no other */
export function markCard(visitId) {
  for (const card of document.querySelectorAll(CARDS)) {
    if (card instanceof HTMLElement && card.dataset.queueVisit === String(visitId)) card.setAttribute("aria-current", "true");
    else card.removeAttribute("aria-current");
  }
}

/** @param {(visitId: number, focus: boolean) => void} select */
export function watchQueue(select) {
  document.addEventListener("keydown", (event) => {
    const { next, previous } = ownKeys();
    const name = nameOf(event);
    if (event.defaultPrevented || name === null || (name !== next && name !== previous) || isTyping(document.activeElement)) return;
    const cards = [...document.querySelectorAll(CARDS)];
    const at = cards.findIndex((one) => one.getAttribute("aria-current") === "true");
    const card = cards[stepTo(at, name === next ? 1 : -1, cards.length)];
    if (!(card instanceof HTMLElement)) return;
    event.preventDefault();
    card.scrollIntoView({ block: "nearest" });
    card.querySelector("a")?.focus({ preventScroll: true });
    select(Number(card.dataset.queueVisit), false);
  });
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const card = target?.closest(CARDS);
    if (!(card instanceof HTMLElement) || event.defaultPrevented || event.ctrlKey || event.metaKey) return;
    if (target?.closest("input, label")) return;
    const link = target?.closest("a, button");
    if (link && !link.hasAttribute("data-select-visit")) return;
    event.preventDefault();
    select(Number(card.dataset.queueVisit), link !== null);
  });
}
