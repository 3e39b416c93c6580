import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { stateOf } from "../../static/js/board/freshness.js";
import { countStates, outlookAt } from "../../static/js/board/outlook.js";
import { Marks } from "../../static/js/board/marks.js";
import { difference } from "../../static/js/board/queue.js";
import { sentence, Spoken } from "../../static/js/board/spoken.js";
import { Board } from "../../static/js/board/store.js";
import { Shared } from "../../static/js/live/shared.js";
import { Source } from "../../static/js/live/source.js";
import { at, bar, board, iso, queued, span, technician } from "./make.js";

const NOBODY = { visits: new Set(), people: new Set() };

function day() {
  const ana = technician({ id: 1, name: "Ana" });
  const ben = technician({ id: 2, name: "Ben", initials: "BC" });
  const bars = [
    bar(540, 600, { id: 11, visit_id: 101, technician_id: 1 }),
    bar(660, 720, { id: 12, visit_id: 102, technician_id: 1 }),
    bar(540, 600, { id: 13, visit_id: 103, technician_id: 2 }),
  ];
  return { raw: { bars, people: [ana, ben] }, board: new Board(board({ technicians: [ana, ben], bars, queue: [queued({ visit_id: 201, rank: "1 b" })] })) };
}

const delta = (changes) => ({ visits: [], people: [], bars: [], technicians: [], queue: [], changes: [], ...changes });

test("a visit that went to somebody else leaves one row and enters the other, and nothing else is drawn anew", () => {
  const { board: kept } = day();
  const other = kept.bars.get("12");
  const merged = kept.merge(delta({ visits: [101], bars: [bar(780, 840, { id: 21, visit_id: 101, technician_id: 2 })] }), NOBODY);
  assert.deepEqual([...merged.visits], [101]);
  assert.deepEqual(kept.row(1).map((one) => one.id), ["12"]);
  assert.deepEqual(kept.row(2).map((one) => one.id), ["13", "21"]);
  assert.equal(kept.bars.get("12"), other);
});

test("only rows whose bars differ are named to be drawn, and the queue only when it differs", () => {
  const { board: kept, raw } = day();
  const merged = kept.merge(delta({ visits: [101, 103], bars: [bar(780, 840, { id: 11, visit_id: 101, technician_id: 1 }), raw.bars[2]] }), NOBODY);
  assert.deepEqual(merged.rows, new Set([1]));
  assert.equal(merged.queue, false);
  assert.equal(kept.merge(delta({ visits: [201] }), NOBODY).queue, true);
});

test("a change of a few looks at those few only, however many bars there are", () => {
  const many = Array.from({ length: 5000 }, (_, n) => bar(540, 600, { id: n, visit_id: n, technician_id: n % 500 }));
  const kept = new Board(board({ technicians: [], bars: many }));
  let looked = 0;
  const get = kept.bars.get.bind(kept.bars);
  kept.bars.get = (id) => {
    looked += 1;
    return get(id);
  };
  kept.bars[Symbol.iterator] = kept.bars.values = () => assert.fail("all bars are gone through");
  kept.merge(delta({ visits: [7], bars: [{ ...many[7], travel_s: 60 }] }), NOBODY);
  assert.equal(get("7").travelS, 60);
  assert.equal(kept.barOfVisit(7)?.travelS, 60);
  assert.ok(looked < 10, `${looked} bars`);
});

test("what did not change keeps its object", () => {
  const { board: kept, raw } = day();
  const before = kept.bars.get("11");
  const merged = kept.merge(delta({ visits: [101], bars: [raw.bars[0]], technicians: raw.people }), NOBODY);
  assert.equal(merged.visits.size + merged.people.size, 0);
  assert.equal(kept.bars.get("11"), before);
});

test("what is held keeps its face, and the rest of the change is taken", () => {
  const { board: kept, raw } = day();
  const moved = delta({
    visits: [101, 102],
    bars: [bar(780, 840, { id: 11, visit_id: 101 }), bar(900, 930, { id: 12, visit_id: 102 })],
    technicians: [{ ...raw.people[0], load_s: 99 }],
  });
  assert.equal(day().board.merge(moved, { visits: new Set([101]), people: new Set() }).held, true);
  const merged = kept.merge(moved, { visits: new Set([101]), people: new Set([1]) });
  assert.equal(merged.held, true);
  assert.equal(kept.bars.get("11")?.start, at(540));
  assert.equal(kept.bars.get("12")?.start, at(900));
  assert.equal(kept.technicians[0]?.loadS, 0);
  assert.equal(kept.merge(moved, NOBODY).held, false);
  assert.equal(kept.bars.get("11")?.start, at(780));
  assert.equal(kept.technicians[0]?.loadS, 99);
});

test("a visit in the hand stays although the whole day of its person is told anew", () => {
  const { board: kept, raw } = day();
  kept.merge(delta({ people: [1], technicians: [raw.people[0]] }), { visits: new Set([101]), people: new Set() });
  assert.deepEqual(kept.row(1).map((one) => one.id), ["11"]);
});

