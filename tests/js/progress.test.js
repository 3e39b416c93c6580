import assert from "node:assert/strict";
import { test } from "node:test";
import { polyline, scaleWith, withPoint } from "../../static/js/progress/series.js";

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

test("a bound shares the scale of the cost above it, and is left out where the fall could not be read any more", () => {
  const near = [{ elapsed_s: 0, cost: 100 }, { elapsed_s: 1, cost: 80, bound: 70 }, { elapsed_s: 2, cost: 75, bound: 70 }];
  const scale = scaleWith(near, "cost", "bound");
  assert.deepEqual(scale, { low: 70, high: 100 });
  const box = { width: 600, height: 120 };
  const last = (name) => polyline(near, name, box, scale).line.split(" ").at(-1).split(",").map(Number);
  assert.deepEqual(last("cost"), [600, 100]);
  assert.deepEqual(last("bound"), [600, 120]);
  assert.notEqual(Number(polyline(near, "bound", box, scale).line.split(",")[0]), 0, "it begins when it is known");
  assert.equal(scaleWith(near.map((one) => ({ ...one, bound: -20 })), "cost", "bound"), null);
  assert.equal(scaleWith(near.map(({ elapsed_s, cost }) => ({ elapsed_s, cost })), "cost", "bound"), null);
});
