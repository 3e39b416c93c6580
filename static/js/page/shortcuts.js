/** Keys that press what is on the page: any element with data-shortcut="n", "mod+z" or both answers to its keys. */

/** Search is asked for from within a field too. */
const EVERYWHERE = "mod+k";

/**
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} event
 * @returns {string | null} the name used in data-shortcut, or null where the key belongs to the browser
 */
export function nameOf(event) {
  if (event.altKey || event.key.length === 0) return null;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) return event.shiftKey ? `mod+shift+${key}` : `mod+${key}`;
  return key;
}

/**
 * Single keys belong to a field while one has focus, and to what handles all keys by itself, like a map or a visit carried
 * about. A grid stops the keys that it takes.
 *
 * @param {Element | null} focused
 */
export function isTyping(focused) {
  if (!focused) return false;
  return focused.closest("input, textarea, select, [contenteditable], [data-own-keys]") !== null;
}

/** @param {HTMLElement} element */
function press(element) {
  if (element.matches("input, textarea, select")) element.focus();
  else element.click();
}

export function listenForShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.repeat) return;
    if (document.documentElement.dataset.singleKeys === "off" && !event.ctrlKey && !event.metaKey) return;
    const name = nameOf(event);
    if (name === null || (name !== EVERYWHERE && isTyping(document.activeElement))) return;
    const matches = [...document.querySelectorAll("[data-shortcut]")].filter(
      (one) => one instanceof HTMLElement && (one.dataset.shortcut ?? "").split(" ").includes(name) && one.getClientRects().length > 0,
    );
    const found = matches.at(-1);
    if (found instanceof HTMLElement) {
      event.preventDefault();
      press(found);
    }
  });
}
