/** The board's grid as people use it: walking, opening, picking up, dropping; it talks to the server and keeps the view true. */

import { announce } from "../page/announce.js";
import { isTyping, nameOf, ownKeys } from "../page/shortcuts.js";
import { showToast } from "../page/toasts.js";
import { describe, hasMoved, inTime, pickUp, toRow, whyFixed } from "./carry.js";
import { cellsOf, keyOf, nearest, startOf } from "./cells.js";
import { Drag } from "./drag.js";
import { Ghost } from "./ghost.js";
import { whileCarrying, whileWalking, zoomBy } from "./keys.js";
import { ZOOMS } from "./scale.js";
import { Selection } from "./selection.js";
import { MoveRefused, moveFields, post } from "./submit.js";
import { placeFields, placeOf } from "./verdicts.js";
import { duration } from "./words.js";

/** @typedef {import("./carry.js").Carried} Carried */
/** @typedef {import("./cells.js").Cell} Cell */
/** @typedef {import("./data.js").Bar} Bar */

export class Gantt {
  /**
   * @param {import("./view.js").GanttView} view
   * @param {{moveUrl: string | undefined, refresh: () => Promise<void>, open: (what: {visitId: number, assignmentId: number | null, jobId: number}, focus: boolean) => void,
   *   openPerson: (id: number) => void, call: (person: import("./data.js").Technician, beside: Element | null) => void, cannotWork: (id: number) => void,
   *   ask: (visitId: number, assignmentId: number | null) => Promise<import("./verdicts.js").Answer | null>,
   *   close: () => void, zoomed: () => void, done: () => void}} outside done: what was selected has its place, so its panel goes
   */
  constructor(view, outside) {
    this.view = view;
    this.board = view.board;
    this.outside = outside;
    this.ghost = new Ghost(view);
    /** @type {Carried | null} */
    this.carried = null;
    /** @type {boolean} */
    this.busy = false;
    this.selection = new Selection(view, outside.ask, (answer, place) => void this.book(placeFields(answer, place), answer.visitId));
    this.drag = new Drag(view, this.ghost, {
      begin: (bar) => void this.#askVerdicts(bar),
      drop: (carried) => void this.drop(carried),
      cancel: () => this.#forgetVerdicts(),
    });
    view.grid.addEventListener("keydown", (event) => this.#key(event));
    view.grid.addEventListener("focus", () => this.#arrive());
    view.body.addEventListener("click", (event) => this.#click(event));
    // Closer and further away are meant wherever one is on the page.
    document.addEventListener("keydown", (event) => {
      const meant = event.defaultPrevented || isTyping(document.activeElement) ? null : zoomBy(nameOf(event) ?? "", ownKeys());
      if (!meant) return;
      event.preventDefault();
      this.zoom(meant.by);
    });
  }

  /** Nothing is carried, so data may change under the hand. */
  get idle() {
    return this.carried === null && this.drag.now === null && !this.busy;
  }

  /** @returns {Cell[]} */
  #cells() {
    const person = this.board.person(this.view.active?.technicianId);
    return person ? cellsOf(person, this.board.row(person.id)) : [];
  }

  #arrive() {
    const first = this.board.technicians[0];
    if (this.view.active && this.board.indexOf.has(this.view.active.technicianId)) this.view.draw();
    else if (first) this.#goTo(first.id, { kind: "head" });
  }

  /** @param {number} technicianId @param {Cell} cell */
  #goTo(technicianId, cell) {
    this.view.active = { technicianId, key: keyOf(cell) };
    if (cell.kind === "head") this.view.reveal(technicianId, null, null);
    else if (cell.kind === "bar") this.view.reveal(technicianId, cell.bar.start, cell.bar.end);
    else this.view.reveal(technicianId, cell.start, cell.end);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const action = this.carried ? whileCarrying(event) : whileWalking(event, ownKeys());
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.busy) return;
    switch (action.kind) {
      case "row":
        return this.#toRow(action.by);
      case "cell":
        return this.#toCell(action.by);
      case "edge":
        return this.#toEdge(action.to, action.all);
      case "open":
        return this.#open();
      case "pick":
        return this.#pick();
      case "call":
        return this.#call();
      case "away":
        return this.view.active ? this.outside.cannotWork(this.view.active.technicianId) : undefined;
      case "zoom":
        return this.zoom(action.by);
      case "time":
        return this.#carry((carried) => inTime(this.board, carried, action.minutes));
      case "technician":
        return this.#carry((carried) => toRow(this.board, carried, action.by, action.any));
      case "drop":
        return void (this.carried && this.drop(this.carried));
      case "cancel":
        return this.#putBack("Put back where it was.");
      case "leave":
        return this.#leave();
    }
  }

  /** Nothing is selected any more, and its panel goes. */
  #leave() {
    this.outside.done();
    document.dispatchEvent(new CustomEvent("board:deselect"));
  }

  /** @param {number} by */
  #toRow(by) {
    const { active } = this.view;
    const index = this.board.indexOf.get(active?.technicianId ?? -1) ?? 0;
    const target = this.board.technicians[Math.min(Math.max(index + by, 0), this.board.technicians.length - 1)];
    if (!target) return;
    const here = this.#cells().find((one) => keyOf(one) === active?.key);
    const cells = cellsOf(target, this.board.row(target.id));
    this.#goTo(target.id, /** @type {Cell} */ (cells[nearest(cells, here ? startOf(here) : Number.NEGATIVE_INFINITY)]));
  }

  /** @param {number} by */
  #toCell(by) {
    const cells = this.#cells();
    const id = this.view.active?.technicianId;
    const index = cells.findIndex((one) => keyOf(one) === this.view.active?.key);
    const target = cells[Math.min(Math.max(index + by, 0), cells.length - 1)];
    if (target && id !== undefined) this.#goTo(id, target);
  }

  /** @param {"first" | "last"} to @param {boolean} all */
  #toEdge(to, all) {
    if (all) {
      const person = to === "first" ? this.board.technicians[0] : this.board.technicians.at(-1);
      if (person) this.#goTo(person.id, { kind: "head" });
      return;
    }
    const cells = this.#cells();
    const target = to === "first" ? cells[0] : cells.at(-1);
    const id = this.view.active?.technicianId;
    if (target && id !== undefined) this.#goTo(id, target);
  }

  /** @returns {Bar | null} */
  #activeBar() {
    const cell = this.#cells().find((one) => keyOf(one) === this.view.active?.key);
    return cell?.kind === "bar" ? cell.bar : null;
  }

  #open() {
    const bar = this.#activeBar();
    if (bar) this.#select(bar, true);
    else if (this.view.active?.key === "head") this.outside.openPerson(this.view.active.technicianId);
  }

  /**
   * Selects a visit wherever it is: its bar, its card in the queue, or neither.
   *
   * @param {number} visitId
   * @param {{focus?: boolean, quiet?: boolean}} [how] focus: it goes along; quiet: another window has its panel open already
   */
  selectVisit(visitId, { focus = false, quiet = false } = {}) {
    const bar = this.board.barOfVisit(visitId);
    if (bar && bar.technicianId !== null) {
      this.#goTo(bar.technicianId, { kind: "bar", bar });
      this.#select(bar, focus, quiet);
    } else {
      this.selectWaiting(visitId, focus, quiet);
    }
  }

  /** @param {Bar} bar @param {boolean} focus whether the focus goes along @param {boolean} [quiet] */
  #select(bar, focus, quiet = false) {
    this.view.select(bar.id);
    if (bar.elsewhere) {
      document.dispatchEvent(new CustomEvent("board:deselect"));
      this.outside.close();
      announce(`${bar.title}, ${this.view.words.span(bar)}. What it is can be seen by the people of that territory.`);
      return;
    }
    document.dispatchEvent(
      new CustomEvent("board:select", { detail: { visitId: bar.visitId, technicianId: bar.technicianId } }),
    );
    if (!quiet) this.outside.open(bar, focus);
    void this.selection.choose(bar.visitId, bar.assignmentId);
  }

  /** A card of the queue: it has no bar yet, but places. @param {number} visitId @param {boolean} focus @param {boolean} [quiet] */
  selectWaiting(visitId, focus, quiet = false) {
    const waiting = this.board.queue.find((one) => one.visit_id === visitId);
    if (!waiting) return;
    this.view.select(null);
    document.dispatchEvent(new CustomEvent("board:select", { detail: { visitId, technicianId: null } }));
    if (!quiet) this.outside.open({ visitId, assignmentId: null, jobId: waiting.job_id }, focus);
    void this.selection.choose(visitId, null).then(() => this.#showBestPlace(visitId));
  }

  /** Where a waiting visit fits may be far below what is in sight. @param {number} visitId */
  #showBestPlace(visitId) {
    const best = this.selection.answer?.visitId === visitId ? this.selection.answer.places[0] : undefined;
    if (best && this.idle) this.view.reveal(best.technicianId, best.start, best.end);
  }

  /** Brings a visit into sight, such as one that has just got its place. @param {number} visitId */
  showVisit(visitId) {
    const bar = this.board.barOfVisit(visitId);
    if (!bar || bar.technicianId === null) return;
    this.#goTo(bar.technicianId, { kind: "bar", bar });
    this.view.select(bar.id);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = event.target instanceof Element ? event.target : null;
    const row = target?.closest("[data-technician]");
    if (!(row instanceof HTMLElement) || target?.closest("a")) return;
    const technicianId = Number(row.dataset.technician);
    const element = target?.closest("[data-bar]");
    const bar = element instanceof HTMLElement ? this.board.bars.get(element.dataset.bar ?? "") : undefined;
    if (bar) {
      this.view.active = { technicianId, key: `bar-${bar.id}` };
      this.view.draw();
      this.#select(bar, false);
    } else if (target?.closest(".gantt-away")) {
      this.outside.cannotWork(technicianId);
    } else if (target?.closest(".gantt-head")) {
      this.outside.openPerson(technicianId);
    }
  }

  #call() {
    const person = this.board.person(this.view.active?.technicianId);
    if (person) this.outside.call(person, this.view.drawn.get(person.id)?.row.querySelector(".gantt-head") ?? null);
  }

  #pick() {
    const bar = this.#activeBar();
    const id = this.view.active?.technicianId;
    if (!bar || id === undefined) return;
    const fixed = whyFixed(bar);
    if (fixed) {
      announce(fixed);
      return;
    }
    this.view.grid.dataset.ownKeys = "";
    this.carried = pickUp(bar, id);
    this.ghost.show(this.carried);
    announce(`Picked up ${bar.title}. Arrows move it by 15 minutes and by person, Enter drops, Escape puts it back.`);
    void this.#askVerdicts(bar);
  }

  /** @param {(carried: Carried) => Carried} step */
  #carry(step) {
    if (!this.carried) return;
    this.carried = step(this.carried);
    const { technicianId, start, bar } = this.carried;
    this.view.reveal(technicianId, start, start + bar.end - bar.start);
    this.ghost.show(this.carried);
    announce(describe(this.board, this.carried, this.view.words));
  }

  /** Keys mean what they mean on the page again. */
  #letGo() {
    this.carried = null;
    delete this.view.grid.dataset.ownKeys;
  }

  /** @param {string} words */
  #putBack(words) {
    this.#letGo();
    this.ghost.hide();
    this.#forgetVerdicts();
    announce(words);
  }

  /** What is selected has its verdicts already; anything else is asked about once. @param {Bar} bar */
  async #askVerdicts(bar) {
    if (this.selection.answer?.visitId === bar.visitId) return;
    await this.selection.choose(bar.visitId, bar.assignmentId);
    const carried = this.carried ?? this.drag.now?.carried;
    if (carried?.bar.id === bar.id) this.ghost.show(carried);
  }

  /** A visit that has its panel open stays selected. */
  #forgetVerdicts() {
    if (!document.documentElement.classList.contains("has-drawer")) this.selection.forget();
  }

  /** Sends the move; whatever the answer, the view then shows the truth. @param {Carried} carried */
  async drop(carried) {
    this.ghost.hide();
    this.#letGo();
    if (!hasMoved(carried) || !this.outside.moveUrl) {
      this.#putBack("Nothing changed.");
      return;
    }
    const fields = moveFields(carried, this.board.verdicts.get(carried.technicianId)?.place ?? null);
    this.#showAt(carried);
    const landed = await this.book(fields, carried.bar.visitId, carried.bar);
    if (landed) this.#follow(carried);
    else this.#showAt({ ...carried, technicianId: carried.bar.technicianId ?? carried.technicianId, start: carried.bar.start });
  }

  /**
   * Books by the one service, whoever asks: a drop, an outline, a key, the list in the drawer, the next best of a refusal.
   *
   * @param {URLSearchParams} fields
   * @param {number} visitId
   * @param {Bar | null} [bar] what moves on the grid
   * @returns {Promise<boolean>} whether it was booked
   */
  async book(fields, visitId, bar = null) {
    if (!this.outside.moveUrl || this.busy) return false;
    this.busy = true;
    try {
      const change = await post(this.outside.moveUrl, fields);
      this.board.apply(change);
      document.dispatchEvent(new CustomEvent("board:deselect"));
      this.outside.done();
      this.#tell(change);
      document.dispatchEvent(new CustomEvent("board:changed", { detail: { visitId } }));
      if (!bar) this.showVisit(visitId);
      return true;
    } catch (error) {
      if (!(error instanceof MoveRefused)) throw error;
      this.board.apply({ bars: error.refusal.bars ?? [] });
      this.#offerInstead(error, fields, visitId);
      return false;
    } finally {
      this.busy = false;
      this.view.redraw();
    }
  }

  /** Says who has it, and puts the next best place one Enter away. @param {MoveRefused} refused @param {URLSearchParams} fields @param {number} visitId */
  #offerInstead(refused, fields, visitId) {
    const raw = refused.refusal.instead;
    if (!raw) {
      showToast(refused.message, { kind: "problem" });
      return;
    }
    const place = placeOf(raw);
    const label = `Take ${place.name}, ${this.view.words.time(place.start)}`;
    const next = new URLSearchParams(fields);
    next.set("technician_id", String(place.technicianId));
    next.set("start", new Date(place.start).toISOString());
    next.set("pushing", place.pushing.join(","));
    showToast(refused.message, { kind: "problem", action: { label, run: () => void this.book(next, visitId) } });
  }

  /** Another person's booking is another bar: the grid's place goes along. @param {Carried} carried */
  #follow({ bar, technicianId }) {
    const landed = this.board.row(technicianId).find((one) => one.visitId === bar.visitId);
    if (!landed) return;
    if (this.view.active?.key === `bar-${bar.id}`) this.view.active = { technicianId, key: `bar-${landed.id}` };
    this.view.redraw();
  }

  /** Draws the bar at its new place at once; a refusal draws it back. @param {Carried} carried */
  #showAt(carried) {
    const { bar } = carried;
    if (bar.technicianId === null) return;
    const length = bar.end - bar.start;
    this.board.put({ ...bar, technicianId: carried.technicianId, start: carried.start, end: carried.start + length });
    this.board.apply({});
    if (this.view.active) this.view.active = { technicianId: carried.technicianId, key: `bar-${bar.id}` };
    this.view.redraw();
  }

  /** @param {import("./data.js").Change} change */
  #tell(change) {
    const { undo } = change;
    if (!undo) {
      showToast(change.message, { kind: "good" });
      return;
    }
    showToast(change.message, {
      kind: "good",
      undo: () => {
        const fields = new URLSearchParams(Object.entries(undo.fields ?? {}).map(([name, value]) => [name, String(value)]));
        post(undo.url, fields)
          .then((back) => {
            this.board.apply(back);
            this.view.redraw();
            showToast(back.message, { kind: "good" });
            document.dispatchEvent(new CustomEvent("board:changed", { detail: {} }));
            // What was taken back may reach further than the bars that moved.
            return this.outside.refresh();
          })
          .catch((/** @type {Error} */ error) => {
            showToast(error.message, { kind: "problem" });
            void this.outside.refresh();
          });
      },
    });
  }

  /** @param {number} by */
  zoom(by) {
    const index = ZOOMS.findIndex((one) => one.name === this.view.zoom);
    const next = ZOOMS[Math.min(Math.max(index + by, 0), ZOOMS.length - 1)];
    const week = document.querySelector("[data-zoom-week]");
    // Further away than a day is a page of its own, which is read only.
    if (index + by < 0 && week instanceof HTMLElement) return week.click();
    if (!next || next.name === this.view.zoom) return;
    this.view.zoom = next.name;
    this.view.layout();
    this.outside.zoomed();
    announce(`Zoom: ${next.label}, ${duration(((this.view.grid.clientWidth - this.view.headWidth) / this.view.scale.pxPerHour) * 3_600_000)} in sight`);
  }
}
