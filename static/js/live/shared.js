/** Many tabs, one source: hands what it hears to the tabs that show it, and forgets tabs that are gone. */

import { Source } from "./source.js";

/** @typedef {import("./source.js").Heard} Heard */
/** @typedef {import("./source.js").Trouble} Trouble */
/**
 * @typedef {{kind: "follow", view: string, position: number, urls: {stream: string, changes: string}} | {kind: "bye"}} Said
 * what a tab says, again and again while it is there; it is told Heard, Trouble, and in answer {kind: "joined", to} with
 * the position that the source has: what lies before it the tab asks for itself
 */

export const HERE_EVERY_MS = 20_000;
/** Browsers slow the clocks of tabs in the background down to a minute. */
const GONE_AFTER_MS = 150_000;

export class Shared {
  /** @param {(urls: {stream: string, changes: string}, tell: (told: Heard | Trouble) => void) => Source} make */
  constructor(make = (urls, tell) => new Source(urls, tell)) {
    this.make = make;
    /** @type {Source | null} */
    this.source = null;
    /** @type {Map<{postMessage: (told: any) => void}, {view: string, at: number}>} */
    this.tabs = new Map();
  }

  /** @param {{postMessage: (told: any) => void}} port @param {Said} said */
  hear(port, said) {
    if (said.kind === "bye") {
      this.tabs.delete(port);
      this.#agree(0);
      return;
    }
    this.source ??= this.make(said.urls, (told) => this.#tell(told));
    const to = this.source.views.length > 0 ? this.source.position : said.position;
    this.tabs.set(port, { view: said.view, at: Date.now() });
    this.#agree(said.position);
    port.postMessage({ kind: "joined", to });
  }

  /** @param {number} position */
  #agree(position) {
    for (const [port, { at }] of this.tabs) if (Date.now() - at > GONE_AFTER_MS) this.tabs.delete(port);
    this.source?.follow([...new Set([...this.tabs.values()].map((one) => one.view))], position);
  }

  /** @param {Heard | Trouble} told */
  #tell(told) {
    for (const [port, { view }] of this.tabs) {
      if (told.kind === "trouble") port.postMessage(told);
      else port.postMessage({ ...told, views: { [view]: told.views[view] ?? [] } });
    }
  }
}
