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
