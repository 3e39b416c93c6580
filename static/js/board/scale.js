/** Time on the horizontal axis. Lengths follow real time, so a day of 23 or 25 hours is drawn as long as it is. */

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** @typedef {"day" | "hour" | "quarter"} Zoom */
/** @type {{name: Zoom, label: string}[]} */
export const ZOOMS = [
  { name: "day", label: "Day" },
  { name: "hour", label: "Hour" },
  { name: "quarter", label: "15 min" },
];

const PX_PER_HOUR = { day: 48, hour: 104, quarter: 260 };

export class TimeScale {
  /**
   * @param {number} start
   * @param {number} end
   * @param {number} pxPerHour
   */
  constructor(start, end, pxPerHour) {
    this.start = start;
    this.end = end;
    this.pxPerHour = pxPerHour;
  }

  /**
   * The hours that people work fill the room there is; the closer views have a fixed size.
   *
   * @param {number} start
   * @param {number} end
   * @param {Zoom} zoom
   * @param {number} room width in pixels
   * @param {number} [worked] length of the part that must be seen at once, in milliseconds
   */
  static of(start, end, zoom, room, worked = end - start) {
    const hours = Math.max(worked / HOUR, 1);
    const least = PX_PER_HOUR[zoom];
    return new TimeScale(start, end, zoom === "day" ? Math.max(least, room / hours) : least);
  }

  get width() {
    return this.length(this.end - this.start);
  }

  /** @param {number} ms a duration */
  length(ms) {
    return (ms / HOUR) * this.pxPerHour;
  }

  /** @param {number} instant */
  x(instant) {
    return this.length(instant - this.start);
  }

  /** @param {number} x */
  instant(x) {
    return this.start + (x / this.pxPerHour) * HOUR;
  }

  /** Minutes between two labels, so that labels never touch. */
  get labelMinutes() {
    if (this.pxPerHour >= 200) return 15;
    if (this.pxPerHour >= 96) return 30;
    return this.pxPerHour >= 44 ? 60 : 120;
  }
}

/**
 * @param {number} instant
 * @param {number} minutes
 */
export function snap(instant, minutes) {
  const step = minutes * MINUTE;
  return Math.round(instant / step) * step;
}

/**
 * Instants that get a label between two instants.
 *
 * @param {TimeScale} scale
 * @param {number} from
 * @param {number} to
 * @returns {number[]}
 */
export function ticks(scale, from, to) {
  const step = scale.labelMinutes * MINUTE;
  const found = [];
  const first = Math.max(0, Math.floor((from - scale.start) / step));
  for (let at = scale.start + first * step; at < Math.min(to, scale.end); at += step) found.push(at);
  return found;
}
