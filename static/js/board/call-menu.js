/** The call menu of one person: call, write, and note that one has spoken. Keys: arrows walk, Escape goes back. */

import { showToast } from "../page/toasts.js";
import { make } from "./dom.js";
import { post } from "./submit.js";
import { contactWords } from "./words.js";

/** @typedef {import("./data.js").Technician} Technician */

/** @type {HTMLElement | null} */
let open = null;

function close() {
  // Taking it away takes the focus out of it, which closes it: it is closed once.
  const menu = open;
  open = null;
  menu?.remove();
}

/** @param {string} href @param {string} words */
function link(href, words) {
  const element = make("a", "button quiet", words);
  element.href = href;
  return element;
}

/**
 * @param {Technician} person
 * @param {Element | null} beside
 * @param {{personUrl: string | undefined, spokenUrl: string | undefined, now: number, back: () => void}} about
 */
export function openCallMenu(person, beside, { personUrl, spokenUrl, now, back }) {
  close();
  const menu = make("div", "call-menu");
  menu.setAttribute("role", "group");
  menu.setAttribute("aria-label", `Reach ${person.name}`);
  menu.dataset.ownKeys = "";
  menu.append(make("p", "small muted", `${person.name}, ${contactWords(person.lastContact, now)}`));
  const digits = person.phone?.replaceAll(" ", "");
  if (digits) menu.append(link(`tel:${digits}`, `Call ${person.phone}`), link(`sms:${digits}`, "Write a text"));
  else if (personUrl) menu.append(link(personUrl, "No number is known: add it"));
  if (spokenUrl) menu.append(spoken(spokenUrl));
  menu.addEventListener("keydown", (event) => walk(event, menu, back));
  menu.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && menu.contains(event.relatedTarget))) close();
  });
  const box = beside?.getBoundingClientRect();
  (document.getElementById("content") ?? document.body).append(menu);
  const top = Math.min((box?.bottom ?? 80) + 4, window.innerHeight - menu.offsetHeight - 8);
  menu.style.insetBlockStart = `${top}px`;
  menu.style.left = `${(box?.left ?? 80) + 8}px`;
  open = menu;
  first(menu)?.focus();
}

/** @param {string} url */
function spoken(url) {
  const button = make("button", "button quiet", "We have just spoken");
  button.type = "button";
  button.addEventListener("click", () => {
    close();
    post(url, new URLSearchParams()).then(
      (noted) => showToast(noted.message, { kind: "good" }),
      (/** @type {Error} */ error) => showToast(error.message, { kind: "problem" }),
    );
  });
  return button;
}

/** @param {HTMLElement} menu @returns {HTMLElement[]} */
function items(menu) {
  return [...menu.querySelectorAll("a, button")].filter((one) => one instanceof HTMLElement);
}

/** @param {HTMLElement} menu */
function first(menu) {
  return items(menu)[0];
}

/** @param {KeyboardEvent} event @param {HTMLElement} menu @param {() => void} back */
function walk(event, menu, back) {
  const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (event.key !== "Escape" && by === 0) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.key === "Escape") {
    close();
    back();
    return;
  }
  const all = items(menu);
  const at = all.findIndex((one) => one === document.activeElement);
  all[(at + by + all.length) % all.length]?.focus();
}
