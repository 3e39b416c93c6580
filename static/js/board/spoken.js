/** What other people changed, in one sentence, and not more often than every five seconds. */

/** @typedef {{by: string, words: () => string}} Told who, and how to say the change: of a storm of them few are said */

export const PAUSE_MS = 5000;

/** @param {readonly Told[]} told @returns {string} */
export function sentence(told) {
  const [first] = told;
  if (!first) return "";
  if (told.length === 1) return `${first.by}: ${first.words()}.`;
  const people = [...new Set(told.map((one) => one.by))];
  const who = people.length > 3 ? `${people.length} people` : people.length > 1 ? `${people.slice(0, -1).join(", ")} and ${people.at(-1)}` : people[0];
  return `${who} changed ${told.length} visits.`;
}

export class Spoken {
  /** @param {(words: string) => void} say */
  constructor(say) {
    this.say = say;
    /** @type {Map<number, Told>} by visit: only the latest of each is worth saying */
    this.waiting = new Map();
    this.saidAt = Number.NEGATIVE_INFINITY;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @param {number} visitId @param {Told} told */
  note(visitId, told) {
    this.waiting.set(visitId, told);
    this.timer ??= setTimeout(() => this.#speak(), Math.max(0, this.saidAt + PAUSE_MS - Date.now()));
  }

  #speak() {
    this.timer = undefined;
    this.saidAt = Date.now();
    const words = sentence([...this.waiting.values()]);
    this.waiting.clear();
    if (words) this.say(words);
  }
}
