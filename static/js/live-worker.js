/** The shared worker: it holds the one stream of a browser for all its tabs. */

import { Shared } from "./live/shared.js";

const shared = new Shared();
/** @type {any} */ (globalThis).onconnect = (/** @type {MessageEvent} */ event) => {
  const port = /** @type {MessagePort} */ (event.ports[0]);
  port.onmessage = (said) => shared.hear(port, said.data);
};
