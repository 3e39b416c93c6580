/**
 * Where news of the board comes from: one event stream for all views of a browser, or asking every ten seconds where the
 * stream is refused or silent. Knows nothing of the page, so a shared worker can run it.
 *
 * @typedef {{to: number, now: string, views: Record<string, any[]>}} News what the server sends; see web/board_live.py
 *
 * @typedef {object} Heard
 * @property {"news" | "beat"} kind
 * @property {"stream" | "poll"} by
 * @property {number} to position of the change log that is known now
 * @property {string} now the server's clock
 * @property {Record<string, any[]>} views what to draw anew, by view
 *
 * @typedef {{kind: "trouble", why: "refused" | "silent" | "signed-out"}} Trouble
 *
 * @typedef {object} Tools what it needs of its surroundings, so that a test can give others
 * @property {new (url: string) => EventSource} EventSource
 * @property {typeof fetch} fetch
 */

export const SILENT_MS = 20_000;
export const POLL_MS = 10_000;
const TRY_AGAIN_MS = 60_000;
const CHECK_MS = 1000;

export class Source {
  /**
   * @param {{stream: string, changes: string}} urls
   * @param {(told: Heard | Trouble) => void} tell
   * @param {Tools} tools
   */
  constructor(urls, tell, tools = { EventSource: globalThis.EventSource, fetch: (...given) => fetch(...given) }) {
    this.urls = urls;
    this.tell = tell;
    this.tools = tools;
    /** @type {string[]} */
    this.views = [];
    this.position = 0;
    /** @type {EventSource | null} */
    this.stream = null;
    this.heardAt = Date.now();
    this.openedAt = 0;
    this.polledAt = 0;
    /** @type {"refused" | "silent" | null} why it asks instead of listening */
    this.asking = null;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
  }

  /** Follows these views from now on; none ends it. @param {string[]} views @param {number} position where a first one begins */
  follow(views, position) {
    if (this.views.length === 0) this.position = position;
    const same = views.length === this.views.length && views.every((one) => this.views.includes(one));
    this.views = [...views];
    if (same && this.timer !== undefined) return;
    this.stop();
    if (views.length === 0) return;
    this.heardAt = Date.now();
    this.timer = setInterval(() => this.#check(), CHECK_MS);
    this.#open();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.#close();
  }

  #query() {
    const asked = new URLSearchParams(this.views.map((one) => ["view", one]));
    asked.set("since", String(this.position));
    return asked;
  }

  #open() {
    this.#close();
    this.openedAt = Date.now();
    const stream = new this.tools.EventSource(`${this.urls.stream}?${this.#query()}`);
    this.stream = stream;
    stream.addEventListener("message", (event) => this.#take(JSON.parse(event.data), "news"));
    stream.addEventListener("beat", (event) => this.#take({ views: {}, ...JSON.parse(/** @type {MessageEvent} */ (event).data) }, "beat"));
    stream.addEventListener("replaced", () => this.#askInstead("refused"));
    // The browser tries again by itself unless the server refused the stream for good.
    stream.addEventListener("error", () => {
      if (this.stream === stream && stream.readyState === 2) this.#askInstead("refused");
    });
  }

  #close() {
    this.stream?.close();
    this.stream = null;
  }

  /** @param {News} news @param {"news" | "beat"} kind */
  #take(news, kind) {
    this.asking = null;
    this.#heard(news, kind, "stream");
  }

  /** @param {News} news @param {"news" | "beat"} kind @param {"stream" | "poll"} by */
  #heard(news, kind, by) {
    this.heardAt = Date.now();
    this.position = Math.max(this.position, news.to);
    this.tell({ kind, by, to: news.to, now: news.now, views: news.views });
  }

  /** @param {"refused" | "silent"} why */
  #askInstead(why) {
    if (why === "refused") this.#close();
    if (this.asking !== why) this.tell({ kind: "trouble", why });
    this.asking = why;
    void this.#poll();
  }

  #check() {
    const now = Date.now();
    if (this.asking === null) {
      if (now - this.heardAt > SILENT_MS) {
        this.#open(); // a connection that died without a word is not noticed by the browser
        this.#askInstead("silent");
      }
      return;
    }
    if (now - this.polledAt >= POLL_MS) void this.#poll();
    if (now - this.openedAt >= (this.asking === "silent" ? SILENT_MS : TRY_AGAIN_MS)) this.#open();
  }

  async #poll() {
    this.polledAt = Date.now();
    const asked = [...this.views];
    try {
      const answer = await this.tools.fetch(`${this.urls.changes}?${this.#query()}`, {
        headers: { Accept: "application/json" },
        cache: "no-store",
        credentials: "same-origin",
      });
      if (answer.status === 401 || answer.status === 403) this.tell({ kind: "trouble", why: "signed-out" });
      if (!answer.ok || asked.some((one) => !this.views.includes(one))) return;
      /** @type {News} */
      const news = await answer.json();
      if (this.asking !== null) this.#heard(news, "news", "poll");
    } catch {
      // No answer: whoever shows the board notices the silence.
    }
  }
}
