/** Shows for five seconds who changed a bar or a row: initials and an outline. */

import { make } from "./dom.js";

const SHOWN_MS = 5000;
/** Marks that end at about the same time go together: looking at the grid for each of them is what costs. */
const TOGETHER_MS = 500;

/** @typedef {{initials: string, by: string, until: number}} Mark */

export class Marks {
  /** @param {import("./view.js").GanttView} view */
  constructor(view) {
    this.view = view;
    /** @type {Map<number, Mark>} by visit */
    this.visits = new Map();
    /** @type {Map<number, Mark>} by person */
    this.rows = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    view.onDraw = () => this.paint();
  }

  /** @param {"visit" | "row"} kind @param {number} id @param {{initials: string, by: string}} who */
  set(kind, id, { initials, by }) {
    (kind === "visit" ? this.visits : this.rows).set(id, { initials, by, until: Date.now() + SHOWN_MS });
    this.timer ??= setTimeout(() => this.#end(), SHOWN_MS);
  }

  /** @param {"visit" | "row"} kind @param {number} id */
  clear(kind, id) {
    (kind === "visit" ? this.visits : this.rows).delete(id);
  }

  /** Forgets what was shown long enough, and waits for the next. */
  #end() {
    this.timer = undefined;
    const now = Date.now();
    let next = Number.POSITIVE_INFINITY;
    for (const marks of [this.visits, this.rows]) {
      for (const [id, { until }] of marks) {
        if (until <= now) marks.delete(id);
        else next = Math.min(next, until);
      }
    }
    this.paint();
    if (next < Number.POSITIVE_INFINITY) this.timer = setTimeout(() => this.#end(), Math.max(TOGETHER_MS, next - now));
  }

  /** Brings the marks in sight in line with what is known; called whenever bars were drawn anew. */
  paint() {
    for (const [id, { head, bars }] of this.view.drawn) {
      this.#mark(head, this.rows.get(id));
      for (const { element, bar } of bars.values()) this.#mark(element, this.visits.get(bar.visitId));
    }
  }

  /** @param {HTMLElement} element @param {Mark | undefined} mark */
  #mark(element, mark) {
    // Most are not marked, and to take a class away that is not there costs the browser a look at its styles.
    if (!mark && !element.classList.contains("is-marked")) return;
    const tag = element.querySelector(":scope > .by-tag");
    if (!mark) {
      tag?.remove();
      element.classList.remove("is-marked");
      return;
    }
    if (tag?.textContent === mark.initials) return;
    tag?.remove();
    const made = make("span", "by-tag", mark.initials);
    made.title = `Changed by ${mark.by}`;
    made.setAttribute("aria-hidden", "true");
    element.classList.add("is-marked");
    element.append(made);
  }
}
