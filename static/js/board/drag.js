/** Dragging by mouse or pen. Fingers scroll; they move a visit through its form, as everybody can. */

import { barOfQueued } from "./data.js";
import { hasMoved, pickUp, whyFixed } from "./carry.js";
import { MINUTE, snap } from "./scale.js";

/** @typedef {import("./carry.js").Carried} Carried */
/** @typedef {import("./data.js").Bar} Bar */

const THRESHOLD_PX = 5;
const SNAP_MINUTES = 5;
const EDGE_PX = 36;
const EDGE_SPEED_PX = 14;

export class Drag {
  /**
   * @param {import("./view.js").GanttView} view
   * @param {import("./ghost.js").Ghost} ghost
   * @param {{begin: (bar: Bar) => void, drop: (carried: Carried) => void, cancel: () => void}} hooks
   */
  constructor(view, ghost, hooks) {
    this.view = view;
    this.ghost = ghost;
    this.hooks = hooks;
    /** @type {{bar: Bar, grab: number, x: number, y: number, started: boolean, carried: Carried | null, pointer: number} | null} */
    this.now = null;
    this.frame = 0;
    view.body.addEventListener("pointerdown", (event) => this.#press(event, this.#barUnder(event)));
    document.addEventListener("pointerdown", (event) => this.#press(event, this.#queuedUnder(event)));
    document.addEventListener("pointermove", (event) => this.#move(event));
    document.addEventListener("pointerup", (event) => this.#release(event));
    document.addEventListener("pointercancel", () => this.stop());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.now?.started) this.stop();
    });
    // A click that ends a drag must not also open what was dragged.
    document.addEventListener("click", (event) => this.#swallow(event), true);
    this.swallowUntil = 0;
  }

  /** @param {PointerEvent} event @returns {Bar | undefined} */
  #barUnder(event) {
    const element = event.target instanceof Element ? event.target.closest("[data-bar]") : null;
    return element instanceof HTMLElement ? this.view.board.bars.get(element.dataset.bar ?? "") : undefined;
  }

  /** Cards of the queue carry data-queue-visit. @param {PointerEvent} event @returns {Bar | undefined} */
  #queuedUnder(event) {
    if (!(event.target instanceof Element) || event.target.closest("a, button, input, select, summary, label")) return undefined;
    const element = event.target.closest("[data-queue-visit]");
    if (!(element instanceof HTMLElement)) return undefined;
    const waiting = this.view.board.queue.find((one) => String(one.visit_id) === element.dataset.queueVisit);
    return waiting ? barOfQueued(waiting, this.view.board.start) : undefined;
  }

  /** @param {PointerEvent} event @param {Bar | undefined} bar */
  #press(event, bar) {
    if (!bar || whyFixed(bar) || this.now || event.button !== 0 || event.pointerType === "touch") return;
    const grab = bar.technicianId === null ? 0 : (this.view.at(event.clientX, event.clientY)?.instant ?? bar.start) - bar.start;
    this.now = { bar, grab, x: event.clientX, y: event.clientY, started: false, carried: null, pointer: event.pointerId };
    if (bar.technicianId === null) event.preventDefault();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const now = this.now;
    if (!now || event.pointerId !== now.pointer) return;
    if (!now.started) {
      if (Math.hypot(event.clientX - now.x, event.clientY - now.y) < THRESHOLD_PX) return;
      now.started = true;
      document.documentElement.classList.add("is-dragging");
      this.hooks.begin(now.bar);
    }
    now.x = event.clientX;
    now.y = event.clientY;
    this.frame ||= requestAnimationFrame(() => this.#step());
  }

  #step() {
    this.frame = 0;
    const now = this.now;
    if (!now?.started) return;
    this.#scrollAtEdges(now.x, now.y);
    const at = this.view.at(now.x, now.y);
    if (!at) {
      now.carried = null;
      this.ghost.hide();
      return;
    }
    const length = now.bar.end - now.bar.start;
    const { start, end } = this.view.board;
    const wanted = snap(at.instant - now.grab, SNAP_MINUTES);
    const best = this.view.board.verdicts.get(at.technicianId)?.place?.start;
    const drop = best !== undefined && Math.abs(wanted - best) < SNAP_MINUTES * MINUTE ? best : wanted;
    const home = now.bar.technicianId ?? at.technicianId;
    now.carried = { ...pickUp(now.bar, home), technicianId: at.technicianId, start: Math.min(Math.max(drop, start), Math.max(start, end - length)) };
    this.ghost.show(now.carried);
  }

  /** @param {number} x @param {number} y */
  #scrollAtEdges(x, y) {
    const grid = this.view.grid;
    const box = grid.getBoundingClientRect();
    if (x < box.left || x > box.right || y < box.top || y > box.bottom) return;
    const before = grid.scrollTop + grid.scrollLeft;
    if (y > box.bottom - EDGE_PX) grid.scrollTop += EDGE_SPEED_PX;
    else if (y < box.top + EDGE_PX + this.view.axis.offsetHeight) grid.scrollTop -= EDGE_SPEED_PX;
    if (x > box.right - EDGE_PX) grid.scrollLeft += EDGE_SPEED_PX;
    else if (x > box.left + this.view.headWidth - EDGE_PX && x < box.left + this.view.headWidth + EDGE_PX) grid.scrollLeft -= EDGE_SPEED_PX;
    if (grid.scrollTop + grid.scrollLeft !== before) this.frame ||= requestAnimationFrame(() => this.#step());
  }

  /** @param {PointerEvent} event */
  #release(event) {
    const now = this.now;
    if (!now || event.pointerId !== now.pointer) return;
    if (now.started) {
      if (this.frame) this.#step();
      this.swallowUntil = event.timeStamp + 50;
    }
    const carried = now.carried;
    const started = now.started;
    this.#clear();
    if (!started) return;
    if (carried && hasMoved(carried)) this.hooks.drop(carried);
    else this.hooks.cancel();
  }

  stop() {
    if (!this.now) return;
    const started = this.now.started;
    this.#clear();
    if (started) this.hooks.cancel();
  }

  #clear() {
    this.now = null;
    this.ghost.hide();
    document.documentElement.classList.remove("is-dragging");
  }

  /** @param {MouseEvent} event */
  #swallow(event) {
    if (event.timeStamp > this.swallowUntil) return;
    this.swallowUntil = 0;
    event.preventDefault();
    event.stopPropagation();
  }
}
