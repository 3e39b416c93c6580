/** The windowed grid: keeps in the page only rows and bars in sight, and the cell that has the focus. */

import { cellsOf, keyOf } from "./cells.js";
import { make, place } from "./dom.js";
import { isHeading } from "./order.js";
import { barElement, cellId, headingElement, rowElement } from "./rows.js";
import { ticks, TimeScale } from "./scale.js";
import { barsInSight, rowWindow } from "./windowing.js";
import { peopleWords, Words } from "./words.js";

/** @typedef {import("./data.js").Bar} Bar */
/** @typedef {import("./store.js").Board} Board */
/** @typedef {{row: HTMLElement, head: HTMLElement, lane: HTMLElement, bars: Map<string, {element: HTMLElement, bar: Bar, fault: string | undefined}>, person: import("./data.js").Technician, index: number}} Drawn */

const SPARE_ROWS = 4;
const SPARE_PX = 400;
const MIN_HEIGHT_PX = 360;
const BELOW_PX = 46;

export class GanttView {
  /**
   * @param {HTMLElement} host
   * @param {Board} board
   * @param {import("./scale.js").Zoom} zoom
   */
  constructor(host, board, zoom) {
    this.board = board;
    this.zoom = zoom;
    this.words = new Words(board.zone, document.documentElement.lang || undefined);
    this.grid = make("div", "gantt-grid");
    this.grid.tabIndex = 0;
    this.grid.id = "gantt-grid";
    this.grid.setAttribute("role", "grid");
    this.grid.setAttribute("aria-label", "The day by technician");
    this.axis = make("div", "gantt-axis");
    this.axis.setAttribute("aria-hidden", "true");
    this.body = make("div", "gantt-body");
    this.body.setAttribute("role", "rowgroup");
    this.now = make("div", "gantt-now");
    this.now.setAttribute("aria-hidden", "true");
    // What the focused cell says to the ear, for the eye: names may be cut short, and marks are small.
    this.says = make("div", "gantt-says");
    this.says.setAttribute("aria-hidden", "true");
    this.grid.append(this.axis, this.body);
    this.nobody = make("p", "gantt-nobody", host.dataset.nobody ?? "");
    host.append(this.nobody, this.grid, this.says);
    /** @type {Map<number, Drawn>} */
    this.drawn = new Map();
    /** @type {Map<number, {row: HTMLElement, heading: import("./order.js").Heading}>} headings by their line */
    this.headings = new Map();
    /** @type {{technicianId: number, key: string} | null} */
    this.active = null;
    /** @type {string | null} */
    this.selected = null;
    this.frame = 0;
    /** What lies over the rows is placed anew with them. */
    this.onRedraw = () => {};
    /** Rows in sight may be new ones. */
    this.onDraw = () => {};
    /** The time in sight and a little around it, as it was drawn last. */
    this.from = 0;
    this.to = 0;
    /** What the axis was drawn for, so that scrolling down leaves it alone. */
    this.axisShows = "";
    this.scale = new TimeScale(board.start, board.end, 60);
    this.rowHeight = 40;
    this.headWidth = 0;
    this.grid.addEventListener("scroll", () => this.schedule(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(this.grid);
    addEventListener("resize", () => this.#takeRoom());
    this.#takeRoom();
  }

  /** The grid ends where the window does, wherever the page lets it begin. */
  #takeRoom() {
    const top = this.grid.getBoundingClientRect().top + window.scrollY;
    this.grid.style.height = `${Math.max(MIN_HEIGHT_PX, window.innerHeight - top - BELOW_PX)}px`;
  }

  /** Measures, and draws everything anew; the instant at the left edge stays where it was. */
  layout() {
    this.#takeRoom();
    const keep = this.scale.instant(this.grid.scrollLeft);
    const style = getComputedStyle(this.grid);
    this.rowHeight = Number.parseFloat(style.getPropertyValue("--gantt-row")) || 40;
    this.headWidth = Number.parseFloat(style.getPropertyValue("--gantt-head")) || 220;
    const room = Math.max(this.grid.clientWidth - this.headWidth - 2, 200);
    const { start, end } = this.board.worked;
    this.scale = TimeScale.of(this.board.start, this.board.end, this.zoom, room, end - start);
    this.body.style.setProperty("--hour", `${this.scale.pxPerHour}px`);
    this.grid.style.setProperty("--width", `${this.headWidth + this.scale.width}px`);
    this.grid.scrollLeft = this.scale.x(keep);
    this.redraw();
  }

  /** Forgets what is drawn and draws what is in sight. */
  redraw() {
    for (const one of this.drawn.values()) one.row.remove();
    this.drawn.clear();
    this.#drawHeadings(0, 0);
    this.count();
    this.body.append(this.now);
    this.draw();
  }

  /** Makes room for as many rows as there are. */
  count() {
    const count = this.board.lines.length;
    this.body.style.setProperty("--height", `${count * this.rowHeight}px`);
    this.grid.setAttribute("aria-rowcount", String(count));
    this.nobody.hidden = count > 0;
    this.onRedraw();
  }

  schedule() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** Brings the page in line with scroll position and data, touching only what differs. */
  draw() {
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.grid;
    const count = this.board.lines.length;
    const rows = rowWindow({ top: scrollTop, height: clientHeight, rowHeight: this.rowHeight, count, spare: SPARE_ROWS });
    this.from = this.scale.instant(scrollLeft - SPARE_PX);
    this.to = this.scale.instant(scrollLeft + clientWidth + SPARE_PX);
    const wanted = new Set(this.board.lines.slice(rows.first, rows.last).flatMap((one) => (isHeading(one) ? [] : [one.id])));
    if (this.active) wanted.add(this.active.technicianId);
    for (const [id, one] of this.drawn) {
      if (wanted.has(id) && this.board.indexOf.has(id)) continue;
      one.row.remove();
      this.drawn.delete(id);
    }
    this.#drawHeadings(rows.first, rows.last);
    for (const id of wanted) this.#drawRow(id);
    this.#drawAxis();
    this.tick();
    this.#drawActive();
    this.onDraw();
  }

  /**
   * Brings some rows in line with the data, wherever one looks; what is not in sight costs nothing and nothing is measured.
   *
   * @param {Iterable<number>} people
   */
  drawRows(people) {
    let drawn = false;
    for (const id of people) {
      if (!this.drawn.has(id)) continue;
      this.#drawRow(id);
      drawn = true;
    }
    if (!drawn) return;
    this.#drawActive();
    this.onDraw();
  }

  /** Reading order is the order of rows, whichever is drawn first. @param {HTMLElement} row @param {number} index */
  #insert(row, index) {
    let after = Number.POSITIVE_INFINITY;
    /** @type {Element} */
    let next = this.now;
    /** @param {number} at @param {HTMLElement} element */
    const consider = (at, element) => {
      if (at <= index || at >= after) return;
      after = at;
      next = element;
    };
    for (const one of this.drawn.values()) consider(one.index, one.row);
    for (const [line, one] of this.headings) consider(line, one.row);
    this.body.insertBefore(row, next);
  }

  /** Headings among the lines in sight. @param {number} first @param {number} last */
  #drawHeadings(first, last) {
    const { lines } = this.board;
    for (const [line, { row, heading }] of this.headings) {
      if (line >= first && line < last && lines[line] === heading) continue;
      row.remove();
      this.headings.delete(line);
    }
    for (let line = first; line < last; line += 1) {
      const heading = lines[line];
      if (!heading || !isHeading(heading) || this.headings.has(line)) continue;
      const row = headingElement(heading);
      row.setAttribute("aria-rowindex", String(line + 1));
      place(row, 0, null, line * this.rowHeight);
      this.#insert(row, line);
      this.headings.set(line, { row, heading });
    }
  }

