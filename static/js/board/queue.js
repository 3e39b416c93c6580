/**
 * The queue and the strip beside the grid follow the board in memory. Cards that are gone leave, new ones are asked for as
 * the page itself shows them. Nothing moves while somebody points into the queue or has the focus there: what is gone is
 * crossed out until then.
 */

import { countStates } from "./outlook.js";

/** @typedef {import("./store.js").Board} Board */

/** So many cards may be missing below before the next ones are asked for. */
const SLACK = 10;
const CHECK_MS = 300;

/**
 * @param {readonly number[]} shown visits that have a card, in their order
 * @param {readonly number[]} waiting visits of the queue, the most urgent first
 * @param {number} limit
 * @returns {{gone: number[], ask: number[]}} cards that leave, and cards to ask for
 */
export function difference(shown, waiting, limit) {
  const wanted = waiting.slice(0, limit);
  const known = new Set(shown);
  const alive = new Set(waiting);
  const gone = shown.filter((id) => !alive.has(id));
  const missing = wanted.filter((id) => !known.has(id));
  // One that ranks above a card that is there is new to the day; the others wait below until there is room for several.
  const kept = shown.filter((id) => alive.has(id));
  const last = kept.length > 0 ? waiting.indexOf(/** @type {number} */ (kept.at(-1))) : -1;
  const above = missing.filter((id) => waiting.indexOf(id) < last);
  return { gone, ask: kept.length + SLACK <= limit || wanted.length < limit ? missing : above };
}

export class QueueList {
  /** @param {Board} board */
  constructor(board) {
    this.board = board;
    this.strip = document.getElementById("board-strip");
    this.place = document.getElementById("board-queue");
    this.list = this.place?.querySelector(".queue") ?? null;
    /** @type {Map<number, string>} how each card's visit was when its card came */
    this.faces = new Map(board.queue.map((one) => [one.visit_id, JSON.stringify(one)]));
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.asking = false;
  }

  /** @returns {HTMLElement[]} */
  #cards() {
    return [...(this.list?.querySelectorAll("[data-queue-visit]") ?? [])].filter((one) => one instanceof HTMLElement);
  }

  /** Brings strip and queue in line with the board. @param {{own?: boolean}} [how] one's own change is shown at once */
  update({ own = false } = {}) {
    this.count();
    if (!(this.list instanceof HTMLElement)) return;
    const held = !own && (this.list.matches(":hover") || this.list.contains(document.activeElement));
    const waiting = new Set(this.board.queue.map((one) => one.visit_id));
    for (const card of this.#cards()) card.classList.toggle("is-gone", !waiting.has(Number(card.dataset.queueVisit)));
    if (!held) {
      this.#settle(this.list);
      return;
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.update();
    }, CHECK_MS);
  }

  /** @param {HTMLElement} list */
  #settle(list) {
    const ids = this.board.queue.map((one) => one.visit_id);
    const cards = this.#cards();
    const limit = Number(list.dataset.limit) || Number.POSITIVE_INFINITY;
    const { gone, ask } = difference(cards.map((one) => Number(one.dataset.queueVisit)), ids, limit);
    const leaving = new Set(gone);
    keepPlace(list, () => {
      for (const card of cards) if (leaving.has(Number(card.dataset.queueVisit))) leave(card, list);
    });
    const changed = this.board.queue
      .filter((one) => this.faces.has(one.visit_id) && this.faces.get(one.visit_id) !== JSON.stringify(one))
      .map((one) => one.visit_id)
      .filter((id) => list.querySelector(`[data-queue-visit="${id}"]`));
    for (const id of gone) this.faces.delete(id);
    this.#words(list);
    const wanted = [...new Set([...ask, ...changed])].slice(0, 100);
    if (wanted.length > 0) void this.#ask(list, wanted);
  }

  /** @param {HTMLElement} list @param {number[]} ids */
  async #ask(list, ids) {
    const url = list.dataset.cardsUrl;
    if (!url || this.asking) return;
    this.asking = true;
    const asked = new Map(this.board.queue.filter((one) => ids.includes(one.visit_id)).map((one) => [one.visit_id, JSON.stringify(one)]));
    const answer = await fetch(`${url}${url.includes("?") ? "&" : "?"}${new URLSearchParams(ids.map((id) => ["visit", String(id)]))}`).catch(() => null);
    this.asking = false;
    if (!answer?.ok || answer.redirected) return;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const card of found.querySelectorAll("[data-queue-visit]")) {
      if (!(card instanceof HTMLElement)) continue;
      const id = Number(card.dataset.queueVisit);
      this.faces.set(id, asked.get(id) ?? "");
      this.#insert(list, document.adoptNode(card), id);
    }
    for (const id of ids) if (!this.faces.has(id)) this.faces.set(id, asked.get(id) ?? "");
    this.update();
  }

  /** @param {HTMLElement} list @param {HTMLElement} card @param {number} id */
  #insert(list, card, id) {
    const order = new Map(this.board.queue.map((one, index) => [one.visit_id, index]));
    const mine = order.get(id);
    if (mine === undefined) return;
    keepPlace(list, () => {
      list.querySelector(`[data-queue-visit="${id}"]`)?.remove();
      const next = this.#cards().find((one) => (order.get(Number(one.dataset.queueVisit)) ?? -1) > mine);
      if (next) next.before(card);
      else list.append(card);
    });
    card.classList.add("is-new");
    setTimeout(() => card.classList.remove("is-new"), 5000);
    this.#words(list);
  }

  /** How many are shown of how many, or that there are none. @param {HTMLElement} list */
  #words(list) {
    const shown = this.#cards().length;
    const total = this.board.queue.length;
    list.hidden = shown === 0;
    const rest = this.place?.querySelector("[data-queue-rest]");
    const none = this.place?.querySelector("[data-queue-none]");
    if (none instanceof HTMLElement) none.hidden = total > 0;
    if (!(rest instanceof HTMLElement)) return;
    rest.hidden = shown >= total;
    const words = rest.querySelector("[data-words]");
    if (words instanceof HTMLElement) {
      words.textContent = (words.dataset.words ?? "").replace("{shown}", String(shown)).replace("{total}", String(total));
    }
  }

  /** Brings the numbers of the strip in line with the board. */
  count() {
    const counts = countStates(this.board.bars.values(), this.board.queue.length);
    for (const item of this.strip?.querySelectorAll("[data-state]") ?? []) {
      const words = item.querySelector("span");
      const state = item instanceof HTMLElement ? item.dataset.state ?? "" : "";
      const text = words?.textContent?.replace(/\d+/, String(counts[state] ?? 0));
      if (words && text !== undefined && text !== words.textContent) words.textContent = text;
    }
  }
}

/** @param {HTMLElement} card @param {HTMLElement} list */
function leave(card, list) {
  const focused = card.contains(document.activeElement);
  const next = card.nextElementSibling ?? card.previousElementSibling;
  card.remove();
  if (!focused) return;
  const target = next?.querySelector("a, button") ?? list;
  if (target instanceof HTMLElement) target.focus({ preventScroll: true });
}

/** Runs a change above or below without moving what is in sight. @param {HTMLElement} list @param {() => void} change */
function keepPlace(list, change) {
  const top = list.scrollTop;
  const first = top > 0 ? [...list.children].find((one) => one instanceof HTMLElement && one.offsetTop + one.offsetHeight - list.offsetTop > top) : undefined;
  const before = first instanceof HTMLElement ? first.offsetTop - top : 0;
  change();
  if (first instanceof HTMLElement && first.isConnected) list.scrollTop = first.offsetTop - before;
}
