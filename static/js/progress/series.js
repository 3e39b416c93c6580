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

/**
 * @param {readonly Point[]} points
 * @param {string} name which number to draw
 * @param {{width: number, height: number}} box
 * @returns {{line: string, low: number, high: number} | null} points of a polyline; null with fewer than two values
 */
export function polyline(points, name, { width, height }) {
  const values = points.flatMap((one) => {
    const value = one[name];
    return typeof value === "number" ? [{ at: Math.log1p(one.elapsed_s), value }] : [];
  });
  if (values.length < 2) return null;
  const low = Math.min(...values.map((one) => one.value));
  const high = Math.max(...values.map((one) => one.value));
  const first = /** @type {{at: number}} */ (values[0]).at;
  const length = /** @type {{at: number}} */ (values.at(-1)).at - first || 1;
  const depth = high - low || 1;
  const line = values.map(({ at, value }) => `${((width * (at - first)) / length).toFixed(1)},${((height * (high - value)) / depth).toFixed(1)}`).join(" ");
  return { line, low, high };
}
