/** The small bar above the grid: zoom, order, now. What is chosen stands in the address, so a copied link shows the same. */

import { icon, make } from "./dom.js";
import { ZOOMS } from "./scale.js";

/** @typedef {import("./scale.js").Zoom} Zoom */
/** @typedef {import("./store.js").Order} Order */

const ORDERS = /** @type {[Order, string][]} */ ([
  ["given", "Territory"],
  ["name", "Name"],
  ["load", "Fullest first"],
  ["free", "Most free time first"],
]);

/** @param {string} name @param {string} value */
function remember(name, value) {
  const url = new URL(location.href);
  url.searchParams.set(name, value);
  history.replaceState(history.state, "", url);
}

/** @returns {{zoom: Zoom, order: Order}} */
export function fromAddress() {
  const asked = new URLSearchParams(location.search);
  const zoom = ZOOMS.find((one) => one.name === asked.get("zoom"))?.name ?? "day";
  const order = ORDERS.find(([name]) => name === asked.get("sort"))?.[0] ?? "given";
  return { zoom, order };
}

/**
 * @param {HTMLElement} host
 * @param {{zoom: Zoom, order: Order, onZoom: (zoom: Zoom) => void, onOrder: (order: Order) => void, onNow: () => void}} choices
 * @returns {{show: (zoom: Zoom) => void}}
 */
export function addTools(host, choices) {
  const tools = make("div", "gantt-tools");
  tools.setAttribute("role", "group");
  tools.setAttribute("aria-label", "How the board is shown");
  const buttons = ZOOMS.map(({ name, label }) => {
    const button = make("button", "button", label);
    button.type = "button";
    button.addEventListener("click", () => {
      choices.onZoom(name);
      show(name);
    });
    return { name, button };
  });
  /** @param {Zoom} zoom */
  function show(zoom) {
    for (const { name, button } of buttons) button.setAttribute("aria-pressed", String(name === zoom));
    remember("zoom", zoom);
  }
  for (const { name, button } of buttons) button.setAttribute("aria-pressed", String(name === choices.zoom));
  const zooms = make("div", "button-group");
  zooms.append(...buttons.map((one) => one.button));
  const now = make("button", "button");
  now.type = "button";
  now.append(icon("clock"), make("span", "", "Now"));
  now.addEventListener("click", () => choices.onNow());
  tools.append(zooms, now, orderSelect(choices));
  host.append(tools);
  return { show };
}

/** @param {{order: Order, onOrder: (order: Order) => void}} choices */
function orderSelect(choices) {
  const label = make("label", "gantt-order", "Order ");
  const select = make("select");
  for (const [name, words] of ORDERS) select.append(new Option(words, name, false, name === choices.order));
  select.addEventListener("change", () => {
    const order = /** @type {Order} */ (select.value);
    choices.onOrder(order);
    remember("sort", order);
  });
  label.append(select);
  return label;
}
