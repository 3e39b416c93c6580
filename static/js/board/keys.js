/** What each key means on the grid, while walking about and while carrying a visit. */

/**
 * @typedef {{kind: "row", by: number} | {kind: "cell", by: number} | {kind: "edge", to: "first" | "last", all: boolean} |
 *   {kind: "open"} | {kind: "pick"} | {kind: "call"} | {kind: "away"} | {kind: "zoom", by: number} | {kind: "time", minutes: number} |
 *   {kind: "technician", by: number, any: boolean} | {kind: "drop"} | {kind: "cancel"} | {kind: "leave"}} Action
 */
/** @typedef {{key: string, shiftKey: boolean, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} Key */

const PAGE = 10;

/** @param {Key} key @returns {Action | null} */
export function whileWalking(key) {
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
      return far ? null : letter(key.key);
  }
}

/** @param {string} key @returns {Action | null} */
function letter(key) {
  if (key === ".") return { kind: "call" };
  if (key === "s" || key === "S") return { kind: "away" };
  if (key === "+" || key === "=") return { kind: "zoom", by: 1 };
  if (key === "-") return { kind: "zoom", by: -1 };
  return null;
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