  /** @param {number} id */
  #drawRow(id) {
    const index = this.board.lineOf.get(id);
    const person = this.board.person(id);
    if (index === undefined || !person) return;
    let drawn = this.drawn.get(id);
    if (drawn && (drawn.person !== person || drawn.index !== index)) {
      drawn.row.remove();
      this.drawn.delete(id);
      drawn = undefined;
    }
    if (!drawn) {
      const made = rowElement(person, this.scale, this.board.verdicts.get(id), this.words, this.board.now);
      made.row.setAttribute("aria-rowindex", String(index + 1));
      place(made.row, 0, null, index * this.rowHeight);
      this.#insert(made.row, index);
      drawn = { ...made, bars: new Map(), person, index };
      this.drawn.set(id, drawn);
    }
    this.#drawBars(drawn, barsInSight(this.board.row(id), this.from, this.to, this.board.reach));
  }

  /** @param {Drawn} drawn @param {Bar[]} bars */
  #drawBars(drawn, bars) {
    const wanted = new Map(bars.map((one) => [one.id, one]));
    const faults = this.board.faults(drawn.person.id);
    for (const [id, shown] of drawn.bars) {
      if (wanted.get(id) === shown.bar && faults.get(id) === shown.fault) continue;
      shown.element.remove();
      drawn.bars.delete(id);
    }
    /** @type {Element | null} */
    let before = null;
    for (const bar of bars) {
      let shown = drawn.bars.get(bar.id);
      if (!shown) {
        const fault = faults.get(bar.id);
        shown = { element: barElement(bar, this.scale, this.words, fault), bar, fault };
        shown.element.setAttribute("aria-selected", String(bar.id === this.selected));
        drawn.bars.set(bar.id, shown);
        if (before) before.after(shown.element);
        else drawn.lane.append(shown.element);
      }
      before = shown.element;
    }
  }

  #drawAxis() {
    const { from, to } = this;
    const shown = `${this.scale.pxPerHour} ${from} ${this.board.technicians.length}`;
    if (shown === this.axisShows) return;
    this.axisShows = shown;
    const labels = ticks(this.scale, from, to).map((at) => {
      const label = make("span", "gantt-tick", this.words.time(at));
      place(label, this.scale.x(at), null);
      return label;
    });
    this.axis.replaceChildren(make("span", "gantt-corner", peopleWords(this.board.technicians.length)), ...labels);
  }

  /** Brings the line of the present up to the clock. */
  tick() {
    // Left of what is in sight it would cross the names.
    const inside = this.board.now >= this.scale.start && this.board.now < this.scale.end && this.scale.x(this.board.now) >= this.grid.scrollLeft;
    this.now.hidden = !inside;
    if (inside) place(this.now, this.scale.x(this.board.now), 2);
  }

  /** Shows which cell has the focus; a stretch of free time gets its element only while it has it. */
  #drawActive() {
    for (const old of this.body.querySelectorAll(".is-active")) {
      old.classList.remove("is-active");
      if (old.classList.contains("gap")) old.remove();
    }
    if (!this.active) {
      this.grid.removeAttribute("aria-activedescendant");
      this.says.textContent = "";
      return;
    }
    const { technicianId, key } = this.active;
    const drawn = this.drawn.get(technicianId);
    if (!drawn) return;
    const id = cellId(technicianId, key);
    let element = document.getElementById(id);
    if (!element) element = this.#gap(drawn, technicianId, key, id);
    if (!element) return;
    element.classList.add("is-active");
    const says = element.getAttribute("aria-label") ?? element.title;
    if (this.says.textContent !== says) this.says.textContent = says;
    this.grid.setAttribute("aria-activedescendant", id);
  }

  /** @param {Drawn} drawn @param {number} technicianId @param {string} key @param {string} id */
  #gap(drawn, technicianId, key, id) {
    const cell = cellsOf(drawn.person, this.board.row(technicianId)).find((one) => keyOf(one) === key);
    if (!cell || cell.kind === "head") return null;
    if (cell.kind === "bar") {
      // The bar lies outside the time in sight: it is drawn all the same while it has the focus.
      const fault = this.board.faults(technicianId).get(cell.bar.id);
      const element = barElement(cell.bar, this.scale, this.words, fault);
      drawn.lane.append(element);
      drawn.bars.set(cell.bar.id, { element, bar: cell.bar, fault });
      return element;
    }
    const element = make("div", "gap");
    element.id = id;
    element.setAttribute("role", "gridcell");
    element.setAttribute("aria-label", `Free, ${this.words.span(cell)}`);
    place(element, this.scale.x(cell.start), this.scale.length(cell.end - cell.start));
    drawn.lane.append(element);
    return element;
  }

  /** Scrolls as little as needed to bring an instant of a row into sight. @param {number} technicianId @param {number | null} start @param {number | null} end */
  reveal(technicianId, start, end) {
    const index = this.board.lineOf.get(technicianId);
    if (index === undefined) return;
    const top = index * this.rowHeight;
    const room = this.grid.clientHeight - this.axis.offsetHeight;
    if (top < this.grid.scrollTop) this.grid.scrollTop = top;
    else if (top + this.rowHeight > this.grid.scrollTop + room) this.grid.scrollTop = top + this.rowHeight - room;
    if (start !== null && end !== null) {
      const left = this.scale.x(start);
      const right = this.scale.x(end);
      const width = this.grid.clientWidth - this.headWidth;
      if (left < this.grid.scrollLeft + 8) this.grid.scrollLeft = left - 24;
      else if (right > this.grid.scrollLeft + width - 8) this.grid.scrollLeft = Math.min(left - 24, right - width + 24);
    }
    this.draw();
  }

  /** @param {string | null} barId */
  select(barId) {
    this.selected = barId;
    for (const one of this.body.querySelectorAll('.bar[aria-selected="true"]')) one.setAttribute("aria-selected", "false");
    if (barId === null) return;
    const bar = this.board.bars.get(barId);
    if (bar && bar.technicianId !== null) this.drawn.get(bar.technicianId)?.bars.get(barId)?.element.setAttribute("aria-selected", "true");
  }

  /**
   * Where a point of the screen is on the grid.
   *
   * @param {number} clientX
   * @param {number} clientY
   * @returns {{technicianId: number, instant: number} | null}
   */
  at(clientX, clientY) {
    const box = this.grid.getBoundingClientRect();
    const y = clientY - box.top - this.axis.offsetHeight + this.grid.scrollTop;
    const x = clientX - box.left - this.headWidth + this.grid.scrollLeft;
    const person = this.board.lines[Math.floor(y / this.rowHeight)];
    if (!person || isHeading(person) || clientY < box.top || clientY > box.bottom || clientX > box.right) return null;
    return { technicianId: person.id, instant: this.scale.instant(x) };
  }
}
