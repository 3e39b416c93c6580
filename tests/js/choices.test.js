import assert from "node:assert/strict";
import { test } from "node:test";
import { meaningOf } from "../../static/js/page/choices.js";

const key = (name, held = {}) => ({ key: name, ctrlKey: false, metaKey: false, altKey: false, ...held });

test("J and K walk from anywhere on the page", () => {
  assert.deepEqual(meaningOf(key("j"), false), { kind: "walk", by: 1 });
  assert.deepEqual(meaningOf(key("k"), true), { kind: "walk", by: -1 });
});

test("Space ticks and Enter chooses, on an item only: a button keeps its own keys", () => {
  assert.deepEqual(meaningOf(key(" "), true), { kind: "tick" });
  assert.deepEqual(meaningOf(key("Enter"), true), { kind: "choose" });
  assert.equal(meaningOf(key(" "), false), null);
  assert.equal(meaningOf(key("Enter"), false), null);
});

test("keys of the browser are left to it", () => {
  assert.equal(meaningOf(key("k", { ctrlKey: true }), true), null);
  assert.equal(meaningOf(key("x"), true), null);
});
