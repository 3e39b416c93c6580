import assert from "node:assert/strict";
import { test } from "node:test";
import { between } from "../../static/js/board/choose.js";

test("with Shift all cards from the last one on are meant, in either direction", () => {
  assert.deepEqual(between(2, 5), [2, 3, 4, 5]);
  assert.deepEqual(between(5, 2), [2, 3, 4, 5]);
  assert.deepEqual(between(3, 3), [3]);
});
