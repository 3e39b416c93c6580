import assert from "node:assert/strict";
import { test } from "node:test";
import { moveFields } from "../../static/js/board/submit.js";
import { stepTo } from "../../static/js/board/walk.js";
import { answerOf, placeFields, summary } from "../../static/js/board/verdicts.js";
import { Words } from "../../static/js/board/words.js";

const place = {
  technician_id: 7,
  name: "Ana Ruiz",
  start: "2026-11-27T10:12:30+00:00",
  end: "2026-11-27T11:12:30+00:00",
  travel_s: 540,
  words: "arrives 10:12",
  knock_on: [],
  pushing: [31, 32],
};
const raw = {
  visit_id: 5,
  crew_slot_id: 9,
  assignment_id: null,
  version: null,
  technicians: [
    { id: 7, verdict: /** @type {const} */ ("costs"), words: "arrives 10:12", place },
    { id: 8, verdict: /** @type {const} */ ("blocked"), words: "Ben Cole is off shift.", place: null },
  ],
  places: [place],
};

test("a place is booked with the second it was offered for, and with who makes room", () => {
  const answer = answerOf(raw);
  const fields = placeFields(answer, /** @type {import("../../static/js/board/verdicts.js").Place} */ (answer.places[0]));
  assert.deepEqual(Object.fromEntries(fields), {
    visit_id: "5",
    technician_id: "7",
    start: "2026-11-27T10:12:30.000Z",
    pushing: "31,32",
    crew_slot_id: "9",
  });
});

test("a booking that moves keeps its version, so that a stale one cannot win", () => {
  const answer = answerOf({ ...raw, assignment_id: 4, version: 3 });
  const fields = placeFields(answer, /** @type {import("../../static/js/board/verdicts.js").Place} */ (answer.places[0]));
  assert.equal(fields.get("assignment_id"), "4");
  assert.equal(fields.get("version"), "3");
});

test("a drop asks others to make room only where that was shown", () => {
  const best = answerOf(raw).verdicts.get(7)?.place ?? null;
  const bar = /** @type {import("../../static/js/board/data.js").Bar} */ ({ visitId: 5, assignmentId: null, version: null });
  const there = Date.parse(place.start);
  assert.equal(moveFields({ bar, technicianId: 7, start: there }, best).get("pushing"), "31,32");
  assert.equal(moveFields({ bar, technicianId: 7, start: there + 60_000 }, best).get("pushing"), null);
});

test("the ear hears how many fit and which key takes the best", () => {
  assert.equal(summary(answerOf(raw), new Words("UTC", "en")), "0 fit, 1 at a cost, 1 cannot. Best: Ana Ruiz, 10:12; key 1 takes it.");
  assert.equal(summary({ ...answerOf(raw), places: [] }, new Words("UTC", "en")), "0 fit, 1 at a cost, 1 cannot.");
});

test("J and K walk over the queue and stay in it", () => {
  assert.deepEqual([stepTo(-1, 1, 3), stepTo(0, 1, 3), stepTo(2, 1, 3), stepTo(0, -1, 3), stepTo(-1, -1, 3), stepTo(0, 1, 0)], [0, 1, 2, 0, 2, -1]);
});
