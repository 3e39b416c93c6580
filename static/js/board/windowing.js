/** Which rows and bars are worth having in the page: those in sight and a few around them. */

/** @typedef {import("./data.js").Bar} Bar */

/**
 * @param {{top: number, height: number, rowHeight: number, count: number, spare: number}} view
 * @returns {{first: number, last: number}} rows from first up to but without last
 */
export function rowWindow({ top, height, rowHeight, count, spare }) {
  const first = Math.max(0, Math.floor(top / rowHeight) - spare);
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + spare);
  return { first: Math.min(first, count), last: Math.max(last, Math.min(first, count)) };
}

/**
 * @param {readonly Bar[]} bars sorted by start
 * @param {number} instant
 * @returns {number} index of the first bar that starts at or after the instant
 */
export function firstFrom(bars, instant) {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {Bar} */ (bars[middle]).start < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Bars of one row that touch the time in sight, their travel and promise included.
 *
 * @param {readonly Bar[]} bars sorted by start
 * @param {number} from
 * @param {number} to
 * @param {number} reach longest time by which a bar, its travel or its promise stretches from its start
 * @returns {Bar[]}
 */
export function barsInSight(bars, from, to, reach) {
  const found = [];
  for (let index = firstFrom(bars, from - reach); index < bars.length; index += 1) {
    const one = /** @type {Bar} */ (bars[index]);
    if (one.start - reach >= to) break;
    const left = Math.min(one.start - one.travelS * 1000, one.promise?.start ?? one.start);
    const right = Math.max(one.end, one.promise?.end ?? one.end);
    if (right > from && left < to) found.push(one);
  }
  return found;
}

/**
 * @param {readonly Bar[]} bars
 * @returns {number} the reach that barsInSight needs for these bars
 */
export function reachOf(bars) {
  let reach = 0;
  for (const one of bars) {
    const right = Math.max(one.end, one.promise?.end ?? one.end) - one.start;
    const left = one.start - Math.min(one.start - one.travelS * 1000, one.promise?.start ?? one.start);
    reach = Math.max(reach, right, left);
  }
  return reach;
}
