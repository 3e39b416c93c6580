import assert from "node:assert/strict";
import { test } from "node:test";
import { isHeading } from "../../static/js/board/order.js";
import { Board } from "../../static/js/board/store.js";
import { board, technician } from "./make.js";

const PEOPLE = [
  technician({ id: 1, name: "Zoe", territory: "North", team: "Blue", trade: "Gas", load_s: 10 }),
  technician({ id: 2, name: "Ana", territory: "East", team: "Blue", trade: "Lifts", load_s: 30 }),
  technician({ id: 3, name: "Ben", territory: "North", partner: "Kestrel", trade: "Gas", load_s: 20 }),
  technician({ id: 4, name: "Cem", territory: null, trade: null, load_s: 40 }),
];

/** @param {import("../../static/js/board/store.js").Board} day */
const lines = (day) => day.lines.map((one) => (isHeading(one) ? `${one.group} (${one.count})` : one.name));

test("people stand by name, by load, by free time", () => {
  const day = new Board(board({ technicians: PEOPLE }));
  const names = (order) => (day.arrange({ order }), day.technicians.map((one) => one.name));
  assert.deepEqual(names("name"), ["Ana", "Ben", "Cem", "Zoe"]);
  assert.deepEqual(names("load"), ["Cem", "Ana", "Ben", "Zoe"]);
  assert.deepEqual(names("free"), ["Zoe", "Ben", "Ana", "Cem"]);
});

test("people stand under headings, and who belongs to none of them comes last", () => {
  const day = new Board(board({ technicians: PEOPLE }));
  const under = (group) => (day.arrange({ group }), lines(day));
  assert.deepEqual(under("territory"), ["East (1)", "Ana", "North (2)", "Ben", "Zoe", "Work elsewhere (1)", "Cem"]);
  assert.deepEqual(under("team"), ["Blue (2)", "Ana", "Zoe", "In no team (2)", "Ben", "Cem"]);
  assert.deepEqual(under("skill"), ["Gas (2)", "Ben", "Zoe", "Lifts (1)", "Ana", "No skill recorded (1)", "Cem"]);
  assert.deepEqual(under("partner"), ["Kestrel (1)", "Ben", "Our own people (3)", "Ana", "Cem", "Zoe"]);
  assert.deepEqual(under("none"), ["Ana", "Ben", "Cem", "Zoe"]);
});

test("a line of the board is no place among the people: keys walk over people only", () => {
  const day = new Board(board({ technicians: PEOPLE }));
  day.arrange({ group: "territory" });
  assert.deepEqual([day.indexOf.get(3), day.lineOf.get(3)], [1, 3]);
  assert.equal(day.person(3)?.name, "Ben");
  assert.equal(day.person(99), undefined);
});

test("the nearest to the selected visit stand first, those who cannot come last", () => {
  const day = new Board(board({ technicians: PEOPLE }));
  day.arrange({ order: "near" });
  assert.deepEqual(lines(day), ["Ana", "Ben", "Cem", "Zoe"]);
  const verdict = (id, travelS) => [id, { verdict: "fits", words: "", place: travelS === null ? null : { technicianId: id, name: "", start: 0, end: 0, travelS, words: "", pushing: [] } }];
  day.answer(new Map([verdict(1, 600), verdict(2, null), verdict(3, 900), verdict(4, 60)]));
  assert.deepEqual(lines(day), ["Cem", "Zoe", "Ben", "Ana"]);
});

test("who joins the board while it is open comes last, under a heading of their own where there are headings", () => {
  const day = new Board(board({ technicians: PEOPLE }));
  day.arrange({ group: "territory" });
  const joining = { visits: [], people: [5], bars: [], queue: [], changes: [], technicians: [technician({ id: 5, name: "Dora" })] };
  day.merge(joining, { visits: new Set(), people: new Set() });
  assert.deepEqual(lines(day).slice(-2), ["New on the board (1)", "Dora"]);
  assert.equal(day.lineOf.get(5), 8);
});
