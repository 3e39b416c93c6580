/** The small bar above the grid: zoom, order, now. What is chosen stands in the address, so a copied link shows the same. */

import { asked, remember } from "./address.js";
import { icon, make } from "./dom.js";
import { GROUPS, ORDERS } from "./order.js";
import { ZOOMS } from "./scale.js";

/** @typedef {import("./scale.js").Zoom} Zoom */
/** @typedef {import("./order.js").Group} Group */
/** @typedef {import("./order.js").Order} Order */

/** @param {Group} usual how people are grouped where the address does not say @returns {{zoom: Zoom, order: Order, group: Group}} */
export function fromAddress(usual) {
  const zoom = ZOOMS.find((one) => one.name === asked("zoom"))?.name ?? "day";
  const order = ORDERS.find(([name]) => name === asked("sort"))?.[0] ?? "name";
  const group = GROUPS.find(([name]) => name === asked("group"))?.[0] ?? usual;
  return { zoom, order, group };
}

/**
 * @param {HTMLElement} host
 * @param {{zoom: Zoom, order: Order, group: Group, onZoom: (zoom: Zoom) => void, onArrange: (how: {order?: Order, group?: Group}) => void, onNow: () => void}} choices
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
  tools.append(
    zooms,
    now,
    choice("Group by", "group", GROUPS, choices.group, (group) => choices.onArrange({ group })),
    choice("Sort by", "sort", ORDERS, choices.order, (order) => choices.onArrange({ order })),
  );
  // The page has the buttons of list and map, so that they are translated; their place is here.
  for (const own of document.querySelectorAll("[data-list-toggle], [data-map-toggle]")) {
    if (host.parentElement?.contains(own)) now.after(own);
  }
  const week = document.querySelector("[data-zoom-week]");
  if (week) zooms.prepend(week);
  host.append(tools);
  return { show };
}

/**
 * @template {string} T
 * @param {string} words
 * @param {string} name in the address
 * @param {[T, string][]} options
 * @param {T} chosen
 * @param {(value: T) => void} take
 */
function choice(words, name, options, chosen, take) {
  const label = make("label", "gantt-order", words);
  const select = make("select");
  for (const [value, text] of options) select.append(new Option(text, value, false, value === chosen));
  select.addEventListener("change", () => {
    take(/** @type {T} */ (select.value));
    remember(name, select.value);
  });
  label.append(select);
  return label;
}
