/**
 * In which order people stand on the board, and under which headings. The list and paper have the same order from
 * planning/board_order.py. Pure.
 */

/** @typedef {import("./data.js").Technician} Technician */
/** @typedef {"none" | "territory" | "team" | "skill" | "partner"} Group */
/** @typedef {"name" | "load" | "free" | "near"} Order */
/** @typedef {{group: string, count: number}} Heading */

/** @type {[Group, string][]} */
export const GROUPS = [
  ["none", "Nothing"],
  ["territory", "Territory"],
  ["team", "Team"],
  ["skill", "Skill"],
  ["partner", "Partner"],
];
/** @type {[Order, string][]} */
export const ORDERS = [
  ["name", "Name"],
  ["load", "Fullest first"],
  ["free", "Most free time first"],
  ["near", "Nearest to the selected job"],
];
const WITHOUT = { territory: "Work elsewhere", team: "In no team", skill: "No skill recorded", partner: "Our own people" };
const FIELD = /** @type {const} */ ({ territory: "territory", team: "team", skill: "trade", partner: "partner" });

/** @param {Technician} one @param {Technician} other */
const byName = (one, other) => one.name.localeCompare(other.name) || one.id - other.id;

/**
 * @param {Order} order
 * @param {(technicianId: number) => number | undefined} way seconds from where somebody is to the selected job
 * @returns {(one: Technician, other: Technician) => number}
 */
function comparison(order, way) {
  switch (order) {
    case "load":
      return (one, other) => other.loadS - one.loadS || byName(one, other);
    case "free":
      return (one, other) => other.capacityS - other.loadS - (one.capacityS - one.loadS) || byName(one, other);
    case "near": {
      const far = (/** @type {Technician} */ one) => way(one.id) ?? Number.MAX_SAFE_INTEGER;
      return (one, other) => far(one) - far(other) || byName(one, other);
    }
    default:
      return byName;
  }
}

/**
 * @param {readonly Technician[]} people
 * @param {Group} group
 * @param {Order} order
 * @param {(technicianId: number) => number | undefined} way
 * @returns {(Technician | Heading)[]} the lines of the board from top to bottom; who belongs to no group comes last
 */
export function arranged(people, group, order, way) {
  const sorted = [...people].sort(comparison(order, way));
  if (group === "none") return sorted;
  /** @type {Map<string | null, Technician[]>} */
  const groups = new Map();
  for (const one of sorted) {
    const name = one[FIELD[group]];
    const known = groups.get(name);
    if (known) known.push(one);
    else groups.set(name, [one]);
  }
  const names = [...groups.keys()].sort((a, b) => (a === null ? 1 : b === null ? -1 : a.localeCompare(b)));
  return names.flatMap((name) => {
    const own = groups.get(name) ?? [];
    return [{ group: name ?? WITHOUT[group], count: own.length }, ...own];
  });
}

/** @param {Technician | Heading} line @returns {line is Heading} */
export function isHeading(line) {
  return "group" in line;
}
