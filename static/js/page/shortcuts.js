/**
 * Keys that press what is on the page: any element with data-shortcut="n", "mod+z" or both answers to its keys. Which key
 * does what stands in dispatch/accounts/shortcuts.py; the page writes down the keys of whoever reads it.
 */

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

/** @type {Record<string, string> | null} */
let scripted = null;

/**
 * The keys that scripts handle themselves, by the name of the shortcut; none while somebody has switched single keys off.
 *
 * @returns {Record<string, string | undefined>}
 */
export function ownKeys() {
  const { keys, singleKeys } = document.documentElement.dataset;
  if (singleKeys === "off") return {};
  scripted ??= /** @type {Record<string, string>} */ (JSON.parse(keys ?? "{}"));
  return scripted;
}

/** What is shown, or folded away in a menu that is shown. @param {HTMLElement} element */
function canBePressed(element) {
  const menu = element.closest("details.menu:not([open])");
  return (menu ?? element).getClientRects().length > 0;
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
      (one) => one instanceof HTMLElement && (one.dataset.shortcut ?? "").split(" ").includes(name) && canBePressed(one),
    );
    const found = matches.at(-1);
    if (found instanceof HTMLElement) {
      event.preventDefault();
      press(found);
    } else {
      // What is meant may be on its way to the page; whoever knows it already can answer.
      document.dispatchEvent(new CustomEvent("keys:unheard", { detail: { name } }));
    }
  });
}
