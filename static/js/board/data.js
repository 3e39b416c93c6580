/**
 * The board's data: what the server answers, and the same with instants as numbers.
 *
 * `GET data-url` answers a RawBoard. From its position on the stream (live/source.js) tells what changes, as Deltas.
 *
 * `POST data-move-url` (form fields, `Accept: application/json`, `X-CSRFToken`) moves or assigns one visit:
 *   visit_id, technician_id, start (ISO, UTC) and, for a visit that is already assigned, assignment_id and version.
 *   200: a Change. 409, 422, 403, 404: a Refusal. The same address answers a page without that Accept header.
 *
 * @typedef {{start: string | number, end: string | number}} RawSpan an interval: ISO 8601 with offset, or seconds of the epoch
 *
 * @typedef {object} RawTechnician
 * @property {number} id
 * @property {string} name
 * @property {string} initials
 * @property {string | null} partner name of the partner company, null for employees
 * @property {string | null} team
 * @property {string | null} trade the group of skills in which they have the most
 * @property {string | null} territory of the shift that day, null for people who only have work here
 * @property {string | null} phone
 * @property {string | null} [last_contact] when somebody of the office spoke with them last
 * @property {string | null} start_place where the day begins, in words: own start, depot, yard, near-site stay
 * @property {number} load_s working time used today
 * @property {number} capacity_s working time there is today
 * @property {RawSpan[]} shifts
 * @property {RawSpan[]} breaks
 * @property {RawSpan[]} absences
 *
 * @typedef {object} RawBar
 * @property {number | string} id unique on the board
 * @property {number} assignment_id
 * @property {number} version
 * @property {number} visit_id
 * @property {number} job_id
 * @property {number} technician_id
 * @property {string | number} start service begins: ISO 8601, or seconds of the epoch
 * @property {string | number} end service ends
 * @property {number} travel_s travel just before it
 * @property {string} title
 * @property {string} customer
 * @property {string} state planned, accepted, on_the_way, on_site, done, not_done ...
 * @property {RawSpan | null} promise
 * @property {string | null} promise_state on_track, at_risk, will_miss, kept, missed
 * @property {number | null} [spread_s] by how much the arrival may be later than planned; null once somebody arrived
 * @property {boolean} pinned
 * @property {boolean} [drafted] nobody was told of it yet
 * @property {boolean} [elsewhere] work out of the reader's reach: only the time is told
 * @property {number | null} lat
 * @property {number | null} lon
 * @property {number} [order] place in the day, from 1
 *
 * @typedef {object} RawQueued
 * @property {number} visit_id
 * @property {number} job_id
 * @property {string} title
 * @property {string} customer
 * @property {string} site
 * @property {number | null} lat
 * @property {number | null} lon
 * @property {number} duration_s
 * @property {number} priority
 * @property {RawSpan | null} window
 * @property {string[]} skills
 * @property {boolean} urgent
 * @property {string} [rank] sorts the queue, the most urgent first
 *
 * @typedef {object} RawBoard
 * @property {number} [position] of the change log: what comes after it is not in here
 * @property {string} date the day, YYYY-MM-DD
 * @property {string} zone IANA time zone of the territory
 * @property {string} day_start
 * @property {string} day_end
 * @property {string} now the server's clock
 * @property {RawTechnician[]} technicians
 * @property {RawBar[]} bars
 * @property {RawQueued[]} queue
 * @property {{name: string, outline: [number, number][]}[]} [territories] outlines in lat, lon for the map
 *
 * @typedef {object} Change
 * @property {RawBar[]} bars every bar that is new or different, with its new version
 * @property {(number | string)[]} [removed] ids of bars that are gone
 * @property {RawQueued[]} [queue] the whole queue, when it changed
 * @property {RawTechnician[]} [technicians] those whose load changed
 * @property {string} message a sentence that says what happened
 * @property {{url: string, fields?: Record<string, string | number>}} [undo] takes it back by POST
 *
 * @typedef {object} Delta what changed elsewhere: all there is now of some visits and people
 * @property {true} [whole] too much changed to tell it; the board is loaded anew
 * @property {number[]} visits
 * @property {number[]} people whose whole day is told
 * @property {RawBar[]} bars
 * @property {RawTechnician[]} technicians
 * @property {RawQueued[]} queue
 * @property {Noted[]} changes
 *
 * @typedef {object} Noted one change of the log
 * @property {number} seq its position
 * @property {string} entity
 * @property {string} id
 * @property {number | null} version
 * @property {boolean} own the reader's own change
 * @property {string | null} by who made it
 * @property {string | null} initials
 * @property {number[]} visits
 * @property {number[]} people
 *
 * @typedef {object} Refusal
 * @property {string} error a sentence: what happened, what is safe, what to do
 * @property {RawBar[]} [bars] the truth about the bars concerned
 * @property {import("./verdicts.js").RawPlace | null} [instead] the next best place, ready to be taken
 */

import { barsOf } from "./table.js";

