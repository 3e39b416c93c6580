/** The elements of one row: a person's head, the pattern of the day behind it, and bars. */

import { shownState } from "./data.js";
import { icon, make, place } from "./dom.js";
import { same } from "./store.js";
import { barWords, contactWords, load, peopleWords } from "./words.js";

/** @typedef {import("./data.js").Bar} Bar */
/** @typedef {import("./data.js").Technician} Technician */
/** @typedef {import("./scale.js").TimeScale} TimeScale */
/** @typedef {import("./words.js").Words} Words */
/** @typedef {import("./store.js").Verdict} Verdict */

const PLACE_SHAPES = /** @type {Record<string, string>} */ ({ "own start": "home", depot: "depot", yard: "depot", "near-site stay": "stay" });
const VERDICTS = { fits: ["tick", "Fits"], costs: ["triangle", "Fits at a cost"], blocked: ["cross", "Cannot"] };

/** @param {number} technicianId @param {string} key */
export function cellId(technicianId, key) {
  return `cell-${technicianId}-${key}`;
}

/** Colours of states, as the status macro has them. @param {string} state */
export function stateClass(state) {
  const known = /** @type {Record<string, string>} */ ({
    on_the_way: "on-the-way",
    on_site: "on-site",
    done: "done",
    closed: "done",
    cancelled: "done",
    kept: "done",
    at_risk: "at-risk",
    will_miss: "will-miss",
    could_not_do: "will-miss",
    not_done: "will-miss",
    under_way: "on-site",
    declined: "will-miss",
    unassigned: "at-risk",
  });
  return `state-${known[state] ?? "planned"}`;
}

/**
 * What the row shows by shapes and patterns, in words.
 *
 * @param {Technician} person
 * @param {Words} words
 * @param {number} now
 */
function rowWords(person, words, now) {
  return [
    person.place && `starts from ${person.place}`,
    person.breaks.length > 0 && `break ${words.spans(person.breaks)}`,
    person.absences.length > 0 && `not available ${words.spans(person.absences)}`,
    person.shifts.length === 0 && "no shift on this day",
    contactWords(person.lastContact, now),
  ]
    .filter(Boolean)
    .join(", ");
}

/**
 * @param {Technician} person
 * @param {Verdict | undefined} verdict
 * @param {Words} words
 * @param {number} now
 */
function head(person, verdict, words, now) {
  const cell = make("div", "gantt-head");
  cell.setAttribute("role", "rowheader");
  cell.id = cellId(person.id, "head");
  const circle = make("span", person.partner ? "initials partner" : "initials", person.initials);
  circle.setAttribute("aria-hidden", "true");
  const name = make("span", "gantt-name", person.name);
  const facts = make("span", "gantt-facts");
  if (person.place) facts.classList.add("starts", `starts-${PLACE_SHAPES[person.place] ?? "elsewhere"}`);
  facts.append(load(person.loadS, person.capacityS));
  const told = rowWords(person, words, now);
  if (person.partner) facts.append(" ", make("span", "partner-badge", person.partner));
  cell.title = [person.name, person.partner, load(person.loadS, person.capacityS), told].filter(Boolean).join(", ");
  if (verdict) {
    const [symbol, says] = /** @type {[string, string]} */ (VERDICTS[verdict.verdict]);
    const mark = make("span", `verdict ${verdict.verdict}`);
    mark.append(icon(symbol), make("span", "visually-hidden", `${says}: ${verdict.words}`));
    mark.title = verdict.words;
    // The name stands above it already.
    facts.textContent = verdict.words.startsWith(`${person.name} `) ? verdict.words.slice(person.name.length + 1) : verdict.words;
    facts.title = verdict.words;
    cell.append(circle, name, mark, facts);
  } else {
    facts.append(make("span", "visually-hidden", `, ${told}`));
    cell.append(circle, name, facts);
  }
  if (person.phone) {
    const call = make("a", "gantt-call");
    call.href = `tel:${person.phone.replaceAll(" ", "")}`;
    call.tabIndex = -1;
    call.title = `Call ${person.name}, ${contactWords(person.lastContact, now)}`;
    call.append(make("span", "visually-hidden", `Call ${person.name}`));
    cell.append(call);
  }
  if (person.shifts.length > 0) cell.append(away(person));
  return cell;
}

