/** A tab's end of the stream: through the shared worker, or with a source of its own where there is none. */

import { HERE_EVERY_MS, Shared } from "./shared.js";

/** @typedef {import("./source.js").Heard} Heard */
/** @typedef {import("./source.js").Trouble} Trouble */

/**
 * @param {{view: string, position: () => number, urls: {stream: string, changes: string}, worker: string | undefined, who: string}} asked
 * @param {(told: Heard | Trouble | {kind: "joined", to: number}) => void} hear
 */
export function follow({ view, position, urls, worker, who }, hear) {
  /** @type {{postMessage: (said: import("./shared.js").Said) => void}} */
  let port;
  const follow = () => port.postMessage({ kind: "follow", view, position: position(), urls });
  const alone = () => {
    const shared = new Shared();
    const back = { postMessage: hear };
    port = { postMessage: (said) => shared.hear(back, said) };
    follow();
  };
  if (worker && typeof SharedWorker !== "undefined") {
    // Another person who signs in at the same browser gets a worker of their own.
    const shared = new SharedWorker(worker, { type: "module", name: `board of ${who}` });
    shared.addEventListener("error", alone, { once: true });
    shared.port.onmessage = (event) => hear(event.data);
    port = shared.port;
    follow();
  } else {
    alone();
  }
  setInterval(follow, HERE_EVERY_MS);
  addEventListener("pagehide", () => port.postMessage({ kind: "bye" }));
  addEventListener("pageshow", (event) => {
    if (event.persisted) follow();
  });
}
