import assert from "node:assert/strict";
import { test } from "node:test";
import { meaningOf } from "../../static/js/page/choices.js";

const key = (name, held = {}) => ({ key: name, ctrlKey: false, metaKey: false, altKey: false, ...held });

const KEYS = { next: "j", previous: "k" };

test("J and K walk from anywhere on the page", () => {
  assert.deepEqual(meaningOf(key("j"), false, KEYS), { kind: "walk", by: 1 });
  assert.deepEqual(meaningOf(key("k"), true, KEYS), { kind: "walk", by: -1 });
  assert.equal(meaningOf(key("j"), true, {}), null);
});

test("Space ticks and Enter chooses, on an item only: a button keeps its own keys", () => {
  assert.deepEqual(meaningOf(key(" "), true, KEYS), { kind: "tick" });
  assert.deepEqual(meaningOf(key("Enter"), true, KEYS), { kind: "choose" });
  assert.equal(meaningOf(key(" "), false, KEYS), null);
  assert.equal(meaningOf(key("Enter"), false, KEYS), null);
});

test("keys of the browser are left to it", () => {
  assert.equal(meaningOf(key("k", { ctrlKey: true }), true, KEYS), null);
  assert.equal(meaningOf(key("x"), true, KEYS), null);
});
