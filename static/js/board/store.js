/** The board in memory: people in their order, their bars by time, the queue. Pure; knows nothing of the page. */

import { bar as toBar, queued as toQueued, technician as toTechnician } from "./data.js";
import { arranged, isHeading } from "./order.js";
import { outlookAt, overrunAt } from "./outlook.js";
import { faultsOf } from "./faults.js";
import { reachOf } from "./windowing.js";

/** @typedef {import("./data.js").Bar} Bar */
/** @typedef {import("./data.js").Technician} Technician */
/** @typedef {import("./data.js").Queued} Queued */
/** @typedef {import("./order.js").Group} Group */
/** @typedef {import("./order.js").Order} Order */
/** @typedef {import("./verdicts.js").Verdict} Verdict */

/** @typedef {{visits: ReadonlySet<number>, people: ReadonlySet<number>}} Held what keeps its face for the moment */
/**
 * @typedef {object} Merged what looks different now
 * @property {Set<number>} visits
 * @property {Set<number>} people
 * @property {Set<number>} rows people whose bars differ
 * @property {boolean} queue
 * @property {boolean} grown there are new people
 * @property {boolean} held something was held
 */

/**
 * Whether two pieces of data say the same. Comparing them by their text would cost several times as much, and most of
 * what comes by is as it was.
 *
 * @param {any} one @param {any} other @returns {boolean}
 */
export function same(one, other) {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => same(one[name], other[name]));
}

/** @param {Queued} one @param {Queued} other */
const byRank = (one, other) => (one.rank ?? "").localeCompare(other.rank ?? "") || one.visit_id - other.visit_id;

export class Board {
  /** @type {Map<number, ReadonlyMap<string, string>>} */
  #faults = new Map();

  /** @param {import("./data.js").RawBoard} raw */
  constructor(raw) {
    this.date = raw.date;
    this.zone = raw.zone;
    this.start = Date.parse(raw.day_start);
    this.end = Date.parse(raw.day_end);
    this.now = Date.parse(raw.now);
    this.territories = raw.territories ?? [];
    /** @type {Order} */
    this.order = "name";
    /** @type {Group} */
    this.group = "none";
    /** @type {Map<number, Verdict>} what the server said about each person for the visit now carried or selected */
    this.verdicts = new Map();
    /** @type {Technician[]} */
    this.given = [];
    /** @type {Technician[]} */
    this.technicians = [];
    /** @type {Map<number, number>} place of a person among the people */
    this.indexOf = new Map();
    /** @type {(Technician | import("./order.js").Heading)[]} what stands on the board from top to bottom */
    this.lines = [];
    /** @type {Map<number, number>} place of a person among the lines */
    this.lineOf = new Map();
    /** @type {Map<string, Bar>} */
    this.bars = new Map();
    /** @type {Map<number, Set<string>>} bars by visit */
    this.of = new Map();
    /** @type {Map<number, Bar[]>} */
    this.rows = new Map();
    /** @type {Queued[]} */
    this.queue = [];
    this.reach = 0;
    this.replace(raw);
  }

  /** Takes a newer answer for the same day. @param {import("./data.js").RawBoard} raw */
  replace(raw) {
    this.now = Date.parse(raw.now);
    this.given = raw.technicians.map(toTechnician);
    this.bars = new Map();
    this.of = new Map();
    for (const one of raw.bars) this.put(this.#bar(one));
    this.queue = raw.queue.map(toQueued);
    this.#fillRows();
    this.arrange();
  }

  /** Keeps a bar in place of an older one; rows are told later. @param {Bar} one */
  put(one) {
    this.bars.set(one.id, one);
    const known = this.of.get(one.visitId);
    if (known) known.add(one.id);
    else this.of.set(one.visitId, new Set([one.id]));
  }

  /** @param {string} id */
  #drop(id) {
    const visitId = this.bars.get(id)?.visitId ?? 0;
    const known = this.of.get(visitId);
    known?.delete(id);
    if (known?.size === 0) this.of.delete(visitId);
    this.bars.delete(id);
  }

