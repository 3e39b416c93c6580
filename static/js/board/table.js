/** Bars as they are sent: a table with each name said once, instants as seconds of the epoch, spans as pairs of them. */

/** @typedef {import("./data.js").RawBar} RawBar */
/** @typedef {{columns: string[], rows: unknown[][]}} Table */

/** @param {Table} table @returns {RawBar[]} */
export function barsOf({ columns, rows }) {
  return rows.map((row) => {
    /** @type {Record<string, unknown>} */
    const one = {};
    for (const [index, name] of columns.entries()) one[name] = row[index];
    const [start, end] = /** @type {[number, number] | []} */ (one.promise ?? []);
    if (start !== undefined) one.promise = { start, end };
    one.assignment_id = one.id;
    one.pinned = one.pinned === 1;
    one.drafted = one.drafted === 1;
    one.elsewhere = one.elsewhere === 1;
    return /** @type {RawBar} */ (/** @type {unknown} */ (one));
  });
}
