/** How promises stand as time passes: nobody arrives in the past. The same rule as planning/promise_state.py. */

/** @typedef {import("./data.js").Bar} Bar */

/**
 * @param {Bar} bar
 * @param {number} now
 * @returns {string | null} the state of its promise at that instant
 */
export function outlookAt(bar, now) {
  if (bar.spreadS === null || bar.promise === null) return bar.promiseState;
  const median = Math.max(bar.start, now);
  if (median + bar.spreadS * 1000 <= bar.promise.end) return "on_track";
  return median <= bar.promise.end ? "at_risk" : "will_miss";
}

const OVERRUN_STEP_S = 300;

/**
 * By how much a visit will end later than planned, as far as the clock tells: nobody begins in the past, and who is still
 * there has not ended. In steps of five minutes, so that bars are not drawn anew all the time.
 *
 * @param {Bar} bar
 * @param {number} now
 * @returns {number} seconds
 */
export function overrunAt(bar, now) {
  const from = ["planned", "accepted", "on_the_way"].includes(bar.state) ? bar.start : bar.state === "on_site" ? bar.end : now;
  return Math.max(0, Math.floor((now - from) / 1000 / OVERRUN_STEP_S) * OVERRUN_STEP_S);
}

/**
 * How many promises stand how, and how many visits nobody has: the numbers of the strip.
 *
 * @param {Iterable<Bar>} bars
 * @param {number} waiting
 * @returns {Record<string, number>}
 */
export function countStates(bars, waiting) {
  /** @type {Record<string, number>} */
  const counts = { unassigned: waiting };
  const seen = new Set();
  for (const one of bars) {
    if (one.promiseState === null || seen.has(one.visitId)) continue;
    seen.add(one.visitId);
    counts[one.promiseState] = (counts[one.promiseState] ?? 0) + 1;
  }
  return counts;
}
