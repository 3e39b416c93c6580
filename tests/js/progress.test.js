import assert from "node:assert/strict";
import { test } from "node:test";
import { polyline, withPoint } from "../../static/js/progress/series.js";

test("a line runs from the upper left to the lower right of its box while numbers fall", () => {
  const points = [{ elapsed_s: 0, unserved: 30 }, { elapsed_s: 5, unserved: 10 }, { elapsed_s: 24, unserved: 4 }];
  const drawn = polyline(points, "unserved", { width: 600, height: 120 });
  const pairs = drawn.line.split(" ").map((one) => one.split(",").map(Number));
  assert.deepEqual(pairs[0], [0, 0]);
  assert.deepEqual(pairs.at(-1), [600, 120]);
  assert.deepEqual([drawn.low, drawn.high], [4, 30]);
});

test("a line of equal numbers is flat, and one point is no line", () => {
  assert.equal(polyline([{ elapsed_s: 1, cost: 3 }, { elapsed_s: 2, cost: 3 }], "cost", { width: 10, height: 10 }).line, "0.0,0.0 10.0,0.0");
  assert.equal(polyline([{ elapsed_s: 1, cost: 3 }], "cost", { width: 10, height: 10 }), null);
  assert.equal(polyline([{ elapsed_s: 1 }, { elapsed_s: 2, cost: null }], "cost", { width: 10, height: 10 }), null);
});

test("a resumed stream repeats points without doubling them", () => {
  const points = [{ elapsed_s: 1, cost: 9 }, { elapsed_s: 2, cost: 8 }];
  assert.deepEqual(withPoint(points, { elapsed_s: 2, cost: 7 }), [{ elapsed_s: 1, cost: 9 }, { elapsed_s: 2, cost: 7 }]);
});

test("a long run keeps a readable number of points, the first and the newest among them", () => {
  let points = [];
  for (let second = 0; second < 2000; second += 1) points = withPoint(points, { elapsed_s: second, cost: 2000 - second });
  assert.ok(points.length <= 240);
  assert.equal(points[0].elapsed_s, 0);
  assert.equal(points.at(-1).elapsed_s, 1999);
});
