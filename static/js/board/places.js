/** The numbered outlines on the grid: where a selected visit could go. A list in the drawer tells the same. */

import { make, place as put } from "./dom.js";

/** @typedef {import("./verdicts.js").Place} Place */

export class Places {
  /**
   * @param {import("./view.js").GanttView} view
   * @param {(place: Place) => void} take
   */
  constructor(view, take) {
    this.view = view;
    /** @type {readonly Place[]} */
    this.shown = [];
    this.layer = make("div", "gantt-places");
    this.layer.setAttribute("aria-hidden", "true");
    this.layer.addEventListener("click", (event) => {
      const element = event.target instanceof Element ? event.target.closest("[data-number]") : null;
      const chosen = element instanceof HTMLElement ? this.shown[Number(element.dataset.number) - 1] : undefined;
      event.stopPropagation();
      if (chosen) take(chosen);
    });
  }

  /** @param {readonly Place[]} places */
  show(places) {
    this.shown = places;
    this.draw();
  }

  hide() {
    this.shown = [];
    this.layer.remove();
  }

  /** At most nine, so all of them are drawn wherever one looks. */
  draw() {
    const { view } = this;
    if (this.shown.length === 0) return;
    const outlines = this.shown.flatMap((one, index) => {
      const row = view.board.lineOf.get(one.technicianId);
      if (row === undefined) return [];
      const outline = make("div", "place-outline");
      outline.dataset.number = String(index + 1);
      outline.title = `${index + 1}: ${one.name}, ${one.words}`;
      outline.append(make("span", "place-number", String(index + 1)));
      put(outline, view.headWidth + view.scale.x(one.start), view.scale.length(one.end - one.start), row * view.rowHeight);
      return [outline];
    });
    this.layer.replaceChildren(...outlines);
    if (!this.layer.isConnected) view.body.append(this.layer);
  }
}
