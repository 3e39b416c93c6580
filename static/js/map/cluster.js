/** Points that would lie on each other become one circle with a number. */

/**
 * @template T
 * @typedef {{x: number, y: number, items: T[]}} Cluster
 */

/**
 * Groups by the square of a grid in which a point falls; each group stands at the middle of its points.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => {x: number, y: number}} at position in pixels
 * @param {number} size side of a square in pixels
 * @returns {Cluster<T>[]}
 */
export function clusters(items, at, size) {
  /** @type {Map<string, Cluster<T>>} */
  const found = new Map();
  for (const item of items) {
    const { x, y } = at(item);
    const key = `${Math.floor(x / size)}:${Math.floor(y / size)}`;
    const known = found.get(key);
    if (known) {
      const n = known.items.push(item);
      known.x += (x - known.x) / n;
      known.y += (y - known.y) / n;
    } else {
      found.set(key, { x, y, items: [item] });
    }
  }
  return [...found.values()];
}
