/** The map as a list: the same people, stops and numbers, for everybody who does not use the picture. */

import { make } from "../board/dom.js";
import { stateWords } from "../board/words.js";

/** @typedef {import("./routes.js").Route} Route */
/** @typedef {import("./routes.js").Stop} Stop */

/**
 * @param {HTMLElement} host emptied and filled
 * @param {Route[]} routes those shown
 * @param {Stop[]} waiting
 * @param {import("../board/words.js").Words} words
 * @param {(stop: Stop) => void} choose
 */
export function drawTwin(host, routes, waiting, words, choose) {
  const parts = routes.map((route) => {
    const part = make("section");
    part.append(make("h3", "", route.name), list(route.stops, words, choose));
    if (route.without > 0) part.append(make("p", "small muted", `${route.without} without a position: set a pin on the site.`));
    return part;
  });
  if (waiting.length > 0) {
    const part = make("section");
    part.append(make("h3", "", `Unassigned (${waiting.length})`), list(waiting, words, choose));
    parts.push(part);
  }
  if (parts.length === 0) parts.push(make("p", "muted", "No visit of this day has a position yet."));
  host.replaceChildren(...parts);
}

/** @param {Stop[]} stops @param {import("../board/words.js").Words} words @param {(stop: Stop) => void} choose */
function list(stops, words, choose) {
  const items = make("ol", "map-stops");
  for (const stop of stops) {
    const item = make("li");
    if (stop.number > 0) item.value = stop.number;
    const button = make("button", "button quiet");
    button.type = "button";
    button.dataset.visit = String(stop.visitId);
    const when = stop.time === null ? "" : `${words.time(stop.time)} `;
    button.append(make("span", "", `${when}${stop.title} · ${stop.customer}, ${stateWords(stop.state)}`));
    button.addEventListener("click", () => choose(stop));
    item.append(button);
    items.append(item);
  }
  return items;
}
