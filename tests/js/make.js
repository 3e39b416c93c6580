/** Small makers for tests; times are minutes after a fixed midnight. */

export const MIDNIGHT = Date.UTC(2026, 10, 23);

/** @param {number} minutes */
export const at = (minutes) => MIDNIGHT + minutes * 60_000;
/** @param {number} minutes */
export const iso = (minutes) => new Date(at(minutes)).toISOString();
/** @param {number} start @param {number} end */
export const span = (start, end) => ({ start: iso(start), end: iso(end) });

export function technician(changes = {}) {
  return {
    id: 1,
    name: "Ana Ruiz",
    initials: "AR",
    partner: null,
    team: null,
    trade: null,
    territory: "North",
    phone: null,
    start_place: null,
    load_s: 0,
    capacity_s: 28_800,
    shifts: [span(480, 960)],
    breaks: [],
    absences: [],
    ...changes,
  };
}

let serial = 0;

/** @param {number} start @param {number} end */
export function bar(start, end, changes = {}) {
  serial += 1;
  return {
    id: serial,
    assignment_id: serial,
    version: 1,
    visit_id: serial,
    job_id: serial,
    technician_id: 1,
    start: iso(start),
    end: iso(end),
    travel_s: 0,
    title: "Boiler",
    customer: "Hale Dental",
    state: "planned",
    promise: null,
    promise_state: null,
    pinned: false,
    elsewhere: false,
    lat: null,
    lon: null,
    order: 1,
    ...changes,
  };
}

export function board(changes = {}) {
  return {
    date: "2026-11-23",
    zone: "UTC",
    day_start: iso(360),
    day_end: iso(1200),
    now: iso(600),
    technicians: [technician()],
    bars: [],
    queue: [],
    ...changes,
  };
}

export function queued(changes = {}) {
  serial += 1;
  return {
    visit_id: serial,
    job_id: serial,
    title: "Leak",
    customer: "Hale Dental",
    site: "Main street",
    lat: null,
    lon: null,
    duration_s: 3600,
    priority: 3,
    window: null,
    skills: [],
    urgent: false,
    rank: "1 9999 3",
    ...changes,
  };
}