  /** Takes the outcome of one change. @param {Partial<import("./data.js").Change>} change */
  apply(change) {
    for (const id of change.removed ?? []) this.#drop(String(id));
    for (const raw of change.bars ?? []) this.put(this.#bar(raw));
    if (change.queue) this.queue = change.queue.map(toQueued);
    const changed = new Map((change.technicians ?? []).map((raw) => [raw.id, toTechnician(raw)]));
    if (changed.size > 0) this.given = this.given.map((one) => changed.get(one.id) ?? one);
    this.#fillRows();
    // People keep their rows while one works on them; a new order is only made when asked for.
    const now = new Map(this.given.map((one) => [one.id, one]));
    this.#place(this.lines.map((one) => (isHeading(one) ? one : (now.get(one.id) ?? one))));
  }

  /**
   * Takes what changed elsewhere. What looks as before keeps its object, so that only what differs is drawn; people keep
   * their rows, and new ones come last.
   *
   * @param {import("./data.js").Delta} delta
   * @param {Held} held
   * @returns {Merged}
   */
  merge(delta, held) {
    /** @type {Merged} */
    const merged = { visits: new Set(), people: new Set(), rows: new Set(), queue: false, grown: false, held: false };
    const visits = delta.visits.filter((id) => !held.visits.has(id));
    const people = new Set(delta.people.filter((id) => !held.people.has(id)));
    merged.held = visits.length < delta.visits.length || people.size < delta.people.length;
    const asked = new Set(visits);
    /** @param {Bar} one */
    const wanted = (one) => !held.visits.has(one.visitId) && (asked.has(one.visitId) || people.has(one.technicianId ?? 0));
    const fresh = new Map(delta.bars.map((raw) => this.#bar(raw)).filter(wanted).map((one) => [one.id, one]));
    for (const id of this.#known(visits, people, fresh.keys())) {
      const old = /** @type {Bar} */ (this.bars.get(id));
      const now = fresh.get(id);
      if (!now && !wanted(old)) continue;
      if (now && same(old, now)) {
        fresh.delete(id);
        continue;
      }
      merged.visits.add(old.visitId);
      merged.rows.add(old.technicianId ?? 0);
      if (!now) this.#drop(id);
    }
    for (const now of fresh.values()) {
      merged.visits.add(now.visitId);
      merged.rows.add(now.technicianId ?? 0);
      this.put(now);
    }
    this.#mergePeople(delta.technicians.map(toTechnician), held, merged);
    this.#mergeQueue(delta, merged);
    if (merged.grown) this.#fillRows();
    else this.#renewRows(merged.rows, [...fresh.values()]);
    return merged;
  }

  /** @param {import("./data.js").RawBar} raw @returns {Bar} */
  #bar(raw) {
    const made = toBar(raw);
    made.overrunS = overrunAt(made, this.now);
    return made;
  }

  /** What speaks against the visits of somebody's day as it stands, by bar; kept until the day changes. @param {number} technicianId */
  faults(technicianId) {
    let found = this.#faults.get(technicianId);
    if (!found) {
      const person = this.person(technicianId);
      found = person ? faultsOf(person, this.row(technicianId)) : new Map();
      this.#faults.set(technicianId, found);
    }
    return found;
  }

  /** The bars there are of some visits, of some people, and by their own names. @param {Iterable<number>} visits @param {Iterable<number>} people @param {Iterable<string>} names */
  #known(visits, people, names) {
    const found = new Set();
    for (const id of visits) for (const name of this.of.get(id) ?? []) found.add(name);
    for (const id of people) for (const one of this.row(id)) found.add(one.id);
    for (const name of names) if (this.bars.has(name)) found.add(name);
    return found;
  }

  /** Sorts only the rows that changed: there are hundreds, and changes come four times a second. @param {ReadonlySet<number>} rows @param {Bar[]} fresh */
  #renewRows(rows, fresh) {
    for (const id of rows) {
      const row = this.rows.get(id);
      if (!row) continue;
      this.#faults.delete(id);
      const kept = row.filter((one) => this.bars.get(one.id) === one);
      this.rows.set(id, [...kept, ...fresh.filter((one) => one.technicianId === id)].sort((a, b) => a.start - b.start));
    }
    this.reach = Math.max(this.reach, reachOf(fresh));
  }

