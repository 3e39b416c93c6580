/**
 * Keeps the board true while others work on it: takes what the stream tells, marks what other people changed, and leaves
 * alone what is under the pointer, has the focus or is being carried. What was left alone is asked for anew as soon as it
 * is let go, so nothing old is ever put back.
 */

import { announce } from "../page/announce.js";
import { follow } from "../live/client.js";
import { BoardUnavailable, fetchBoard } from "./data.js";
import { Freshness } from "./freshness.js";
import { Marks } from "./marks.js";
import { QueueList } from "./queue.js";
import { showLoad } from "./rows.js";
import { Spoken } from "./spoken.js";

/** @typedef {import("./data.js").Delta} Delta */
/** @typedef {import("./data.js").Noted} Noted */

const CHECK_MS = 250;
const DATA_EVENT_MS = 1000;
const TIME_EVERY_MS = 4000;
/** A whole office must not load the board in the same second. */
const WHOLE_SPREAD_MS = 2000;

export class Live {
  /**
   * @param {import("./view.js").GanttView} view
   * @param {import("./gantt.js").Gantt} gantt
   * @param {HTMLElement} host carries data-url, data-view, data-stream-url, data-changes-url, data-worker and data-who
   * @param {number} position of the change log that the board was read at
   */
  constructor(view, gantt, host, position) {
    this.view = view;
    this.board = view.board;
    this.gantt = gantt;
    this.host = host;
    this.position = position;
    /** @type {number | null} from where to ask anew once nothing is held any more */
    this.heldFrom = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {string | undefined} what was held when something had to wait */
    this.heldKeys = undefined;
    this.dataTimer = 0;
    this.marks = new Marks(view);
    this.spoken = new Spoken(announce);
    this.queue = new QueueList(this.board);
    const tools = host.querySelector(".gantt-tools");
    this.freshness = new Freshness(tools instanceof HTMLElement ? tools : host, view.words, () => void this.ask());
    const { view: name = "", streamUrl = "", changesUrl = "", worker, who = "" } = host.dataset;
    this.name = name;
    this.changesUrl = changesUrl;
    follow({ view: name, position: () => this.position, urls: { stream: streamUrl, changes: changesUrl }, worker, who }, (told) => this.#hear(told));
    document.addEventListener("board:changed", () => this.queue.update({ own: true }));
  }

  /** Asks for what is new since the last news; what one changed oneself is shown without waiting for the stream. */
  async ask() {
    await this.#askSince(this.position);
  }

  /** @param {import("../live/source.js").Heard | import("../live/source.js").Trouble | {kind: "joined", to: number}} told */
  #hear(told) {
    if (told.kind === "trouble") return this.freshness.trouble(told.why);
    if (told.kind === "joined") {
      if (told.to > this.position) void this.ask();
      return;
    }
    this.freshness.heard(told.by);
    this.#take(told.views[this.name] ?? [], told.to);
    this.#passTime(Date.parse(told.now));
  }

  /** @param {Delta[]} deltas @param {number} to */
  #take(deltas, to) {
    if (to <= this.position) return;
    const from = this.position;
    this.position = to;
    if (deltas.some((one) => one.whole)) {
      setTimeout(() => void this.#whole(), Math.random() * WHOLE_SPREAD_MS);
      return;
    }
    this.#apply(deltas, from);
  }