/** For the pointer: it shows while it is over the row. By key it is one letter on the row. @param {Technician} person */
function away(person) {
  const button = make("button", "gantt-away");
  button.type = "button";
  button.tabIndex = -1;
  button.title = `${person.name} cannot work`;
  button.setAttribute("aria-label", button.title);
  return button;
}

/**
 * @param {Technician} person
 * @param {TimeScale} scale
 * @param {HTMLElement} lane
 */
function pattern(person, scale, lane) {
  for (const [spans, name] of /** @type {const} */ ([
    [person.shifts, "shift"],
    [person.breaks, "pause"],
    [person.absences, "away"],
  ])) {
    for (const one of spans) {
      if (one.end <= scale.start || one.start >= scale.end) continue;
      const block = make("span", name);
      place(block, scale.x(one.start), scale.length(one.end - one.start));
      block.setAttribute("aria-hidden", "true");
      lane.append(block);
    }
  }
}

/**
 * @param {Bar} one
 * @param {TimeScale} scale
 * @param {Words} words
 * @param {string} [fault] what speaks against it
 */
export function barElement(one, scale, words, fault) {
  const shown = shownState(one);
  const element = make("div", `bar ${stateClass(shown)} is-${shown.replaceAll("_", "-")}`);
  element.setAttribute("role", "gridcell");
  if (one.elsewhere) element.classList.add("is-elsewhere");
  if (one.drafted) element.classList.add("is-drafted");
  element.dataset.bar = one.id;
  element.id = cellId(one.technicianId ?? 0, `bar-${one.id}`);
  const sentence = barWords(one, shown, words, fault);
  element.setAttribute("aria-label", sentence);
  element.title = sentence;
  place(element, scale.x(one.start), scale.length(one.end - one.start));
  if (one.travelS > 0) {
    element.classList.add("has-travel");
    element.style.setProperty("--travel", `${scale.length(one.travelS * 1000).toFixed(1)}px`);
  }
  element.append(make("span", one.pinned ? "bar-title is-pinned" : "bar-title", one.customer ? `${one.title} · ${one.customer}` : one.title));
  if (fault) element.append(make("span", "broken"));
  if (one.overrunS > 0) {
    const late = make("span", "overrun");
    place(late, scale.length(one.end - one.start), scale.length(one.overrunS * 1000));
    element.append(late);
  }
  if (one.promise) {
    const bracket = make("span", "bracket");
    place(bracket, scale.length(one.promise.start - one.start), scale.length(one.promise.end - one.promise.start));
    element.append(bracket);
  }
  return element;
}

/**
 * A row with its head and pattern; bars come and go as time scrolls.
 *
 * @param {Technician} person
 * @param {TimeScale} scale
 * @param {Verdict | undefined} verdict
 * @param {Words} words
 * @param {number} now
 */
export function rowElement(person, scale, verdict, words, now) {
  const row = make("div", "gantt-row");
  row.setAttribute("role", "row");
  row.dataset.technician = String(person.id);
  if (verdict?.verdict === "blocked") row.classList.add("is-blocked");
  const lane = make("div", "gantt-lane");
  lane.setAttribute("role", "presentation");
  pattern(person, scale, lane);
  const cell = head(person, verdict, words, now);
  row.append(cell, lane);
  return { row, head: cell, lane };
}

/** A heading over the people of one group. @param {import("./order.js").Heading} heading */
export function headingElement({ group, count }) {
  const row = make("div", "gantt-row gantt-group");
  row.setAttribute("role", "row");
  const cell = make("div", "gantt-group-name", group);
  cell.setAttribute("role", "rowheader");
  cell.append(make("span", "muted", peopleWords(count)));
  row.append(cell);
  return row;
}

/**
 * Shows another load in a row that is drawn; where more than the load differs the row must be drawn anew.
 *
 * @param {HTMLElement} row
 * @param {Technician} before
 * @param {Technician} after
 * @returns {boolean} whether that was all
 */
export function showLoad(row, before, after) {
  const alike = { ...after, loadS: before.loadS, capacityS: before.capacityS };
  const words = row.querySelector(".gantt-facts")?.firstChild;
  if (!same(alike, before) || !words) return false;
  const now = load(after.loadS, after.capacityS);
  if (words.textContent !== now) words.textContent = now;
  return true;
}
