/** Says how live the board is: quietly while all is well, in amber with the time of what is shown when it is not. */

import { icon, make } from "./dom.js";
import { SILENT_MS } from "../live/source.js";

const CHECK_MS = 1000;

/**
 * @typedef {object} Known
 * @property {number} heardAt when anything was heard last
 * @property {number} streamAt when the stream itself was heard last
 * @property {"refused" | "silent" | "signed-out" | null} why what keeps the stream from coming
 */

/**
 * @param {Known} known
 * @param {number} now
 * @param {(instant: number) => string} time
 * @returns {{level: "live" | "slow" | "stopped", words: string}}
 */
export function stateOf({ heardAt, streamAt, why }, now, time) {
  if (why === "signed-out") return { level: "stopped", words: `You are signed out. Showing what we knew at ${time(heardAt)}.` };
  if (now - heardAt > SILENT_MS) return { level: "stopped", words: `Live updates stopped at ${time(heardAt)}. Showing what we knew then.` };
  if (why === "refused") return { level: "slow", words: "Many people are watching, so this board is asked every 10 seconds." };
  if (why === "silent") return { level: "slow", words: `Live updates stopped at ${time(streamAt)}. The board is asked every 10 seconds until they are back.` };
  return { level: "live", words: "Live" };
}

export class Freshness {
  /**
   * @param {HTMLElement} place where the state is shown
   * @param {import("./words.js").Words} words
   * @param {() => void} again asks at once
   */
  constructor(place, words, again) {
    this.words = words;
    /** @type {Known} */
    this.known = { heardAt: Date.now(), streamAt: Date.now(), why: null };
    this.shown = "";
    this.element = make("div", "live-state");
    this.element.setAttribute("role", "status");
    this.again = make("button", "button quiet", "Try again");
    this.again.type = "button";
    this.again.addEventListener("click", again);
    place.append(this.element);
    setInterval(() => this.show(), CHECK_MS);
    this.show();
  }

  /** @param {"stream" | "poll"} by */
  heard(by) {
    this.known.heardAt = Date.now();
    if (by === "stream") {
      this.known.streamAt = this.known.heardAt;
      this.known.why = null;
    } else if (this.known.why === "signed-out") {
      this.known.why = "silent";
    }
    this.show();
  }

  /** @param {"refused" | "silent" | "signed-out"} why */
  trouble(why) {
    this.known.why = why;
    this.show();
  }

  show() {
    const { level, words } = stateOf(this.known, Date.now(), (instant) => this.words.time(instant));
    if (words === this.shown) return;
    this.shown = words;
    this.element.className = `live-state is-${level}`;
    this.element.replaceChildren(icon(level === "live" ? "dot" : "triangle"), make("span", "", words));
    if (level === "stopped") this.element.append(this.again);
  }
}
