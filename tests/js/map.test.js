import assert from "node:assert/strict";
import { test } from "node:test";
import { Board } from "../../static/js/board/store.js";
import { clusters } from "../../static/js/map/cluster.js";
import { placesOf, routesOf, waitingOf } from "../../static/js/map/routes.js";
import { listed, MOST_LISTED } from "../../static/js/map/twin.js";
import { at, bar, board, technician } from "./make.js";

test("near points share a circle that stands in their middle; none is lost", () => {
  const points = [{ x: 1, y: 1 }, { x: 9, y: 5 }, { x: 100, y: 100 }];
  const found = clusters(points, (one) => one, 50);
  assert.equal(found.length, 2);
  assert.deepEqual({ x: found[0].x, y: found[0].y, n: found[0].items.length }, { x: 5, y: 3, n: 2 });
  assert.equal(found.flatMap((one) => one.items).length, points.length);
});

test("stops are numbered by the day, and visits without a position are counted, not hidden", () => {
  const bars = [bar(700, 760, { lat: 52, lon: 4, title: "third" }), bar(500, 560, { lat: 52, lon: 4, title: "first" }), bar(600, 660, { title: "second" })];
  const day = new Board(board({ technicians: [technician(), technician({ id: 2 })], bars }));
  const [route, ...more] = routesOf(day);
  assert.equal(more.length, 0);
  assert.deepEqual(route.stops.map((one) => [one.number, one.title]), [[1, "first"], [3, "third"]]);
  assert.equal(route.without, 1);
});

test("waiting visits with a position are on the map", () => {
  const waiting = { visit_id: 9, job_id: 9, title: "Leak", customer: "", site: "", lat: 52, lon: 4, duration_s: 1800, priority: 1, window: null, skills: [], urgent: false };
  const day = new Board(board({ queue: [waiting, { ...waiting, visit_id: 10, lat: null }] }));
  assert.deepEqual(waitingOf(day).map((one) => one.visitId), [9]);
});

test("a day of hundreds of people is listed person by person", () => {
  const stops = (/** @type {number} */ count) => Array.from({ length: count }, (_, n) => /** @type {any} */ ({ visitId: n }));
  const route = (/** @type {number} */ count) => /** @type {any} */ ({ stops: stops(count), name: "Ana", without: 0 });
  assert.equal(listed([route(60), route(60)], []).routes.length, 2);
  assert.equal(listed([route(60), route(61)], []).routes.length, 0);
  assert.equal(listed([route(60)], stops(100)).waiting.length, MOST_LISTED - 60);
  assert.equal(listed([route(500)], stops(500)).waiting.length, MOST_LISTED);
  assert.equal(listed([route(500)], []).stops, 500);
});

test("a numbered place begins at the stop somebody comes from, or goes on to", () => {
  const bars = [bar(500, 560, { lat: 52, lon: 4 }), bar(600, 660, { lat: 53, lon: 5 }), bar(500, 560, { technician_id: 2 })];
  const day = new Board(board({ technicians: [technician(), technician({ id: 2 }), technician({ id: 3 })], bars }));
  const place = (technicianId, minute) => ({ technicianId, name: "", start: at(minute), end: at(minute + 30), travelS: 60, words: "", pushing: [] });
  const found = placesOf(day, [place(1, 570), place(3, 570), place(1, 700), place(1, 480), place(2, 570)]);
  assert.deepEqual(found.map((one) => [one.number, one.lat]), [[1, 52], [3, 53], [4, 52]]);
});