  /** @param {Technician[]} fresh @param {Held} held @param {Merged} merged */
  #mergePeople(fresh, held, merged) {
    const known = new Map(this.given.map((one) => [one.id, one]));
    /** @type {Map<number, Technician>} */
    const changed = new Map();
    for (const one of fresh) {
      const old = known.get(one.id);
      if (old && same(old, one)) continue;
      if (held.people.has(one.id)) {
        merged.held = true;
        continue;
      }
      merged.people.add(one.id);
      changed.set(one.id, one);
      if (!old) merged.grown = true;
    }
    if (changed.size === 0) return;
    const added = [...changed.values()].filter((one) => !known.has(one.id));
    for (const id of changed.keys()) this.#faults.delete(id);
    this.given = [...this.given.map((one) => changed.get(one.id) ?? one), ...added];
    const lines = this.lines.map((one) => (isHeading(one) ? one : (changed.get(one.id) ?? one)));
    this.#place([...lines, ...(added.length > 0 && this.group !== "none" ? [{ group: "New on the board", count: added.length }] : []), ...added]);
  }

  /** @param {import("./data.js").Delta} delta @param {Merged} merged */
  #mergeQueue(delta, merged) {
    const asked = new Set(delta.visits);
    const old = this.queue.filter((one) => asked.has(one.visit_id));
    if (same(old.toSorted(byRank), delta.queue.map(toQueued).toSorted(byRank))) return;
    for (const one of [...old, ...delta.queue]) merged.visits.add(one.visit_id);
    merged.queue = true;
    this.queue = [...this.queue.filter((one) => !asked.has(one.visit_id)), ...delta.queue.map(toQueued)].sort(byRank);
  }

  /**
   * Lets time pass: promises stand worse the later it is.
   *
   * @param {number} now
   * @param {ReadonlySet<number>} held visits that keep their face for the moment
   * @returns {Set<number>} people of whom a bar looks different now
   */
  passTime(now, held) {
    this.now = now;
    /** @type {Bar[]} */
    const fresh = [];
    for (const one of this.bars.values()) {
      const state = outlookAt(one, now);
      const overrunS = overrunAt(one, now);
      if ((state === one.promiseState && overrunS === one.overrunS) || held.has(one.visitId)) continue;
      fresh.push({ ...one, promiseState: state, overrunS });
    }
    for (const one of fresh) this.bars.set(one.id, one);
    const rows = new Set(fresh.map((one) => one.technicianId ?? 0));
    this.#renewRows(rows, fresh);
    return rows;
  }

  #fillRows() {
    this.#faults.clear();
    this.rows = new Map(this.given.map((one) => [one.id, /** @type {Bar[]} */ ([])]));
    for (const one of this.bars.values()) {
      if (one.technicianId !== null) this.rows.get(one.technicianId)?.push(one);
    }
    for (const row of this.rows.values()) row.sort((a, b) => a.start - b.start);
    this.reach = reachOf([...this.bars.values()]);
  }

  /** Puts people into an order and under headings. @param {{order?: Order, group?: Group}} [how] what is not said stays as it is */
  arrange({ order = this.order, group = this.group } = {}) {
    this.order = order;
    this.group = group;
    this.#place(arranged(this.given, group, order, (id) => this.verdicts.get(id)?.place?.travelS));
  }

  /** What the server said about the selected visit; where people stand by how near they are to it they stand anew. @param {Map<number, Verdict>} verdicts */
  answer(verdicts) {
    this.verdicts = verdicts;
    if (this.order === "near") this.arrange();
  }

  /** @param {(Technician | import("./order.js").Heading)[]} lines */
  #place(lines) {
    this.lines = lines;
    this.technicians = lines.flatMap((one) => (isHeading(one) ? [] : [one]));
    this.indexOf = new Map(this.technicians.map((one, index) => [one.id, index]));
    this.lineOf = new Map();
    lines.forEach((one, index) => {
      if (!isHeading(one)) this.lineOf.set(one.id, index);
    });
  }

  /** @param {number | null | undefined} id @returns {Technician | undefined} */
  person(id) {
    return this.technicians[this.indexOf.get(id ?? -1) ?? -1];
  }

  /** From the first to the last minute that somebody works or a visit takes; the whole day when nobody does. */
  get worked() {
    let start = this.end;
    let end = this.start;
    for (const one of [...this.given.flatMap((person) => person.shifts), ...this.bars.values()]) {
      start = Math.min(start, one.start);
      end = Math.max(end, one.end);
    }
    if (start >= end) return { start: this.start, end: this.end };
    return { start: Math.max(start, this.start), end: Math.min(end, this.end) };
  }

  /** @param {number} technicianId @returns {readonly Bar[]} */
  row(technicianId) {
    return this.rows.get(technicianId) ?? [];
  }

  /** @param {number} visitId @returns {Bar | undefined} */
  barOfVisit(visitId) {
    const [id] = this.of.get(visitId) ?? [];
    return id === undefined ? undefined : this.bars.get(id);
  }
}
