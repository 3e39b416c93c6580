/** A visit picked up from its place: where it would land, and what can be said about that before the server is asked. */

import { HOUR, MINUTE } from "./scale.js";
import { duration } from "./words.js";

/** @typedef {import("./data.js").Bar} Bar */
/** @typedef {import("./store.js").Board} Board */
/** @typedef {{bar: Bar, technicianId: number, start: number}} Carried */

/** @param {Bar} bar @param {number} technicianId @returns {Carried} */
export function pickUp(bar, technicianId) {
  return { bar, technicianId, start: bar.start };
}

/** @param {Bar} bar @returns {string | null} why it stays where it is, in a sentence; null when it may be moved */
export function whyFixed(bar) {
  if (bar.elsewhere) return `${bar.title} is work of another territory, so it is moved there.`;
  if (bar.pinned) return `${bar.title} is pinned. Unpin it first to move it.`;
  if (["on_site", "done", "not_done", "cancelled"].includes(bar.state)) {
    return `${bar.title} has already begun, so it stays where it is.`;
  }
  return null;
}

/** @param {Carried} carried @returns {number} */
export function endOf(carried) {
  return carried.start + (carried.bar.end - carried.bar.start);
}

/**
 * @param {Board} board
 * @param {Carried} carried
 * @param {number} minutes
 * @returns {Carried} never outside the day on the board
 */
export function inTime(board, carried, minutes) {
  const length = carried.bar.end - carried.bar.start;
  const latest = Math.max(board.start, board.end - length);
  const start = Math.min(latest, Math.max(board.start, carried.start + minutes * MINUTE));
  return { ...carried, start };
}

/**
 * The next row up or down; rows the server has ruled out are skipped unless any row is wanted.
 *
 * @param {Board} board
 * @param {Carried} carried
 * @param {number} by -1 or 1
 * @param {boolean} any
 * @returns {Carried} the same when there is no such row
 */
export function toRow(board, carried, by, any) {
  let index = board.indexOf.get(carried.technicianId) ?? 0;
  for (;;) {
    index += by;
    const next = board.technicians[index];
    if (!next) return carried;
    if (any || board.verdicts.get(next.id)?.verdict !== "blocked") return { ...carried, technicianId: next.id };
  }
}

/** @param {Carried} carried @returns {boolean} */
export function hasMoved(carried) {
  return carried.bar.technicianId !== carried.technicianId || carried.bar.start !== carried.start;
}

/**
 * What the page itself can see about the place; the server checks everything again.
 *
 * @param {Board} board
 * @param {Carried} carried
 * @param {import("./words.js").Words} words
 * @returns {{clear: boolean, sentences: string[]}} clear: nothing speaks against it
 */
export function preview(board, carried, words) {
  const end = endOf(carried);
  const against = [];
  const verdict = board.verdicts.get(carried.technicianId);
  if (verdict?.verdict === "blocked") against.push(verdict.words);
  if (verdict?.place && verdict.place.start === carried.start) return { clear: true, sentences: [verdict.words] };
  const other = board.row(carried.technicianId).find((one) => one.id !== carried.bar.id && one.start < end && one.end > carried.start);
  if (other) against.push(`overlaps ${other.title}, ${words.span(other)}`);
  const person = board.person(carried.technicianId);
  if (person) {
    if (!person.shifts.some((one) => one.start <= carried.start && one.end >= end)) against.push("outside the shift");
    if (person.absences.some((one) => one.start < end && one.end > carried.start)) against.push("not available then");
  }
  const late = carried.bar.promise ? carried.start - carried.bar.promise.end : -HOUR;
  if (late > 0 && carried.bar.promise) against.push(`starts ${duration(late)} after the promise ${words.span(carried.bar.promise)}`);
  const sentences = [...against];
  if (late <= 0 && carried.bar.promise) sentences.push(`keeps promise ${words.span(carried.bar.promise)}`);
  return { clear: against.length === 0, sentences };
}

/**
 * One sentence for the ear after each step.
 *
 * @param {Board} board
 * @param {Carried} carried
 * @param {import("./words.js").Words} words
 */
export function describe(board, carried, words) {
  const person = board.person(carried.technicianId);
  const place = words.span({ start: carried.start, end: endOf(carried) });
  return [person?.name ?? "", place, ...preview(board, carried, words).sentences].filter(Boolean).join(", ");
}
