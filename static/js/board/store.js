/** The board in memory: people in their order, their bars by time, the queue. Pure; knows nothing of the page. */

import { bar as toBar, queued as toQueued, technician as toTechnician } from "./data.js";
import { reachOf } from "./windowing.js";

/** @typedef {import("./data.js").Bar} Bar */
/** @typedef {import("./data.js").Technician} Technician */
/** @typedef {import("./data.js").Queued} Queued */
/** @typedef {"given" | "name" | "load" | "free"} Order */
/** @typedef {{verdict: "fits" | "costs" | "blocked", words: string}} Verdict */

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
    this.order = "given";
    /** @type {Map<number, Verdict>} what the server said about each person for the visit now carried or selected */
    this.verdicts = new Map();
    /** @type {Technician[]} */
    this.given = [];
    /** @type {Technician[]} */
    this.technicians = [];
    /** @type {Map<number, number>} */
    this.indexOf = new Map();
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
    this.sort(this.order);
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
    this.technicians = this.technicians.map((one) => now.get(one.id) ?? one);
  }

  #fillRows() {
    this.rows = new Map(this.given.map((one) => [one.id, /** @type {Bar[]} */ ([])]));
    for (const one of this.bars.values()) {
      if (one.technicianId !== null) this.rows.get(one.technicianId)?.push(one);
    }
    for (const row of this.rows.values()) row.sort((a, b) => a.start - b.start);
    this.reach = reachOf([...this.bars.values()]);
  }

  /** @param {Order} order */
  sort(order) {
    this.order = order;
    const people = [...this.given];
    if (order === "name") people.sort((a, b) => a.name.localeCompare(b.name));
    if (order === "load") people.sort((a, b) => b.loadS - a.loadS);
    if (order === "free") people.sort((a, b) => b.capacityS - b.loadS - (a.capacityS - a.loadS));
    this.technicians = people;
    this.indexOf = new Map(people.map((one, index) => [one.id, index]));
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
