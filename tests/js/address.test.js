import assert from "node:assert/strict";
import { test } from "node:test";
import { withView } from "../../static/js/board/address.js";

const HERE = "https://x.example/desk/board?date=2026-11-23&zoom=hour&group=team&map=full&sel=7";

test("links from the board to the board and to paper keep the view that is shown now", () => {
  const next = new URL(withView("https://x.example/desk/board?date=2026-11-24&group=none", HERE));
  assert.equal(next.searchParams.get("date"), "2026-11-24");
  assert.deepEqual(["zoom", "group", "map", "sort", "sel"].map((name) => next.searchParams.get(name)), ["hour", "team", "full", null, null]);
  assert.equal(new URL(withView("https://x.example/desk/board/print?sort=name", HERE)).searchParams.get("group"), "team");
});

test("other links are left alone", () => {
  for (const link of ["https://x.example/desk/jobs/7", "https://x.example/desk/board/visits/7", "https://y.example/desk/board"]) {
    assert.equal(withView(link, HERE), link);
  }
});
