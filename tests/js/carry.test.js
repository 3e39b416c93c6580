import assert from "node:assert/strict";
import { test } from "node:test";
import { describe, endOf, hasMoved, inTime, pickUp, preview, toRow, whyFixed } from "../../static/js/board/carry.js";
import { bar as toBar, barOfQueued, shownState } from "../../static/js/board/data.js";
import { Board } from "../../static/js/board/store.js";
import { moveFields } from "../../static/js/board/submit.js";
import { Words } from "../../static/js/board/words.js";
import { at, bar, board, iso, span, technician } from "./make.js";

const words = new Words("UTC", "en");
const people = [technician(), technician({ id: 2, name: "Ben Osei" }), technician({ id: 3, name: "Cem Ak" })];

function carrying(changes = {}, others = []) {
  const mine = bar(600, 690, { promise: span(600, 720), ...changes });
  const day = new Board(board({ technicians: people, bars: [mine, ...others] }));
  return { day, carried: pickUp(day.bars.get(String(mine.id)), 1), mine };
}

test("a carried visit keeps its length and stays inside the day", () => {
  const { day, carried } = carrying();
  const later = inTime(day, carried, 15);
  assert.equal(later.start, at(615));
  assert.equal(endOf(later), at(705));
  assert.equal(inTime(day, carried, 5000).start, at(1110));
  assert.equal(inTime(day, carried, -5000).start, at(360));
});

test("rows the server ruled out are skipped unless any row is wanted", () => {
  const { day, carried } = carrying();
  day.verdicts.set(2, { verdict: "blocked", words: "lacks gas level 3" });
  assert.equal(toRow(day, carried, 1, false).technicianId, 3);
  assert.equal(toRow(day, carried, 1, true).technicianId, 2);
  assert.equal(toRow(day, carried, -1, true), carried);
});

test("the preview names overlap, shift, absence, verdict and a broken promise", () => {
  const other = bar(720, 800, { title: "Leak" });
  const { day, carried } = carrying({}, [other]);
  assert.deepEqual(preview(day, carried, words), { clear: true, sentences: ["keeps promise 10:00 to 12:00"] });
  const late = inTime(day, carried, 135);
  assert.deepEqual(preview(day, late, words).sentences, ["overlaps Leak, 12:00 to 13:20", "starts 15 min after the promise 10:00 to 12:00"]);
  assert.match(preview(day, inTime(day, carried, 300), words).sentences.join(), /outside the shift/);
  day.verdicts.set(2, { verdict: "blocked", words: "lacks gas level 3" });
  const blocked = preview(day, toRow(day, carried, 1, true), words);
  assert.equal(blocked.clear, false);
  assert.equal(blocked.sentences[0], "lacks gas level 3");
});

test("touching is no overlap, and a visit never overlaps itself", () => {
  const { day, carried } = carrying({}, [bar(690, 720)]);
  assert.equal(preview(day, carried, words).clear, true);
});

test("each step is told in one sentence", () => {
  const { day, carried } = carrying();
  assert.equal(describe(day, inTime(day, carried, 15), words), "Ana Ruiz, 10:15 to 11:45, keeps promise 10:00 to 12:00");
});

test("a move sends what the form sends", () => {
  const { day, carried, mine } = carrying();
  const fields = Object.fromEntries(moveFields(inTime(day, toRow(day, carried, 1, false), 15)));
  assert.deepEqual(fields, {
    visit_id: String(mine.visit_id),
    technician_id: "2",
    start: iso(615),
    assignment_id: String(mine.assignment_id),
    version: "1",
  });
});

test("a visit from the queue has no assignment to send", () => {
  const waiting = { visit_id: 9, job_id: 9, title: "Leak", customer: "", site: "", lat: null, lon: null, duration_s: 1800, priority: 1, window: null, windowSpan: null, skills: [], urgent: false };
  const fields = Object.fromEntries(moveFields({ bar: barOfQueued(waiting, at(600)), technicianId: 2, start: at(600) }));
  assert.deepEqual(Object.keys(fields).sort(), ["start", "technician_id", "visit_id"]);
});

test("put down where it was, nothing is sent", () => {
  const { day, carried } = carrying();
  assert.equal(hasMoved(carried), false);
  assert.equal(hasMoved(inTime(day, carried, 5)), true);
  assert.equal(hasMoved(toRow(day, carried, 1, false)), true);
});

test("a change replaces bars by id, moves them between rows and keeps the order of people", () => {
  const { day, mine } = carrying();
  day.arrange({ order: "name" });
  day.apply({ bars: [{ ...mine, technician_id: 3, version: 2 }], technicians: [technician({ load_s: 99_000 })] });
  assert.equal(day.row(1).length, 0);
  assert.equal(day.row(3)[0].version, 2);
  assert.deepEqual(day.technicians.map((one) => one.name), ["Ana Ruiz", "Ben Osei", "Cem Ak"]);
  assert.equal(day.technicians[0].loadS, 99_000);
  day.apply({ removed: [mine.id] });
  assert.equal(day.row(3).length, 0);
});

test("the hours worked run from the first shift to the last visit, inside the day", () => {
  const day = new Board(board({ technicians: [technician({ shifts: [span(300, 900)] })], bars: [bar(880, 1000)] }));
  assert.deepEqual(day.worked, { start: day.start, end: Date.parse(iso(1000)) });
  const idle = new Board(board({ technicians: [technician({ shifts: [] })] }));
  assert.deepEqual(idle.worked, { start: idle.start, end: idle.end });
});

test("a threatened promise outranks the plan, never what happens on site", () => {
  const state = (changes) => shownState(new Board(board({ bars: [bar(600, 660, { id: 1, ...changes })] })).bars.get("1"));
  assert.equal(state({ promise_state: "at_risk" }), "at_risk");
  assert.equal(state({ state: "on_the_way", promise_state: "will_miss" }), "will_miss");
  assert.equal(state({ state: "on_site", promise_state: "will_miss" }), "on_site");
  assert.equal(state({ state: "done", promise_state: "missed" }), "done");
});

test("what is pinned, begun or another territory's stays where it is, and says why", () => {
  const why = (/** @type {object} */ changes) => whyFixed(toBar(bar(540, 600, { title: "Boiler", ...changes })));
  assert.equal(why({}), null);
  assert.equal(why({ state: "on_the_way" }), null);
  assert.match(why({ pinned: true }), /pinned/);
  assert.match(why({ state: "on_site" }), /already begun/);
  assert.match(why({ elsewhere: true }), /another territory/);
});
