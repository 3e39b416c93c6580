/** The map as a list: the same people, stops and numbers, for everybody who does not use the picture. */

import { make } from "../board/dom.js";
import { duration, stateWords } from "../board/words.js";

/** @typedef {import("./routes.js").Route} Route */
/** @typedef {import("./routes.js").Stop} Stop */

/** So many stops are listed at once; a whole day of hundreds of people is listed person by person. */
export const MOST_LISTED = 120;

/**
 * Which stops fit into the list: all routes or none of them, and the first of those waiting.
 *
 * @param {Route[]} routes @param {Stop[]} waiting
 */
export function listed(routes, waiting) {
  const stops = routes.reduce((sum, one) => sum + one.stops.length, 0);
  const fit = stops <= MOST_LISTED;
  const room = fit ? MOST_LISTED - stops : MOST_LISTED;
  return { routes: fit ? routes : [], stops, waiting: waiting.slice(0, room) };
}

/**
 * @param {HTMLElement} host emptied and filled
 * @param {Route[]} routes those shown
 * @param {Stop[]} waiting
 * @param {import("../board/words.js").Words} words
 * @param {(stop: Stop) => void} choose
 */
export function drawTwin(host, routes, waiting, words, choose) {
  const shown = listed(routes, waiting);
  const parts = shown.routes.map((route) => {
    const part = make("section");
    part.append(make("h3", "", route.name), list(route.stops, words, choose));
    if (route.without > 0) part.append(make("p", "small muted", `${route.without} without a position: set a pin on the site.`));
    return part;
  });
  if (shown.routes.length < routes.length) {
    parts.push(make("p", "muted", `${shown.stops} stops of ${routes.length} people. Choose one of them above to list theirs.`));
  }
  if (waiting.length > 0) {
    const part = make("section");
    part.append(make("h3", "", `Unassigned (${waiting.length})`), list(shown.waiting, words, choose));
    if (shown.waiting.length < waiting.length) part.append(make("p", "small muted", `The most urgent ${shown.waiting.length} are listed.`));
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
    const way = stop.travelS > 0 ? `, ${duration(stop.travelS * 1000)} there` : "";
    button.append(make("span", "", `${when}${stop.title} · ${stop.customer}, ${stateWords(stop.state)}${way}`));
    button.addEventListener("click", () => choose(stop));
    item.append(button);
    items.append(item);
  }
  return items;
}
