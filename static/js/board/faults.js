/** What the day itself shows to be wrong with a visit, in words. The server's rules know more; they speak when something is moved. Pure. */

import { MINUTE } from "./scale.js";
import { duration } from "./words.js";

/** @typedef {import("./data.js").Bar} Bar */
/** @typedef {import("./data.js").Technician} Technician */

const AHEAD = new Set(["planned", "accepted", "proposed"]);

/**
 * Only what is still ahead: it can be mended.
 *
 * @param {Technician} person
 * @param {readonly Bar[]} bars of the person, by start
 * @returns {Map<string, string>} sentences by bar
 */
export function faultsOf(person, bars) {
  /** @type {Map<string, string>} */
  const found = new Map();
  bars.forEach((one, index) => {
    if (!AHEAD.has(one.state) || one.elsewhere) return;
    const faults = [];
    if (!person.shifts.some((shift) => shift.start <= one.start && shift.end >= one.end)) faults.push("outside the shift");
    if (person.absences.some((away) => away.start < one.end && away.end > one.start)) faults.push("while not available");
    const before = bars[index - 1];
    const short = before ? before.end + one.travelS * 1000 - one.start : 0;
    if (short >= MINUTE) faults.push(`${duration(short)} too little for the way from ${before?.title}`);
    if (faults.length > 0) found.set(one.id, faults.join(", "));
  });
  return found;
}
