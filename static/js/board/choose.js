/** Choosing several cards of the queue: a tick each, with Shift all from the last one on; a press with Shift ticks, too. */

const BOXES = "#board-queue .card-choice";

/** @returns {HTMLInputElement[]} */
function boxes() {
  return [...document.querySelectorAll(BOXES)].filter((one) => one instanceof HTMLInputElement);
}

/**
 * Which of some are ticked once one of them is pressed with Shift: all from the one pressed before, as that one is.
 *
 * @param {number} from @param {number} to
 * @returns {number[]}
 */
export function between(from, to) {
  const first = Math.min(from, to);
  return Array.from({ length: Math.abs(from - to) + 1 }, (_, index) => first + index);
}

/** The button says how many, and that there are none. */
function count() {
  const button = document.querySelector("[data-together]");
  if (!(button instanceof HTMLButtonElement)) return;
  const chosen = boxes().filter((one) => one.checked).length;
  button.disabled = chosen === 0;
  const words = button.querySelector("span");
  button.dataset.none ??= words?.textContent ?? "";
  if (words) words.textContent = chosen === 0 ? button.dataset.none : (button.dataset.together ?? "").replace("{n}", String(chosen));
}

export function chooseCards() {
  /** @type {HTMLInputElement | null} */
  let last = null;
  document.addEventListener(
    "click",
    (event) => {
      const target = event.target instanceof Element ? event.target : null;
      const card = target?.closest("[data-queue-visit]");
      const box = card?.querySelector(".card-choice");
      if (!(box instanceof HTMLInputElement) || (target !== box && !event.shiftKey)) return;
      if (target !== box) {
        event.preventDefault();
        event.stopPropagation();
        getSelection()?.removeAllRanges();
        box.checked = !box.checked;
      }
      const all = boxes();
      const from = last ? all.indexOf(last) : -1;
      if (event.shiftKey && from >= 0) for (const index of between(from, all.indexOf(box))) if (all[index]) all[index].checked = box.checked;
      last = box;
      count();
    },
    true,
  );
  document.addEventListener("change", count);
  count();
}
