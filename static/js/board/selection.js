/** The visit that is selected, and what the server answered about it: verdicts on the rows, numbered places on the grid. */

import { announce } from "../page/announce.js";
import { Places } from "./places.js";
import { markCard } from "./walk.js";
import { summary } from "./verdicts.js";

/** @typedef {import("./verdicts.js").Answer} Answer */

export class Selection {
  /**
   * @param {import("./view.js").GanttView} view
   * @param {(visitId: number, assignmentId: number | null) => Promise<Answer | null>} ask
   * @param {(answer: Answer, place: import("./verdicts.js").Place) => void} take
   */
  constructor(view, ask, take) {
    this.view = view;
    this.ask = ask;
    /** @type {Answer | null} */
    this.answer = null;
    /** @type {number | null} */
    this.visitId = null;
    this.taken = take;
    this.places = new Places(view, (place) => {
      if (this.answer) take(this.answer, place);
    });
    view.onRedraw = () => this.places.draw();
  }

  /** @param {number} visitId @param {number | null} assignmentId the place in the crew that is meant */
  async choose(visitId, assignmentId) {
    this.visitId = visitId;
    markCard(visitId);
    if (this.answer?.visitId !== visitId) this.#show(null);
    const answer = await this.ask(visitId, assignmentId);
    if (this.visitId !== visitId) return;
    this.#show(answer);
    if (answer) announce(summary(answer, this.view.words));
  }

  /** Books a place by its number. @param {number} number from 1 */
  take(number) {
    const place = this.answer?.places[number - 1];
    if (this.answer && place) this.taken(this.answer, place);
  }

  /** Nothing is selected any more. */
  forget() {
    if (this.visitId === null) return;
    this.visitId = null;
    markCard(null);
    this.#show(null);
  }

  /** @param {Answer | null} answer */
  #show(answer) {
    this.answer = answer;
    this.view.board.answer(answer?.verdicts ?? new Map());
    if (answer) this.places.shown = answer.places;
    else this.places.hide();
    document.dispatchEvent(new CustomEvent("board:answer", { detail: { answer } }));
    this.view.redraw();
  }
}
