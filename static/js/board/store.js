/** The board in memory: people in their order, their bars by time, the queue. Pure; knows nothing of the page. */

import { bar as toBar, queued as toQueued, technician as toTechnician } from "./data.js";
import { arranged, isHeading } from "./order.js";
import { outlookAt } from "./outlook.js";
import { reachOf } from "./windowing.js";

/** @typedef {import("./data.js").Bar} Bar */
/** @typedef {import("./data.js").Technician} Technician */
/** @typedef {import("./data.js").Queued} Queued */
/** @typedef {import("./order.js").Group} Group */
/** @typedef {import("./order.js").Order} Order */
/** @typedef {import("./verdicts.js").Verdict} Verdict */

/** @typedef {{visits: ReadonlySet<number>, people: ReadonlySet<number>}} Held what keeps its face for the moment */
/** @typedef {{visits: Set<number>, people: Set<number>, grown: boolean, held: boolean}} Merged what looks different now, and whether something was held */

/** @param {unknown} one @param {unknown} other */
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** @param {Queued} one @param {Queued} other */
const byRank = (one, other) => (one.rank ?? "").localeCompare(other.rank ?? "") || one.visit_id - other.visit_id;

export class Board {
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
    this.bars = new Map(raw.bars.map((one) => [String(one.id), toBar(one)]));
    this.queue = raw.queue.map(toQueued);
    this.#fillRows();
    this.arrange();
  }

  /** Takes the outcome of one change. @param {Partial<import("./data.js").Change>} change */
  apply(change) {
    for (const id of change.removed ?? []) this.bars.delete(String(id));
    for (const raw of change.bars ?? []) this.bars.set(String(raw.id), toBar(raw));
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
    const merged = { visits: new Set(), people: new Set(), grown: false, held: false };
    const visits = new Set(delta.visits.filter((id) => !held.visits.has(id)));
    const people = new Set(delta.people.filter((id) => !held.people.has(id)));
    merged.held = visits.size < delta.visits.length || people.size < delta.people.length;
    /** @param {Bar} one */
    const asked = (one) => !held.visits.has(one.visitId) && (visits.has(one.visitId) || people.has(one.technicianId ?? 0));
    const fresh = new Map(delta.bars.map(toBar).filter(asked).map((one) => [one.id, one]));
    /** @type {Set<number | null>} */
    const rows = new Set();
    for (const [id, old] of this.bars) {
      const now = fresh.get(id);
      if (!now && !asked(old)) continue;
      if (now && same(old, now)) {
        fresh.delete(id);
        continue;
      }
      merged.visits.add(old.visitId);
      rows.add(old.technicianId);
      if (!now) this.bars.delete(id);
    }
    for (const [id, now] of fresh) {
      merged.visits.add(now.visitId);
      rows.add(now.technicianId);
      this.bars.set(id, now);
    }
    this.#mergePeople(delta.technicians.map(toTechnician), held, merged);
    this.#mergeQueue(delta, merged);
    if (merged.grown) this.#fillRows();
    else this.#renewRows(rows, [...fresh.values()]);
    return merged;
  }

  /** Sorts only the rows that changed: there are hundreds, and changes come four times a second. @param {ReadonlySet<number | null>} rows @param {Bar[]} fresh */
  #renewRows(rows, fresh) {
    for (const id of rows) {
      const row = id === null ? undefined : this.rows.get(id);
      if (id === null || !row) continue;
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
    this.queue = [...this.queue.filter((one) => !asked.has(one.visit_id)), ...delta.queue.map(toQueued)].sort(byRank);
  }

  /**
   * Lets time pass: promises stand worse the later it is.
   *
   * @param {number} now
   * @param {ReadonlySet<number>} held visits that keep their face for the moment
   * @returns {boolean} whether a bar looks different now
   */
  passTime(now, held) {
    this.now = now;
    /** @type {Bar[]} */
    const fresh = [];
    for (const one of this.bars.values()) {
      const state = outlookAt(one, now);
      if (state === one.promiseState || held.has(one.visitId)) continue;
      fresh.push({ ...one, promiseState: state });
    }
    for (const one of fresh) this.bars.set(one.id, one);
    this.#renewRows(new Set(fresh.map((one) => one.technicianId)), fresh);
    return fresh.length > 0;
  }

  #fillRows() {
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
    for (const one of this.bars.values()) if (one.visitId === visitId) return one;
    return undefined;
  }
}
