import assert from "node:assert/strict";
import { test } from "node:test";
import { bar as toBar, technician as toTechnician } from "../../static/js/board/data.js";
import { faultsOf } from "../../static/js/board/faults.js";
import { overrunAt } from "../../static/js/board/outlook.js";
import { Board } from "../../static/js/board/store.js";
import { barWords, contactWords, Words } from "../../static/js/board/words.js";
import { at, bar, board, span, technician } from "./make.js";

const WORDS = new Words("UTC", "en-GB");

test("what the day shows to be wrong is said of visits ahead, and of those only", () => {
  const person = toTechnician(technician({ absences: [span(900, 960)] }));
  const day = [bar(600, 660, { title: "Leak" }), bar(665, 700, { travel_s: 600 }), bar(910, 950), bar(950, 1000), bar(470, 500, { state: "done" })];
  const bars = day.map(toBar).sort((a, b) => a.start - b.start);
  const found = faultsOf(person, bars);
  const of = (index) => found.get(String(day[index].id));
  assert.equal(of(0), undefined);
  assert.equal(of(1), "5 min too little for the way from Leak");
  assert.equal(of(2), "while not available");
  assert.equal(of(3), "outside the shift, while not available");
  assert.equal(of(4), undefined, "it has happened");
});

test("a fault goes away with what caused it, and comes with it", () => {
  const early = bar(600, 660, { id: 1, title: "Leak" });
  const day = new Board(board({ bars: [early, bar(700, 760, { id: 2, travel_s: 600 })] }));
  assert.equal(day.faults(1).get("2"), undefined);
  day.merge({ visits: [early.visit_id], people: [], bars: [{ ...early, end: bar(0, 695).end }], technicians: [], queue: [], changes: [] }, { visits: new Set(), people: new Set() });
  assert.match(day.faults(1).get("2") ?? "", /^5 min too little/);
});

test("a visit that should have begun, or ended, will end later, in steps of five minutes", () => {
  const late = (changes, minute) => overrunAt(toBar(bar(600, 660, changes)), at(minute)) / 60;
  assert.deepEqual([599, 604, 606, 640].map((minute) => late({}, minute)), [0, 0, 5, 40]);
  assert.deepEqual([640, 664, 671].map((minute) => late({ state: "on_site" }, minute)), [0, 0, 10]);
  assert.equal(late({ state: "done" }, 900), 0);
});

test("what marks show is said in words", () => {
  const one = { ...toBar(bar(600, 660, { pinned: true })), overrunS: 1500 };
  const said = barWords(one, "planned", WORDS, "outside the shift");
  assert.match(said, /pinned, ends about 25 min later than planned, breaks a rule: outside the shift$/);
  assert.deepEqual([null, 100, 30 * 60, 5 * 24 * 60].map((minutes) => contactWords(minutes === null ? null : at(-minutes), at(0))), [
    "not spoken with yet",
    "spoken with today",
    "spoken with yesterday",
    "spoken with 5 days ago",
  ]);
});
