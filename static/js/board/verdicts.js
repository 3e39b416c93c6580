/** What the server says about a selected visit: a verdict for every row, and the best places by number. */

import { span } from "./data.js";

/**
 * @typedef {object} RawPlace
 * @property {number} technician_id
 * @property {string} name
 * @property {string} start
 * @property {string} end
 * @property {number} travel_s
 * @property {string} words arrival, way, what is to spare, who starts later
 * @property {string[]} knock_on
 * @property {number[]} pushing bookings that make room
 *
 * @typedef {object} RawAnswer
 * @property {number} visit_id
 * @property {number} crew_slot_id
 * @property {number | null} assignment_id
 * @property {number | null} version
 * @property {{id: number, verdict: "fits" | "costs" | "blocked", words: string, place: RawPlace | null}[]} technicians
 * @property {RawPlace[]} places best first, at most nine
 */
/** @typedef {{technicianId: number, name: string, start: number, end: number, travelS: number, words: string, pushing: number[]}} Place */
/** @typedef {{verdict: "fits" | "costs" | "blocked", words: string, place: Place | null}} Verdict */
/**
 * @typedef {object} Answer
 * @property {number} visitId
 * @property {number} crewSlotId
 * @property {number | null} assignmentId
 * @property {number | null} version
 * @property {Map<number, Verdict>} verdicts by technician
 * @property {Place[]} places
 */

/** @param {RawPlace} raw @returns {Place} */
export function placeOf(raw) {
  return {
    technicianId: raw.technician_id,
    name: raw.name,
    ...span(raw),
    travelS: raw.travel_s,
    words: raw.words,
    pushing: raw.pushing,
  };
}

/** @param {RawAnswer} raw @returns {Answer} */
export function answerOf(raw) {
  return {
    visitId: raw.visit_id,
    crewSlotId: raw.crew_slot_id,
    assignmentId: raw.assignment_id,
    version: raw.version,
    verdicts: new Map(
      raw.technicians.map(({ id, verdict, words, place }) => [id, { verdict, words, place: place ? placeOf(place) : null }]),
    ),
    places: raw.places.map(placeOf),
  };
}

/**
 * @param {string | undefined} url
 * @returns {Promise<Answer | null>} null when the server has no answer; a move is checked anyway
 */
export async function fetchAnswer(url) {
  if (!url) return null;
  const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return null;
  return answerOf(/** @type {RawAnswer} */ (await answer.json()));
}

/**
 * All that booking a place needs, so that it is booked with the same times and makes the same others move.
 *
 * @param {{visitId: number, crewSlotId: number, assignmentId: number | null, version: number | null}} what
 * @param {Place} place
 */
export function placeFields(what, place) {
  const fields = new URLSearchParams({
    visit_id: String(what.visitId),
    technician_id: String(place.technicianId),
    start: new Date(place.start).toISOString(),
    pushing: place.pushing.join(","),
    crew_slot_id: String(what.crewSlotId),
  });
  if (what.assignmentId !== null) fields.set("assignment_id", String(what.assignmentId));
  if (what.version !== null) fields.set("version", String(what.version));
  return fields;
}

/**
 * One sentence for the ear.
 *
 * @param {Answer} answer
 * @param {import("./words.js").Words} words
 */
export function summary(answer, words) {
  const counts = { fits: 0, costs: 0, blocked: 0 };
  for (const one of answer.verdicts.values()) counts[one.verdict] += 1;
  const best = answer.places[0];
  const told = `${counts.fits} ${counts.fits === 1 ? "fits" : "fit"}, ${counts.costs} at a cost, ${counts.blocked} cannot.`;
  return best ? `${told} Best: ${best.name}, ${words.time(best.start)}; key 1 takes it.` : told;
}
