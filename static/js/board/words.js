/** Times and durations in words, in the zone of the territory. */

import { MINUTE } from "./scale.js";

export class Words {
  /**
   * @param {string} zone
   * @param {string} [locale]
   */
  constructor(zone, locale) {
    this.clock = new Intl.DateTimeFormat(locale, { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  }

  /** @param {number} instant */
  time(instant) {
    return this.clock.format(instant);
  }

  /** @param {import("./data.js").Span[]} spans */
  spans(spans) {
    return spans.map((one) => this.span(one)).join(", ");
  }

  /** @param {import("./data.js").Span} span */
  span(span) {
    return `${this.time(span.start)} to ${this.time(span.end)}`;
  }
}

/** @param {number} ms @returns {string} */
export function duration(ms) {
  const minutes = Math.round(ms / MINUTE);
  if (minutes < 60) return `${minutes} min`;
  if (minutes >= 48 * 60) return `${Math.round(minutes / (24 * 60))} days`;
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
}

/** @param {number} count @returns {string} */
export function peopleWords(count) {
  return count === 1 ? "1 person" : `${count} people`;
}

/** @param {number} loadS @param {number} capacityS @returns {string} */
export function load(loadS, capacityS) {
  /** @param {number} seconds */
  const hours = (seconds) => (Math.round(seconds / 360) / 10).toString();
  return `${hours(loadS)} of ${hours(capacityS)} h`;
}

const DAY = 24 * 60 * MINUTE;

/** How long ago somebody was spoken with, in whole days. @param {number | null} at @param {number} now */
export function contactWords(at, now) {
  if (at === null) return "not spoken with yet";
  const days = Math.floor((now - at) / DAY);
  return days < 1 ? "spoken with today" : days === 1 ? "spoken with yesterday" : `spoken with ${days} days ago`;
}

const STATES = /** @type {Record<string, string>} */ ({
  on_the_way: "on the way",
  on_site: "on site",
  at_risk: "promise at risk",
  will_miss: "will miss the promise",
  not_done: "could not be done",
});

/** @param {string} state @returns {string} */
export function stateWords(state) {
  return STATES[state] ?? state.replaceAll("_", " ");
}

/**
 * Everything a bar shows, as one sentence for the ear and for the tooltip.
 *
 * @param {import("./data.js").Bar} bar
 * @param {string} shown the state it shows
 * @param {Words} words
 * @param {string} [fault] what speaks against it
 */
export function barWords(bar, shown, words, fault) {
  const parts = [words.span(bar), bar.title, bar.customer, stateWords(shown)];
  if (bar.promise) parts.push(`promise ${words.span(bar.promise)}`);
  if (bar.travelS > 0) parts.push(`travel ${duration(bar.travelS * 1000)}`);
  if (bar.pinned) parts.push("pinned");
  if (bar.drafted) parts.push("not published yet");
  if (bar.overrunS > 0) parts.push(`ends about ${duration(bar.overrunS * 1000)} later than planned`);
  if (fault) parts.push(`breaks a rule: ${fault}`);
  return parts.filter(Boolean).join(", ");
}
