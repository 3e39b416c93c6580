import assert from "node:assert/strict";
import { test } from "node:test";
import { HOUR, MINUTE, snap, ticks, TimeScale } from "../../static/js/board/scale.js";
import { duration, Words } from "../../static/js/board/words.js";
import { at } from "./make.js";

test("a position leads back to its instant", () => {
  const scale = TimeScale.of(at(360), at(1200), "hour", 1000);
  for (const minutes of [360, 361, 700, 1200]) assert.equal(scale.instant(scale.x(at(minutes))), at(minutes));
});

test("the day view fills the room, the closer views keep their size", () => {
  assert.equal(TimeScale.of(at(0), at(600), "day", 1000).width, 1000);
  assert.ok(TimeScale.of(at(0), at(600), "day", 100).width > 400, "never thinner than can be read");
  assert.equal(TimeScale.of(at(0), at(600), "quarter", 100).width, TimeScale.of(at(0), at(600), "quarter", 9000).width);
});

test("the day view fits the hours worked, not the night", () => {
  const scale = TimeScale.of(at(0), at(1440), "day", 1000, 10 * HOUR);
  assert.equal(scale.length(10 * HOUR), 1000);
  assert.equal(scale.width, 2400);
});

test("a day that loses an hour is drawn an hour shorter and its labels skip it", () => {
  const start = Date.parse("2026-03-29T00:00:00+01:00");
  const end = Date.parse("2026-03-30T00:00:00+02:00");
  const scale = TimeScale.of(start, end, "hour", 0);
  assert.equal((end - start) / HOUR, 23);
  assert.equal(scale.width, 23 * scale.pxPerHour);
  const words = new Words("Europe/Amsterdam", "en");
  const labels = ticks(scale, start, end).map((one) => words.time(one));
  assert.ok(labels.includes("01:30") && labels.includes("03:00"));
  assert.ok(!labels.includes("02:00"));
});

test("a day that gains an hour has it twice", () => {
  const start = Date.parse("2026-10-25T00:00:00+02:00");
  const end = Date.parse("2026-10-26T00:00:00+01:00");
  const words = new Words("Europe/Amsterdam", "en");
  const labels = ticks(TimeScale.of(start, end, "hour", 0), start, end).map((one) => words.time(one));
  assert.equal(labels.filter((one) => one === "02:00").length, 2);
});

test("labels only for the time in sight", () => {
  const scale = new TimeScale(at(0), at(1440), 60);
  const shown = ticks(scale, at(600), at(720));
  assert.deepEqual(shown, [at(600), at(660)]);
});

test("snapping goes to the nearest step", () => {
  assert.equal(snap(at(612.4), 5), at(610));
  assert.equal(snap(at(612.6), 5), at(615));
  assert.equal(snap(at(600) + 7 * MINUTE, 15), at(600));
});

test("minutes are said without decimals", () => {
  assert.equal(duration(25 * MINUTE), "25 min");
  assert.equal(duration(90 * MINUTE), "1 h 30 min");
  assert.equal(duration(120 * MINUTE), "2 h");
  assert.equal(duration(24.6 * MINUTE), "25 min");
  assert.equal(duration(3857 * MINUTE), "3 days");
});
