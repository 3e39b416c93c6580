/** What the arrow keys walk over in one row: its head, then bars and free time in the order of the day. */

import { MINUTE } from "./scale.js";

/** @typedef {import("./data.js").Bar} Bar */
/** @typedef {import("./data.js").Span} Span */
/** @typedef {import("./data.js").Technician} Technician */
/** @typedef {{kind: "head"} | {kind: "bar", bar: Bar} | {kind: "gap", start: number, end: number}} Cell */

const SHORTEST_GAP = 10 * MINUTE;

/**
 * @param {Span[]} free
 * @param {Span} taken
 * @returns {Span[]}
 */
export function without(free, taken) {
  return free.flatMap((one) => {
    if (taken.end <= one.start || taken.start >= one.end) return [one];
    const rest = [];
    if (taken.start > one.start) rest.push({ start: one.start, end: taken.start });
    if (taken.end < one.end) rest.push({ start: taken.end, end: one.end });
    return rest;
  });
}

/**
 * Time on shift that no visit, travel, break or absence takes.
 *
 * @param {Technician} technician
 * @param {readonly Bar[]} bars
 * @returns {Span[]}
 */
export function freeTime(technician, bars) {
  const taken = [
    ...technician.breaks,
    ...technician.absences,
    ...bars.map((one) => ({ start: one.start - one.travelS * 1000, end: one.end })),
  ];
  return taken.reduce(without, technician.shifts).filter((one) => one.end - one.start >= SHORTEST_GAP);
}

/**
 * @param {Technician} technician
 * @param {readonly Bar[]} bars sorted by start
 * @returns {Cell[]}
 */
export function cellsOf(technician, bars) {
  /** @type {(Cell & {kind: "bar" | "gap"})[]} */
  const timed = [
    ...bars.map((bar) => /** @type {const} */ ({ kind: "bar", bar })),
    ...freeTime(technician, bars).map((one) => /** @type {const} */ ({ kind: "gap", ...one })),
  ];
  timed.sort((a, b) => startOf(a) - startOf(b));
  return [{ kind: "head" }, ...timed];
}

/** @param {Cell} cell @returns {number} */
export function startOf(cell) {
  if (cell.kind === "head") return Number.NEGATIVE_INFINITY;
  return cell.kind === "bar" ? cell.bar.start : cell.start;
}

/** @param {Cell} cell @returns {string} stays the same while the board changes around it */
export function keyOf(cell) {
  if (cell.kind === "head") return "head";
  return cell.kind === "bar" ? `bar-${cell.bar.id}` : `gap-${cell.start}`;
}

/**
 * The cell of another row that is nearest in time, so that going up and down keeps one's place in the day.
 *
 * @param {readonly Cell[]} cells
 * @param {number} instant minus infinity for the head
 * @returns {number} index
 */
export function nearest(cells, instant) {
  if (instant === Number.NEGATIVE_INFINITY || cells.length < 2) return 0;
  let best = 1;
  for (let index = 2; index < cells.length; index += 1) {
    const here = Math.abs(startOf(/** @type {Cell} */ (cells[index])) - instant);
    if (here < Math.abs(startOf(/** @type {Cell} */ (cells[best])) - instant)) best = index;
  }
  return best;
}
