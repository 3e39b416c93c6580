import assert from "node:assert/strict";
import { test } from "node:test";

import { reached } from "../../static/js/page/grid.js";

const places = [
  [0, 0],
  [0, 1],
  [0, 3],
  [1, 1],
  [3, 1],
  [3, 3],
].map(([row, column]) => ({ row, column }));

test("an arrow leads to the nearest place that way, over gaps", () => {
  const cases = [
    [1, "ArrowRight", 2],
    [1, "ArrowLeft", 0],
    [1, "ArrowDown", 3],
    [3, "ArrowDown", 4],
    [4, "ArrowUp", 3],
    [5, "ArrowUp", 2],
    [0, "End", 2],
    [2, "Home", 0],
    [2, "End", 2],
  ];
  for (const [from, key, to] of cases) assert.equal(reached(places, places[from], key), to, `${from} ${key}`);
});

test("at the edge there is nothing further", () => {
  for (const [from, key] of [
    [0, "ArrowLeft"],
    [0, "ArrowUp"],
    [0, "ArrowDown"],
    [2, "ArrowRight"],
    [5, "ArrowDown"],
  ])
    assert.equal(reached(places, places[from], key), -1, `${from} ${key}`);
});
