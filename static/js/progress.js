/**
 * Live progress of a plan run. Enhances
 *
 *   <div data-progress-url="/plans/14/events" data-poll-url="/plans/14/progress">
 *     <span data-field="phase">…</span> <progress data-bar max="30"></progress>
 *     <svg viewBox="0 0 600 120"><polyline data-line="unserved"></polyline></svg>
 *     <p data-spoken class="visually-hidden" aria-live="polite"></p> <p data-stale hidden>…</p>
 *     <p data-slow hidden>Many people are watching, so this is asked every 10 seconds.</p>
 *   </div>
 *
 * Each event (or answer to the poll) is JSON: any name of a data-field with its ready-made words or number, and
 *   elapsed_s, expected_s (seconds), unserved, at_risk, cost (numbers of the lines), summary (one sentence, read aloud at
 *   most every 10 s), history (earlier points, in the first event), done (true at the end), next_url (opened when done).
 * A line with data-over="bound" and one data-line="bound" data-under="cost" share a scale while that can be read.
 * Elements with data-when="running" or data-when="done" are shown accordingly. Without script the page refreshes itself.
 */

import { follow } from "./progress/source.js";
import { polyline, scaleWith, withPoint } from "./progress/series.js";

const SPOKEN_EVERY_MS = 10_000;

/** @param {HTMLElement} root */
function enhance(root) {
  /** @type {import("./progress/series.js").Point[]} */
  let points = [];
  let spokenAt = -SPOKEN_EVERY_MS;

  /** @param {Record<string, any>} progress */
  function take(progress) {
    if (Array.isArray(progress.history)) points = progress.history;
    if (typeof progress.elapsed_s === "number") {
      points = withPoint(points, /** @type {import("./progress/series.js").Point} */ (progress));
    }
    for (const field of root.querySelectorAll("[data-field]")) {
      const value = field instanceof HTMLElement ? progress[field.dataset.field ?? ""] : undefined;
      if (value !== undefined && value !== null) field.textContent = String(value);
    }
    const bar = root.querySelector("progress[data-bar]");
    if (bar instanceof HTMLProgressElement && typeof progress.elapsed_s === "number") {
      if (progress.expected_s) bar.max = progress.expected_s;
      bar.value = progress.done ? bar.max : Math.min(progress.elapsed_s, bar.max);
    }
    drawLines(root, points);
    speak(progress);
    if (progress.done) finish(progress);
  }

  /** @param {Record<string, any>} progress */
  function speak(progress) {
    const region = root.querySelector("[data-spoken]");
    const now = performance.now();
    if (!region || !progress.summary || (!progress.done && now - spokenAt < SPOKEN_EVERY_MS)) return;
    spokenAt = now;
    region.textContent = progress.summary;
  }

  /** @param {Record<string, any>} progress */
  function finish(progress) {
    show(root, "done");
    if (progress.next_url && root.dataset.openWhenDone !== undefined) location.assign(progress.next_url);
  }

  show(root, "running");
  const stop = follow({ stream: root.dataset.progressUrl, poll: root.dataset.pollUrl }, take, (stale) => {
    const notice = root.querySelector("[data-stale]");
    if (notice instanceof HTMLElement) notice.hidden = !stale;
  }, () => {
    const notice = root.querySelector("[data-slow]");
    if (notice instanceof HTMLElement) notice.hidden = false;
  });
  addEventListener("pagehide", stop, { once: true });
}

/** @param {HTMLElement} root @param {"running" | "done"} state */
function show(root, state) {
  for (const part of root.querySelectorAll("[data-when]")) {
    if (part instanceof HTMLElement) part.hidden = part.dataset.when !== state;
  }
}

/** @param {HTMLElement} root @param {import("./progress/series.js").Point[]} points */
function drawLines(root, points) {
  for (const line of root.querySelectorAll("polyline[data-line]")) {
    const svg = line.closest("svg");
    if (!(svg instanceof SVGSVGElement)) continue;
    const box = svg.viewBox.baseVal;
    const { line: name = "", under, over } = /** @type {SVGElement} */ (line).dataset;
    const scale = under ? scaleWith(points, under, name) : over ? scaleWith(points, name, over) : null;
    const drawn = under && !scale ? null : polyline(points, name, { width: box.width, height: box.height }, scale);
    line.setAttribute("points", drawn ? drawn.line : "");
  }
}

for (const root of document.querySelectorAll("[data-progress-url]")) {
  if (root instanceof HTMLElement) enhance(root);
}
