import assert from "node:assert/strict";
import { test } from "node:test";
import { fitting } from "../../static/js/page/photo.js";

test("a photo keeps its shape and fits its longest edge", () => {
  assert.deepEqual(fitting(4000, 3000, 2000), { width: 2000, height: 1500 });
  assert.deepEqual(fitting(3000, 4000, 2000), { width: 1500, height: 2000 });
  assert.deepEqual(fitting(800, 600, 2000), { width: 800, height: 600 });
  assert.deepEqual(fitting(10000, 1, 2000), { width: 2000, height: 1 });
  assert.deepEqual(fitting(0, 0, 2000), { width: 1, height: 1 });
});
