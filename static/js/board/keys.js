/** What each key means on the grid, while walking about and while carrying a visit. */

/**
 * @typedef {{kind: "row", by: number} | {kind: "cell", by: number} | {kind: "edge", to: "first" | "last", all: boolean} |
 *   {kind: "open"} | {kind: "pick"} | {kind: "call"} | {kind: "away"} | {kind: "zoom", by: number} | {kind: "time", minutes: number} |
 *   {kind: "technician", by: number, any: boolean} | {kind: "drop"} | {kind: "cancel"} | {kind: "leave"}} Action
 */
/** @typedef {{key: string, shiftKey: boolean, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} Key */

const PAGE = 10;

/** @typedef {Record<string, string | undefined>} Own keys of the person, by shortcut */

/** @param {Key} key @param {Own} own @returns {Action | null} */
export function whileWalking(key, own) {
  if (key.altKey) return null;
  const far = key.ctrlKey || key.metaKey;
  switch (key.key) {
    case "ArrowUp":
      return { kind: "row", by: -1 };
    case "ArrowDown":
      return { kind: "row", by: 1 };
    case "PageUp":
      return { kind: "row", by: -PAGE };
    case "PageDown":
      return { kind: "row", by: PAGE };
    case "ArrowLeft":
      return { kind: "cell", by: -1 };
    case "ArrowRight":
      return { kind: "cell", by: 1 };
    case "Home":
      return { kind: "edge", to: "first", all: far };
    case "End":
      return { kind: "edge", to: "last", all: far };
    case "Enter":
      return { kind: "open" };
    case " ":
      return { kind: "pick" };
    case "Escape":
      return { kind: "leave" };
    default:
      return far ? null : letter(key.key.toLowerCase(), own);
  }
}

/** @param {string} key @param {Own} own @returns {Action | null} */
function letter(key, own) {
  if (key === own.call) return { kind: "call" };
  if (key === own.cannot_work) return { kind: "away" };
  return zoomBy(key, own);
}

/** @param {string} key @param {Own} own @returns {{kind: "zoom", by: number} | null} */
export function zoomBy(key, own) {
  // Plus shares its key with the equals sign, which is what comes without Shift.
  if (key === own.zoom_in || (key === "=" && own.zoom_in === "+")) return { kind: "zoom", by: 1 };
  return key === own.zoom_out ? { kind: "zoom", by: -1 } : null;
}

/** @param {Key} key @returns {Action | null} */
export function whileCarrying(key) {
  if (key.altKey) return null;
  const minutes = key.ctrlKey || key.metaKey ? 60 : key.shiftKey ? 5 : 15;
  switch (key.key) {
    case "ArrowLeft":
      return { kind: "time", minutes: -minutes };
    case "ArrowRight":
      return { kind: "time", minutes };
    case "ArrowUp":
      return { kind: "technician", by: -1, any: key.shiftKey };
    case "ArrowDown":
      return { kind: "technician", by: 1, any: key.shiftKey };
    case "Enter":
    case " ":
      return { kind: "drop" };
    case "Escape":
      return { kind: "cancel" };
    default:
      return null;
  }
}
