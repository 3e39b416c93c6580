/** What the map shows, taken from the board: one route per person with numbered stops, and the visits that wait. */

/** @typedef {import("../board/store.js").Board} Board */
/** @typedef {{lat: number, lon: number}} Point */
/** @typedef {Point & {visitId: number, number: number, time: number | null, travelS: number, title: string, customer: string, state: string}} Stop */
/** @typedef {{technicianId: number, name: string, stops: Stop[], without: number}} Route without: visits that have no position */

import { shownState } from "../board/data.js";

/** @param {Board} board @returns {Route[]} people without a visit are left out */
export function routesOf(board) {
  return board.technicians.flatMap((person) => {
    const bars = board.row(person.id);
    if (bars.length === 0) return [];
    /** @type {Stop[]} */
    const stops = [];
    bars.forEach((one, index) => {
      if (one.lat === null || one.lon === null) return;
      stops.push({
        lat: one.lat,
        lon: one.lon,
        visitId: one.visitId,
        number: index + 1,
        time: one.start,
        travelS: one.travelS,
        title: one.title,
        customer: one.customer,
        state: shownState(one),
      });
    });
    return [{ technicianId: person.id, name: person.name, stops, without: bars.length - stops.length }];
  });
}

/** @param {Board} board @returns {Stop[]} */
export function waitingOf(board) {
  return board.queue.flatMap((one) =>
    one.lat === null || one.lon === null
      ? []
      : [{ lat: one.lat, lon: one.lon, visitId: one.visit_id, number: 0, time: null, travelS: 0, title: one.title, customer: one.customer, state: "unassigned" }],
  );
}

/**
 * Where the numbered places of a selected visit begin: at the stop somebody would come from, or would go on to.
 *
 * @param {Board} board
 * @param {readonly import("../board/verdicts.js").Place[]} places best first
 * @returns {(Point & {number: number, place: import("../board/verdicts.js").Place})[]} without those of people who have no stop with a position
 */
export function placesOf(board, places) {
  return places.flatMap((place, index) => {
    const stops = board.row(place.technicianId).filter((one) => one.lat !== null && one.lon !== null);
    const from = stops.findLast((one) => one.start <= place.start) ?? stops[0];
    if (!from || from.lat === null || from.lon === null) return [];
    return [{ number: index + 1, place, lat: from.lat, lon: from.lon }];
  });
}