test("people keep their rows, and new ones come last", () => {
  const { board: kept } = day();
  kept.arrange({ order: "load" });
  const order = kept.technicians.map((one) => one.id);
  const merged = kept.merge(delta({ people: [1], bars: [], technicians: [technician({ id: 1, name: "Ana", load_s: 1 }), technician({ id: 0, name: "Aaron" })] }), NOBODY);
  assert.equal(merged.grown, true);
  assert.deepEqual(kept.technicians.map((one) => one.id), [...order, 0]);
  assert.equal(kept.indexOf.get(0), 2);
  assert.deepEqual(kept.row(1), []);
});

test("the queue takes new visits by their rank and lets go of those that have somebody", () => {
  const { board: kept } = day();
  kept.merge(delta({ visits: [202, 203], queue: [queued({ visit_id: 202, rank: "0 a" }), queued({ visit_id: 203, rank: "1 c" })] }), NOBODY);
  assert.deepEqual(kept.queue.map((one) => one.visit_id), [202, 201, 203]);
  const merged = kept.merge(delta({ visits: [201] }), NOBODY);
  assert.deepEqual(kept.queue.map((one) => one.visit_id), [202, 203]);
  assert.deepEqual([...merged.visits], [201]);
});

test("promises stand worse as time passes, and kept ones stay kept", () => {
  const promised = (changes) => new Board(board({ bars: [bar(600, 660, { promise: span(580, 640), promise_state: "on_track", spread_s: 600, ...changes })] }));
  const open = promised({});
  const one = [...open.bars.values()][0];
  assert.deepEqual([600, 630, 631, 640, 641].map((minute) => outlookAt(one, at(minute))), ["on_track", "on_track", "at_risk", "at_risk", "will_miss"]);
  assert.deepEqual(open.passTime(at(650), new Set([one.visitId])), new Set());
  assert.deepEqual(open.passTime(at(650), new Set()), new Set([1]));
  assert.deepEqual(countStates(open.bars.values(), 3), { will_miss: 1, unassigned: 3 });
  const kept = promised({ state: "done", promise_state: "kept", spread_s: null });
  assert.deepEqual(kept.passTime(at(900), new Set()), new Set());
});

test("a crew counts once in the strip", () => {
  const pair = [bar(600, 660, { visit_id: 7, promise_state: "at_risk" }), bar(600, 660, { visit_id: 7, technician_id: 2, promise_state: "at_risk" })];
  assert.deepEqual(countStates(new Board(board({ bars: pair })).bars.values(), 0), { at_risk: 1, unassigned: 0 });
});

test("cards leave at once, and new ones are asked for when they rank above or there is room for several", () => {
  assert.deepEqual(difference([1, 2, 3], [1, 3], 60), { gone: [2], ask: [] });
  assert.deepEqual(difference([1, 2, 3], [9, 1, 2, 3], 3), { gone: [], ask: [9] });
  const many = Array.from({ length: 100 }, (_, index) => index);
  assert.deepEqual(difference(many.slice(1, 60), many.slice(1), 60).ask, []);
  assert.deepEqual(difference(many.slice(10, 60), many.slice(10), 60).ask, many.slice(60, 70));
  assert.deepEqual(difference([], [4, 5], 60).ask, [4, 5]);
});

test("two hundred marks end together, and a grid without marks is left alone", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1000 });
  let painted = 0;
  const view = { get drawn() { painted += 1; return new Map(); } };
  const marks = new Marks(view);
  for (let n = 0; n < 200; n += 1) {
    marks.set("visit", n, { by: "Ines Weber", initials: "IW" });
    mock.timers.tick(1);
  }
  mock.timers.tick(20_000);
  assert.equal(marks.visits.size, 0);
  assert.ok(painted <= 3, `${painted} times`);
  mock.timers.reset();
});

test("many changes are one sentence, and one sentence in five seconds is enough", () => {
  assert.equal(sentence([{ by: "Ines", words: () => "Leak, Ben, 10:00 to 11:00" }]), "Ines: Leak, Ben, 10:00 to 11:00.");
  assert.equal(sentence(["Ines", "Omar", "Ines"].map((by) => ({ by, words: () => "" }))), "Ines and Omar changed 3 visits.");
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1000 });
  const said = [];
  const spoken = new Spoken((words) => said.push(words));
  spoken.note(1, { by: "Ines", words: () => "first" });
  mock.timers.tick(1);
  const unsaid = () => assert.fail("what is not said need not be put into words");
  for (let n = 0; n < 40; n += 1) spoken.note(n, { by: "Omar", words: unsaid });
  mock.timers.tick(4900);
  assert.deepEqual(said, ["Ines: first."]);
  mock.timers.tick(200);
  assert.deepEqual(said, ["Ines: first.", "Omar changed 40 visits."]);
  mock.timers.reset();
});

