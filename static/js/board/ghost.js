/** The outline that shows where a carried visit would land, and the words that go with it. */

import { endOf, preview } from "./carry.js";
import { make, place } from "./dom.js";

/** @typedef {import("./carry.js").Carried} Carried */

export class Ghost {
  /** @param {import("./view.js").GanttView} view */
  constructor(view) {
    this.view = view;
    this.element = make("div", "bar ghost");
    this.element.setAttribute("aria-hidden", "true");
    this.note = make("div", "gantt-note");
    this.note.setAttribute("aria-hidden", "true");
  }

  /** @param {Carried} carried */
  show(carried) {
    const { view } = this;
    const index = view.board.lineOf.get(carried.technicianId) ?? 0;
    const told = preview(view.board, carried, view.words);
    const x = view.headWidth + view.scale.x(carried.start);
    place(this.element, x, view.scale.length(endOf(carried) - carried.start), index * view.rowHeight);
    this.element.classList.toggle("is-against", !told.clear);
    this.element.textContent = view.words.time(carried.start);
    this.note.textContent = [view.words.span({ start: carried.start, end: endOf(carried) }), ...told.sentences].join(" · ");
    this.note.classList.toggle("is-against", !told.clear);
    const below = index + 2 < view.board.lines.length || index < 2;
    place(this.note, x, null, (below ? index + 1 : index - 1) * view.rowHeight);
    if (!this.element.isConnected) view.body.append(this.element, this.note);
    const source = view.body.querySelector(`[data-bar="${CSS.escape(carried.bar.id)}"]`);
    source?.classList.add("is-carried");
  }

  hide() {
    this.element.remove();
    this.note.remove();
    for (const one of this.view.body.querySelectorAll(".is-carried")) one.classList.remove("is-carried");
  }
}
