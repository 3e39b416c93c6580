/** Keeps the board current and says so plainly when it is not. */

import { BoardUnavailable, fetchBoard } from "./data.js";
import { icon, make } from "./dom.js";

const EVERY_MS = 30_000;

export class Freshness {
  /**
   * @param {string} url
   * @param {HTMLElement} host where the notice of old data appears
   * @param {import("./words.js").Words} words
   * @param {{idle: () => boolean, take: (raw: import("./data.js").RawBoard) => void}} hooks
   */
  constructor(url, host, words, hooks) {
    this.url = url;
    this.host = host;
    this.words = words;
    this.hooks = hooks;
    this.knownAt = Date.now();
    /** @type {HTMLElement | null} */
    this.notice = null;
    setInterval(() => {
      if (document.visibilityState === "visible") void this.ask();
    }, EVERY_MS);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.ask();
    });
  }

  /** Fetches the board; nothing moves while a visit is being carried. */
  async ask() {
    if (!this.hooks.idle()) return;
    try {
      const raw = await fetchBoard(this.url);
      if (!this.hooks.idle()) return;
      this.knownAt = Date.now();
      this.notice?.remove();
      this.notice = null;
      this.hooks.take(raw);
    } catch (error) {
      if (!(error instanceof BoardUnavailable)) throw error;
      this.#say(error.message);
    }
  }

  /** @param {string} why */
  #say(why) {
    if (!this.notice) {
      this.notice = make("div", "banner warning");
      this.notice.setAttribute("role", "status");
      this.host.prepend(this.notice);
    }
    const text = make("div", "", `${why} Live updates stopped at ${this.words.time(this.knownAt)}. Showing what we knew then.`);
    const again = make("button", "button", "Try again");
    again.type = "button";
    again.addEventListener("click", () => void this.ask());
    this.notice.replaceChildren(icon("triangle"), text, again);
  }
}
