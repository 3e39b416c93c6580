/** Shows for five seconds who changed a bar or a row: initials and an outline. */

import { make } from "./dom.js";

const SHOWN_MS = 5000;

export class Marks {
  /** @param {import("./view.js").GanttView} view */
  constructor(view) {
    this.view = view;
    /** @type {Map<string, {initials: string, by: string, until: number}>} by "visit 12" or "row 7" */
    this.marks = new Map();
    view.grid.addEventListener("scroll", () => requestAnimationFrame(() => this.paint()), { passive: true });
  }

  /** @param {"visit" | "row"} kind @param {number} id @param {{initials: string, by: string}} who */
  set(kind, id, { initials, by }) {
    this.marks.set(`${kind} ${id}`, { initials, by, until: Date.now() + SHOWN_MS });
    setTimeout(() => this.paint(), SHOWN_MS + 50);
  }

  /** @param {"visit" | "row"} kind @param {number} id */
  clear(kind, id) {
    this.marks.delete(`${kind} ${id}`);
  }

  /** Brings the marks in sight in line with what is known; called whenever bars were drawn anew. */
  paint() {
    const now = Date.now();
    for (const [key, { until }] of this.marks) if (until <= now) this.marks.delete(key);
    for (const [id, { row, bars }] of this.view.drawn) {
      const head = row.querySelector(".gantt-head");
      if (head instanceof HTMLElement) this.#mark(head, `row ${id}`);
      for (const { element, bar } of bars.values()) this.#mark(element, `visit ${bar.visitId}`);
    }
  }

  /** @param {HTMLElement} element @param {string} key */
  #mark(element, key) {
    const mark = this.marks.get(key);
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