/** @typedef {Omit<RawBoard, "bars"> & {bars: import("./table.js").Table}} SentBoard the day as it is sent */
/** @typedef {{start: number, end: number}} Span instants in milliseconds */
/**
 * @typedef {object} Technician
 * @property {number} id
 * @property {string} name
 * @property {string} initials
 * @property {string | null} partner
 * @property {string | null} team
 * @property {string | null} trade
 * @property {string | null} territory
 * @property {string | null} phone
 * @property {number | null} lastContact
 * @property {string | null} place in words
 * @property {number} loadS
 * @property {number} capacityS
 * @property {Span[]} shifts
 * @property {Span[]} breaks
 * @property {Span[]} absences
 */
/**
 * @typedef {object} Bar
 * @property {string} id
 * @property {number | null} assignmentId null while it is still in the queue
 * @property {number | null} version
 * @property {number} visitId
 * @property {number} jobId
 * @property {number | null} technicianId
 * @property {number} start
 * @property {number} end
 * @property {number} travelS
 * @property {string} title
 * @property {string} customer
 * @property {string} state
 * @property {Span | null} promise
 * @property {string | null} promiseState
 * @property {number | null} spreadS
 * @property {number} overrunS by how much it will end later than planned, as far as the clock tells
 * @property {boolean} pinned
 * @property {boolean} drafted
 * @property {boolean} elsewhere
 * @property {number | null} lat
 * @property {number | null} lon
 */
/** @typedef {RawQueued & {windowSpan: Span | null}} Queued */

/** @param {string | number} raw ISO 8601, or seconds of the epoch */
function instant(raw) {
  return typeof raw === "number" ? raw * 1000 : Date.parse(raw);
}

/** @param {RawSpan} raw @returns {Span} */
export function span(raw) {
  return { start: instant(raw.start), end: instant(raw.end) };
}

/** @param {RawTechnician} raw @returns {Technician} */
export function technician(raw) {
  return {
    id: raw.id,
    name: raw.name,
    initials: raw.initials,
    partner: raw.partner,
    team: raw.team,
    trade: raw.trade,
    territory: raw.territory,
    phone: raw.phone,
    lastContact: raw.last_contact ? Date.parse(raw.last_contact) : null,
    place: raw.start_place,
    loadS: raw.load_s,
    capacityS: raw.capacity_s,
    shifts: raw.shifts.map(span),
    breaks: raw.breaks.map(span),
    absences: raw.absences.map(span),
  };
}

/** @param {RawBar} raw @returns {Bar} */
export function bar(raw) {
  return {
    id: String(raw.id),
    assignmentId: raw.assignment_id,
    version: raw.version,
    visitId: raw.visit_id,
    jobId: raw.job_id,
    technicianId: raw.technician_id,
    start: instant(raw.start),
    end: instant(raw.end),
    travelS: raw.travel_s,
    title: raw.title,
    customer: raw.customer,
    state: raw.state,
    promise: raw.promise ? span(raw.promise) : null,
    promiseState: raw.promise_state,
    spreadS: raw.spread_s ?? null,
    overrunS: 0,
    pinned: raw.pinned,
    drafted: raw.drafted ?? false,
    elsewhere: raw.elsewhere ?? false,
    lat: raw.lat,
    lon: raw.lon,
  };
}

/** @param {RawQueued} raw @returns {Queued} */
export function queued(raw) {
  return { ...raw, windowSpan: raw.window ? span(raw.window) : null };
}

/**
 * A waiting visit as a bar that can be carried to a row; it has no time of its own yet.
 *
 * @param {Queued} waiting
 * @param {number} start
 * @returns {Bar}
 */
export function barOfQueued(waiting, start) {
  return {
    id: `visit-${waiting.visit_id}`,
    assignmentId: null,
    version: null,
    visitId: waiting.visit_id,
    jobId: waiting.job_id,
    technicianId: null,
    start,
    end: start + waiting.duration_s * 1000,
    travelS: 0,
    title: waiting.title,
    customer: waiting.customer,
    state: "unassigned",
    promise: waiting.windowSpan,
    promiseState: null,
    spreadS: null,
    overrunS: 0,
    pinned: false,
    drafted: false,
    elsewhere: false,
    lat: waiting.lat,
    lon: waiting.lon,
  };
}

/**
 * The one state a bar shows: a threatened promise outranks "planned", never what is really happening on site.
 *
 * @param {Bar} one
 * @returns {string}
 */
export function shownState(one) {
  const ahead = ["planned", "accepted", "proposed", "on_the_way"].includes(one.state);
  if (ahead && (one.promiseState === "at_risk" || one.promiseState === "will_miss")) return one.promiseState;
  return one.state;
}

/** Asking for the board failed; the message is fit to show. */
export class BoardUnavailable extends Error {}

/**
 * @param {string} url
 * @returns {Promise<RawBoard>}
 */
export async function fetchBoard(url) {
  let answer;
  try {
    answer = await fetch(url, { headers: { Accept: "application/json" }, cache: "no-cache", credentials: "same-origin" });
  } catch {
    throw new BoardUnavailable("The server did not answer.");
  }
  if (!answer.ok || !(answer.headers.get("Content-Type") ?? "").includes("json")) {
    throw new BoardUnavailable(answer.redirected ? "You are signed out." : `The server answered ${answer.status}.`);
  }
  const sent = /** @type {SentBoard} */ (await answer.json());
  return { ...sent, bars: barsOf(sent.bars) };
}
