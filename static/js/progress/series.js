/** A falling line while a plan improves: points by time, drawn as the server draws its charts. */

/** @typedef {{elapsed_s: number, [name: string]: number | null | undefined}} Point */

/** Keeps a line readable: at most this many points, the newest always among them. */
const MOST_POINTS = 240;

/**
 * @param {readonly Point[]} points in order of time
 * @param {Point} point
 * @returns {Point[]}
 */
export function withPoint(points, point) {
  const last = points.at(-1);
  const kept = last && last.elapsed_s >= point.elapsed_s ? points.filter((one) => one.elapsed_s < point.elapsed_s) : [...points];
  kept.push(point);
  // Early points are the interesting ones, so every second one of the later half goes first.
  return kept.length <= MOST_POINTS ? kept : kept.filter((_, index) => index < MOST_POINTS / 2 || index % 2 === kept.length % 2 || index === kept.length - 1);
}

/** The fall of the first line keeps at least one part in so many of the height; a line farther below is not drawn. */
const DEEPEST = 4;

/**
 * A scale for a line and another one below it, such as a cost and what it cannot go under.
 *
 * @param {readonly Point[]} points
 * @param {string} name
 * @param {string} below
 * @returns {{low: number, high: number} | null} null where there is nothing below, or too far below
 */
export function scaleWith(points, name, below) {
  const values = points.flatMap((one) => (typeof one[name] === "number" ? [/** @type {number} */ (one[name])] : []));
  const others = points.flatMap((one) => (typeof one[below] === "number" ? [/** @type {number} */ (one[below])] : []));
  if (!values.length || !others.length) return null;
  const high = Math.max(...values);
  const low = Math.min(...others, ...values);
  return high - low <= DEEPEST * (high - Math.min(...values)) ? { low, high } : null;
}

/**
 * @param {readonly Point[]} points
 * @param {string} name which number to draw
 * @param {{width: number, height: number}} box
 * @param {{low: number, high: number} | null} [scale] the values at the lower and upper edge, if not the line's own
 * @returns {{line: string, low: number, high: number} | null} points of a polyline; null with fewer than two values
 */
export function polyline(points, name, { width, height }, scale = null) {
  const values = points.flatMap((one) => {
    const value = one[name];
    return typeof value === "number" ? [{ at: Math.log1p(one.elapsed_s), value }] : [];
  });
  if (values.length < 2) return null;
  const low = scale ? scale.low : Math.min(...values.map((one) => one.value));
  const high = scale ? scale.high : Math.max(...values.map((one) => one.value));
  // Lines of one scale share their beginning too, although the lower one is known later.
  const first = scale ? Math.log1p(/** @type {Point} */ (points[0]).elapsed_s) : /** @type {{at: number}} */ (values[0]).at;
  const length = /** @type {{at: number}} */ (values.at(-1)).at - first || 1;
  const depth = high - low || 1;
  const line = values.map(({ at, value }) => `${((width * (at - first)) / length).toFixed(1)},${((height * (high - value)) / depth).toFixed(1)}`).join(" ");
  return { line, low, high };
}
