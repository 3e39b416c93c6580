/**
 * Arrow keys over a map of links: the nearest link that way gets the focus, Home and End go to the ends of a row, and the
 * tab key passes the whole map in one step. Without script every link is in tab order.
 *
 *   <svg data-grid> <a data-row="0" data-column="3" href="..."> </svg>
 */

const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

/**
 * Which place a key leads to.
 *
 * @param {{row: number, column: number}[]} places
 * @param {{row: number, column: number}} from
 * @param {string} key
 * @returns {number} its index, -1 where there is none that way
 */
export function reached(places, from, key) {
  const along = key === "ArrowUp" || key === "ArrowDown" ? "row" : "column";
  const across = along === "row" ? "column" : "row";
  const back = key === "ArrowLeft" || key === "ArrowUp" || key === "End";
  const all = key === "Home" || key === "End";
  let best = -1;
  for (const [index, place] of places.entries()) {
    if (place[across] !== from[across]) continue;
    if (!all && (back ? place[along] >= from[along] : place[along] <= from[along])) continue;
    const so = places[best];
    const nearer = back ? place[along] > (so?.[along] ?? -1) : place[along] < (so?.[along] ?? Infinity);
    if (nearer) best = index;
  }
  return best;
}

/** @param {Element} link */
function placeOf(link) {
  return { row: Number(link.getAttribute("data-row")), column: Number(link.getAttribute("data-column")) };
}

/** @param {KeyboardEvent} event */
function walk(event) {
  if (!KEYS.includes(event.key) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const link = event.target instanceof Element ? event.target.closest("[data-grid] a[data-row]") : null;
  const grid = link?.closest("[data-grid]");
  if (!link || !grid) return;
  event.preventDefault();
  const links = [...grid.querySelectorAll("a[data-row]")];
  const next = links[reached(links.map(placeOf), placeOf(link), event.key)];
  if (!next) return;
  link.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  if (next instanceof SVGElement || next instanceof HTMLElement) next.focus();
}

function leaveOneInTabOrder() {
  for (const grid of document.querySelectorAll("[data-grid]"))
    for (const [index, link] of grid.querySelectorAll("a[data-row]").entries()) link.setAttribute("tabindex", index ? "-1" : "0");
}

export function walkGrids() {
  leaveOneInTabOrder();
  document.addEventListener("htmx:afterSwap", leaveOneInTabOrder);
  document.addEventListener("keydown", walk);
}
