/**
 * A page that is looked at while others work on the same thing: asks now and then whether the log tells of it, then takes
 * over what changed. Whatever one is typing in stays, whatever has the focus stays; what others changed is outlined.
 */

import htmx from "htmx.org";
import { announce } from "./announce.js";

const ASK_MS = 5000;
const CHANGED = "changed-elsewhere";

export function watchPage() {
  const host = document.querySelector("[data-watch]");
  if (!(host instanceof HTMLElement)) return;
  const held = fieldsIn(document);
  let position = Number(host.dataset.position);
  let asking = false;

  setInterval(async () => {
    if (document.hidden || asking) return;
    asking = true;
    try {
      const answer = await fetch(host.dataset.watch ?? "", { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok) return;
      const { to } = await answer.json();
      if (to <= position) return;
      const fresh = await fetch(location.href, { credentials: "same-origin" });
      if (!fresh.ok) return;
      takeOver(new DOMParser().parseFromString(await fresh.text(), "text/html"), held);
      position = to;
    } catch {
      // no answer: it asks again
    } finally {
      asking = false;
    }
  }, ASK_MS);
}

/** @param {Document} page @returns {Map<string, string>} what the fields of a page say, by their id */
export function fieldsIn(page) {
  return new Map([...page.querySelectorAll(".inline-field[id]")].map((field) => [field.id, wordsOf(field)]));
}

/**
 * @param {Document} fresh the page as it is now
 * @param {Map<string, string>} held what the fields said when they were last read; brought up to date
 */
export function takeOver(fresh, held) {
  /** @type {string[]} */
  const told = [];
  for (const part of fresh.querySelectorAll("[data-part][id]")) {
    const old = document.getElementById(part.id);
    if (!old || plain(old) === plain(part)) continue;
    if (old.contains(document.activeElement) || old.querySelector(".inline-edit")) continue;
    const made = document.importNode(part, true);
    old.replaceWith(made);
    htmx.process(made);
    if (!hasChanged(made, held)) made.classList.add(CHANGED);
  }
  for (const [id, words] of fieldsIn(fresh)) {
    const before = held.get(id);
    held.set(id, words);
    if (before === undefined || before === words) continue;
    const shown = document.getElementById(id);
    const field = fresh.getElementById(id);
    if (!shown || !field) continue;
    if (wordsOf(shown) === words && !shown.matches(".inline-edit") && shown.contains(document.activeElement)) continue; // one's own
    told.push(mark(shown, field, words));
  }
  const host = document.querySelector("[data-watch]");
  if (told.length > 0 && host instanceof HTMLElement) announce(`${host.dataset.changed ?? ""} ${told.join(", ")}`.trim());
}

/** @param {Element} part @param {Map<string, string>} held */
function hasChanged(part, held) {
  return [...part.querySelectorAll(".inline-field[id]")].some((field) => held.get(field.id) !== wordsOf(field));
}

/**
 * Outlines one field; a form that is open keeps what is typed and says beside it what the others wrote.
 * @param {HTMLElement} shown @param {Element} field @param {string} words
 */
function mark(shown, field, words) {
  const label = shown.querySelector("label, .visually-hidden")?.textContent?.trim() ?? "";
  if (shown.matches(".inline-edit")) {
    shown.classList.add(CHANGED);
    const note = shown.querySelector(".changed-note") ?? shown.appendChild(document.createElement("span"));
    note.className = "changed-note hint";
    const host = document.querySelector("[data-watch]");
    note.textContent = `${host instanceof HTMLElement ? (host.dataset.changed ?? "") : ""} ${words || "–"}`.trim();
    return label;
  }
  const made = document.importNode(field, true);
  const focused = shown.contains(document.activeElement);
  shown.replaceWith(made);
  htmx.process(made);
  made.classList.add(CHANGED);
  if (focused) made.querySelector("a")?.focus();
  return label;
}

/** @param {Element} field */
function wordsOf(field) {
  return field.querySelector(".held")?.textContent?.trim() ?? "";
}

/** @param {Element} part what it reads, without the tokens of its forms */
function plain(part) {
  return (part.textContent ?? "").replace(/\s+/g, " ").trim();
}