test("silence is told with the time of what is shown, and being asked for instead is told too", () => {
  const time = (instant) => new Date(instant).toISOString().slice(11, 16);
  const known = { heardAt: at(842), streamAt: at(842), why: null };
  assert.equal(stateOf(known, at(842) + 20_000, time).level, "live");
  assert.deepEqual(stateOf(known, at(842) + 20_001, time), { level: "stopped", words: "Live updates stopped at 14:02. Showing what we knew then." });
  assert.equal(stateOf({ ...known, heardAt: at(850), why: "silent" }, at(850), time).level, "slow");
  assert.match(stateOf({ ...known, heardAt: at(850), why: "silent" }, at(850), time).words, /stopped at 14:02\. The board is asked every 10 seconds/);
  assert.match(stateOf({ ...known, why: "refused" }, at(842), time).words, /Many people/);
});

class FakeStream {
  static opened = [];

  constructor(url) {
    this.url = url;
    this.readyState = 1;
    this.listeners = new Map();
    FakeStream.opened.push(this);
  }

  addEventListener(name, listener) {
    this.listeners.set(name, listener);
  }

  send(name, data) {
    this.listeners.get(name)({ data: JSON.stringify(data) });
  }

  refuse() {
    this.readyState = 2;
    this.listeners.get("error")({});
  }

  close() {
    this.readyState = 2;
  }
}

function source(answers = []) {
  FakeStream.opened = [];
  const told = [];
  const asked = [];
  const fetch = async (url) => {
    asked.push(url);
    const body = answers.shift();
    if (!body) throw new TypeError("no network");
    return { ok: true, status: 200, json: async () => body };
  };
  const made = new Source({ stream: "/s", changes: "/c" }, (one) => told.push(one), { EventSource: FakeStream, fetch });
  return { made, told, asked };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a refused stream is asked every ten seconds, from where it was, and tried again after a minute", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: 1000 });
  const { made, told, asked } = source([{ to: 9, now: iso(0), views: { a: [{}] } }, { to: 9, now: iso(0), views: {} }]);
  made.follow(["a"], 5);
  FakeStream.opened[0].refuse();
  await settled();
  assert.deepEqual(told.map((one) => one.kind), ["trouble", "news"]);
  assert.deepEqual([told[0].why, told[1].by, told[1].to], ["refused", "poll", 9]);
  mock.timers.tick(10_000);
  await settled();
  assert.deepEqual(asked, ["/c?view=a&since=5", "/c?view=a&since=9"]);
  mock.timers.tick(50_000);
  assert.equal(FakeStream.opened.length, 2);
  FakeStream.opened[1].send("beat", { to: 9, now: iso(0) });
  assert.equal(told.at(-1).by, "stream");
  const before = asked.length;
  mock.timers.tick(15_000);
  assert.equal(asked.length, before, "it listens again, so it does not ask");
  made.stop();
  mock.timers.reset();
});

test("a stream that falls silent is opened anew after twenty seconds, and asked for meanwhile", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: 1000 });
  const { made, told, asked } = source();
  made.follow(["a", "b"], 5);
  FakeStream.opened[0].send("message", { to: 7, now: iso(0), views: { a: [{ visits: [1] }] } });
  mock.timers.tick(20_000);
  assert.equal(asked.length, 0);
  mock.timers.tick(1000);
  await settled();
  assert.equal(told.at(-1).why, "silent");
  assert.deepEqual(asked, ["/c?view=a&view=b&since=7"]);
  assert.equal(FakeStream.opened.length, 2);
  assert.equal(FakeStream.opened[0].readyState, 2);
  assert.equal(FakeStream.opened[1].url, "/s?view=a&view=b&since=7");
  made.stop();
  mock.timers.reset();
});

test("tabs share one stream; each hears of its own view, and the last one to leave ends it", () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: 1000 });
  FakeStream.opened = [];
  const shared = new Shared((urls, tell) => new Source(urls, tell, { EventSource: FakeStream, fetch: async () => ({ ok: false }) }));
  const tab = () => ({ heard: [], postMessage(told) { this.heard.push(told); } });
  const [one, other] = [tab(), tab()];
  const urls = { stream: "/s", changes: "/c" };
  shared.hear(one, { kind: "follow", view: "a", position: 5, urls });
  FakeStream.opened[0].send("message", { to: 8, now: iso(0), views: {} });
  shared.hear(other, { kind: "follow", view: "b", position: 6, urls });
  assert.deepEqual(other.heard, [{ kind: "joined", to: 8 }], "it learns what it missed");
  assert.equal(FakeStream.opened.at(-1).url, "/s?view=a&view=b&since=8");
  assert.equal(FakeStream.opened.filter((each) => each.readyState === 1).length, 1);
  FakeStream.opened.at(-1).send("message", { to: 9, now: iso(0), views: { b: [{ visits: [3] }] } });
  assert.deepEqual(one.heard.at(-1).views, { a: [] });
  assert.deepEqual(other.heard.at(-1).views, { b: [{ visits: [3] }] });
  shared.hear(one, { kind: "follow", view: "a", position: 9, urls });
  assert.equal(FakeStream.opened.length, 2, "saying so again opens nothing");
  shared.hear(one, { kind: "bye" });
  shared.hear(other, { kind: "bye" });
  assert.equal(FakeStream.opened.filter((each) => each.readyState === 1).length, 0);
  mock.timers.reset();
});
