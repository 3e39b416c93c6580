import assert from "node:assert/strict";
import { test } from "node:test";
import { cellsOf, freeTime, keyOf, nearest, startOf, without } from "../../static/js/board/cells.js";
import { bar as toBar, technician as toTechnician } from "../../static/js/board/data.js";
import { whileCarrying, whileWalking } from "../../static/js/board/keys.js";
import { step } from "../../static/js/page/palette.js";
import { isTyping, nameOf } from "../../static/js/page/shortcuts.js";
import { at, bar, span, technician } from "./make.js";

const key = (name, held = {}) => ({ key: name, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...held });

const OWN = { call: ".", cannot_work: "s", zoom_in: "+", zoom_out: "-" };

test("walking: arrows, pages and edges", () => {
  assert.deepEqual(whileWalking(key("ArrowDown"), OWN), { kind: "row", by: 1 });
  assert.deepEqual(whileWalking(key("PageUp"), OWN), { kind: "row", by: -10 });
  assert.deepEqual(whileWalking(key("ArrowLeft"), OWN), { kind: "cell", by: -1 });
  assert.deepEqual(whileWalking(key("End"), OWN), { kind: "edge", to: "last", all: false });
  assert.deepEqual(whileWalking(key("Home", { ctrlKey: true }), OWN), { kind: "edge", to: "first", all: true });
  assert.deepEqual(whileWalking(key(" "), OWN), { kind: "pick" });
  assert.deepEqual(whileWalking(key("Enter"), OWN), { kind: "open" });
});

test("walking: single keys are those of the person, and none where they are switched off", () => {
  assert.deepEqual(whileWalking(key("."), OWN), { kind: "call" });
  assert.deepEqual(whileWalking(key("S"), OWN), { kind: "away" });
  assert.deepEqual([key("+"), key("="), key("-")].map((one) => whileWalking(one, OWN)?.by), [1, 1, -1]);
  assert.equal(whileWalking(key("s"), { ...OWN, cannot_work: "q" }), null);
  assert.deepEqual(whileWalking(key("q"), { ...OWN, cannot_work: "q" }), { kind: "away" });
  assert.equal(whileWalking(key("="), { ...OWN, zoom_in: "z" }), null);
  for (const name of [".", "s", "+", "=", "-"]) assert.equal(whileWalking(key(name), {}), null);
});

test("walking leaves the browser its own keys", () => {
  assert.equal(whileWalking(key("-", { ctrlKey: true }), OWN), null);
  assert.equal(whileWalking(key("ArrowLeft", { altKey: true }), OWN), null);
  assert.equal(whileWalking(key("Tab"), OWN), null);
});

test("carrying: 15 minutes, 5 with Shift, 60 with Ctrl", () => {
  assert.deepEqual(whileCarrying(key("ArrowRight")), { kind: "time", minutes: 15 });
  assert.deepEqual(whileCarrying(key("ArrowLeft", { shiftKey: true })), { kind: "time", minutes: -5 });
  assert.deepEqual(whileCarrying(key("ArrowRight", { ctrlKey: true })), { kind: "time", minutes: 60 });
  assert.deepEqual(whileCarrying(key("ArrowUp")), { kind: "technician", by: -1, any: false });
  assert.deepEqual(whileCarrying(key("ArrowDown", { shiftKey: true })), { kind: "technician", by: 1, any: true });
  assert.deepEqual(whileCarrying(key("Enter")), { kind: "drop" });
  assert.deepEqual(whileCarrying(key("Escape")), { kind: "cancel" });
  assert.deepEqual(whileWalking(key("Escape"), OWN), { kind: "leave" });
  assert.equal(whileCarrying(key("Tab")), null);
});

test("cells of a row: head, bars and free time in the order of the day", () => {
  const person = toTechnician(technician({ breaks: [span(720, 750)], absences: [span(900, 960)] }));
  const bars = [toBar(bar(540, 600, { travel_s: 900 })), toBar(bar(640, 720))];
  const cells = cellsOf(person, bars);
  assert.deepEqual(
    cells.map((one) => (one.kind === "gap" ? [(one.start - at(0)) / 60_000, (one.end - at(0)) / 60_000] : one.kind)),
    ["head", [480, 525], "bar", [600, 640], "bar", [750, 900]],
  );
  assert.equal(new Set(cells.map(keyOf)).size, cells.length);
});

test("slivers of free time are no stops for the arrow keys", () => {
  const person = toTechnician(technician());
  const bars = [toBar(bar(480, 700)), toBar(bar(705, 960))];
  assert.deepEqual(freeTime(person, bars), []);
});

test("taking time out of free time", () => {
  assert.deepEqual(without([{ start: 0, end: 10 }], { start: 3, end: 5 }), [{ start: 0, end: 3 }, { start: 5, end: 10 }]);
  assert.deepEqual(without([{ start: 0, end: 10 }], { start: -1, end: 11 }), []);
  assert.deepEqual(without([{ start: 0, end: 10 }], { start: 10, end: 12 }), [{ start: 0, end: 10 }]);
});

test("going up or down keeps the time of day", () => {
  const person = toTechnician(technician());
  const cells = cellsOf(person, [toBar(bar(540, 600)), toBar(bar(800, 860))]);
  const found = cells[nearest(cells, at(790))];
  assert.equal(found.kind === "bar" && startOf(found), at(800));
  assert.equal(nearest(cells, Number.NEGATIVE_INFINITY), 0);
  assert.equal(nearest([{ kind: "head" }], at(790)), 0);
});

test("shortcuts are named as pages write them, and stay silent where somebody types", () => {
  assert.equal(nameOf(key("N")), "n");
  assert.equal(nameOf(key("z", { metaKey: true })), "mod+z");
  assert.equal(nameOf(key("n", { altKey: true })), null);
  assert.equal(isTyping(null), false);
  const inside = (/** @type {string} */ selector) => ({ closest: (/** @type {string} */ asked) => (asked.includes(selector) ? {} : null) });
  assert.equal(isTyping(inside("textarea")), true);
  assert.equal(isTyping(inside("[data-own-keys]")), true);
  assert.equal(isTyping(inside("[role=grid]")), false);
});

test("arrows walk from the field over what was found and back, and stop at the ends", () => {
  assert.equal(step(-1, 1, 3), 0);
  assert.equal(step(2, 1, 3), 2);
  assert.equal(step(0, -1, 3), -1);
  assert.equal(step(-1, -1, 3), -1);
  assert.equal(step(-1, 1, 0), -1);
});

test("shift tells doing again from taking back", () => {
  assert.equal(nameOf(key("z", { ctrlKey: true })), "mod+z");
  assert.equal(nameOf(key("Z", { ctrlKey: true, shiftKey: true })), "mod+shift+z");
  assert.equal(nameOf(key("z", { metaKey: true })), "mod+z");
});
