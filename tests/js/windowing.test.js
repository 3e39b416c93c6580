import assert from "node:assert/strict";
import { test } from "node:test";
import { bar as toBar } from "../../static/js/board/data.js";
import { barsInSight, firstFrom, reachOf, rowWindow } from "../../static/js/board/windowing.js";
import { at, bar, span } from "./make.js";

test("rows in sight and the spare ones around them, never outside the list", () => {
  const view = { top: 400, height: 200, rowHeight: 40, count: 500, spare: 4 };
  assert.deepEqual(rowWindow(view), { first: 6, last: 19 });
  assert.deepEqual(rowWindow({ ...view, top: 0 }), { first: 0, last: 9 });
  assert.deepEqual(rowWindow({ ...view, count: 7 }), { first: 6, last: 7 });
  assert.deepEqual(rowWindow({ ...view, count: 0 }), { first: 0, last: 0 });
});

test("the number of rows does not depend on how many there are", () => {
  const sizes = [100, 500, 50_000].map((count) => {
    const { first, last } = rowWindow({ top: 800, height: 600, rowHeight: 30, count, spare: 4 });
    return last - first;
  });
  assert.equal(new Set(sizes).size, 1);
});

test("bars in sight are exactly those that a plain search finds", () => {
  let seed = 5;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let round = 0; round < 200; round += 1) {
    const bars = Array.from({ length: 30 }, () => {
      const start = random() * 1200;
      const promise = random() < 0.5 ? span(start - random() * 100, start + random() * 200) : null;
      return toBar(bar(start, start + 5 + random() * 120, { travel_s: Math.round(random() * 3600), promise }));
    }).sort((a, b) => a.start - b.start);
    const from = at(random() * 1200);
    const to = from + random() * 300 * 60_000;
    const plain = bars.filter((one) => {
      const left = Math.min(one.start - one.travelS * 1000, one.promise?.start ?? one.start);
      const right = Math.max(one.end, one.promise?.end ?? one.end);
      return right > from && left < to;
    });
    assert.deepEqual(barsInSight(bars, from, to, reachOf(bars)), plain);
  }
});

test("finding the first bar from an instant", () => {
  const bars = [60, 120, 180].map((start) => toBar(bar(start, start + 30)));
  assert.equal(firstFrom(bars, at(0)), 0);
  assert.equal(firstFrom(bars, at(120)), 1);
  assert.equal(firstFrom(bars, at(121)), 2);
  assert.equal(firstFrom(bars, at(999)), 3);
});