  /** @param {Delta[]} deltas @param {number} from position before them */
  #apply(deltas, from) {
    if (deltas.length === 0) return;
    if (this.gantt.busy) return this.#wait(from);
    const held = this.#held();
    for (const delta of deltas) {
      const merged = this.board.merge(delta, held);
      this.#mark(delta.changes, from, merged, held);
      if (merged.held) this.#wait(from);
      if (merged.grown) this.view.count();
      this.#draw(merged);
    }
    this.marks.paint();
  }

  /** Shows what differs, as far as it is in sight. @param {import("./store.js").Merged} merged */
  #draw({ visits, people, rows, queue, grown }) {
    if (visits.size === 0 && people.size === 0) return;
    for (const id of people) {
      const drawn = this.view.drawn.get(id);
      const person = this.board.person(id);
      if (drawn && person && showLoad(drawn.row, drawn.person, person)) drawn.person = person;
    }
    if (grown) this.view.draw();
    else this.view.drawRows(new Set([...rows, ...people]));
    if (queue) this.queue.update();
    else this.queue.count();
    this.#tellData();
  }

  #tellData() {
    this.dataTimer ||= window.setTimeout(() => {
      this.dataTimer = 0;
      document.dispatchEvent(new CustomEvent("board:data", { detail: { board: this.board } }));
    }, DATA_EVENT_MS);
  }

  /** What must not move now: what is pointed at, has the focus, or is in the hand. @returns {import("./store.js").Held} */
  #held() {
    const visits = new Set();
    const people = new Set();
    /** @param {string | undefined} id */
    const bar = (id) => {
      const visit = this.board.bars.get(id ?? "")?.visitId;
      if (visit !== undefined) visits.add(visit);
    };
    const { body, grid, active } = this.view;
    const row = body.querySelector(":scope > .gantt-row:hover");
    if (row instanceof HTMLElement) {
      people.add(Number(row.dataset.technician));
      const pointed = row.querySelector(".bar:hover");
      if (pointed instanceof HTMLElement) bar(pointed.dataset.bar);
    }
    if (active && document.activeElement === grid) {
      people.add(active.technicianId);
      if (active.key.startsWith("bar-")) bar(active.key.slice(4));
    }
    for (const carried of [this.gantt.carried?.bar, this.gantt.drag.now?.bar]) {
      if (!carried) continue;
      visits.add(carried.visitId);
      if (carried.technicianId !== null) people.add(carried.technicianId);
    }
    return { visits, people };
  }

  /** @param {number} from */
  #wait(from) {
    this.heldFrom = Math.min(this.heldFrom ?? from, from);
    this.heldKeys ??= this.#keys();
    this.timer ??= setTimeout(() => this.#letGo(), CHECK_MS);
  }

  #keys() {
    const { visits, people } = this.#held();
    return `${this.gantt.busy} ${[...visits]} ${[...people]}`;
  }

  /** As soon as something else is held, or nothing, what was missed is asked for. */
  #letGo() {
    this.timer = undefined;
    const from = this.heldFrom;
    if (from === null) return;
    if (this.#keys() === this.heldKeys) {
      this.timer = setTimeout(() => this.#letGo(), CHECK_MS);
      return;
    }
    this.heldFrom = null;
    this.heldKeys = undefined;
    void this.#askSince(from);
  }

  /** @param {number} from @returns {Promise<void>} */
  async #askSince(from) {
    const asked = new URLSearchParams({ view: this.name, since: String(from) });
    const answer = await fetch(`${this.changesUrl}?${asked}`, { headers: { Accept: "application/json" }, cache: "no-store" }).catch(() => null);
    if (!answer?.ok) return;
    /** @type {import("../live/source.js").News} */
    const news = await answer.json();
    // What the stream told meanwhile is newer than this answer, which must not undo it.
    if (news.to < this.position) return this.#askSince(from);
    this.position = news.to;
    this.freshness.heard("poll");
    const deltas = /** @type {Delta[]} */ (news.views[this.name] ?? []);
    if (deltas.some((one) => one.whole)) return this.#whole();
    this.#apply(deltas, from);
  }

  /** Too much changed to tell it: the day is loaded anew, and whoever stood at the top stays there. */
  async #whole() {
    if (!this.gantt.idle) {
      setTimeout(() => void this.#whole(), CHECK_MS);
      return;
    }
    try {
      const raw = await fetchBoard(this.host.dataset.url ?? "");
      const { grid, rowHeight } = this.view;
      const line = Math.floor(grid.scrollTop / rowHeight);
      const top = this.board.technicians.find((one) => (this.board.lineOf.get(one.id) ?? 0) >= line);
      const inside = top ? grid.scrollTop - (this.board.lineOf.get(top.id) ?? 0) * rowHeight : 0;
      this.board.replace(raw);
      const now = top ? this.board.lineOf.get(top.id) : undefined;
      this.view.redraw();
      if (now !== undefined) grid.scrollTop = now * rowHeight + inside;
      this.queue.update();
      this.#tellData();
      const behind = (raw.position ?? 0) < this.position;
      this.position = Math.max(this.position, raw.position ?? 0);
      if (behind) await this.#askSince(raw.position ?? 0);
    } catch (error) {
      if (!(error instanceof BoardUnavailable)) throw error;
      setTimeout(() => void this.#whole(), 5000);
    }
  }

  /** @param {number} now */
  #passTime(now) {
    if (now - this.board.now < TIME_EVERY_MS) return;
    const rows = this.board.passTime(now, this.#held().visits);
    this.view.tick();
    if (rows.size === 0) return;
    this.view.drawRows(rows);
    this.queue.count();
    this.#tellData();
  }

  /** @param {Noted[]} changes @param {number} from @param {import("./store.js").Merged} merged @param {import("./store.js").Held} held */
  #mark(changes, from, merged, held) {
    for (const { seq, own, by, initials, visits, people } of changes) {
      if (seq <= from) continue;
      if (own) for (const id of visits) this.marks.clear("visit", id);
      if (!by || !initials) continue;
      for (const id of visits) {
        if (!merged.visits.has(id) && !held.visits.has(id)) continue;
        this.marks.set("visit", id, { by, initials });
        this.spoken.note(id, { by, words: () => this.#words(id) });
      }
      for (const id of people) if (merged.people.has(id)) this.marks.set("row", id, { by, initials });
    }
  }

  /** @param {number} visitId @returns {string} */
  #words(visitId) {
    const bar = this.board.barOfVisit(visitId);
    if (bar) {
      const person = this.board.person(bar.technicianId);
      return `${bar.title}, ${person?.name ?? ""}, ${this.view.words.span(bar)}`;
    }
    const waiting = this.board.queue.find((one) => one.visit_id === visitId);
    return waiting ? `${waiting.title} waits for somebody` : "a visit left this day";
  }
}
