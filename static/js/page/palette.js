/**
 * The search field on every page answers while one types. Enhances
 *
 *   <div class="search" data-palette> <form action="/search"> <input type="search" name="q"> </form> <div class="palette" hidden></div> </div>
 *
 * Arrows walk over what was found, Enter opens it, Escape goes back to the field and then closes. Without script, or when
 * no answer comes, the form itself opens the page with the same list.
 */

import { announce } from "./announce.js";

const PAUSE_MS = 120;

/**
 * Where an arrow key leads among the field (-1) and so many places.
 *
 * @param {number} at @param {number} by @param {number} count
 */
export function step(at, by, count) {
  return Math.min(count - 1, Math.max(-1, at + by));
}

class Palette {
  /** @param {HTMLElement} place holds field and list @param {HTMLFormElement} form @param {HTMLInputElement} input @param {HTMLElement} panel */
  constructor(place, form, input, panel) {
    this.form = form;
    this.input = input;
    this.panel = panel;
    this.timer = 0;
    /** @type {AbortController | null} */
    this.asked = null;
    /** Enter was pressed before the answer came. */
    this.entered = false;
    input.addEventListener("focus", () => void this.ask());
    input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.asked ??= new AbortController();
      this.timer = setTimeout(() => void this.ask(), PAUSE_MS);
    });
    place.addEventListener("keydown", (event) => this.#key(event));
    // What is booked from the list needs it no longer, and the field is free for the next words.
    panel.addEventListener("submit", () => {
      setTimeout(() => this.close());
      input.value = "";
    });
    place.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && place.contains(event.relatedTarget))) this.close();
    });
    // Pressing the list keeps the field's focus: some browsers give none to links, and the list would be gone before the click.
    panel.addEventListener("mousedown", (event) => event.preventDefault());
  }

  /** Asks for what the field holds; an answer that a newer question outran is dropped. */
  async ask() {
    this.asked?.abort();
    const asked = new AbortController();
    this.asked = asked;
    const address = new URL(this.form.action);
    address.searchParams.set("q", this.input.value);
    // What is selected where one types is what an order is about.
    const here = new URLSearchParams(location.search);
    for (const name of ["sel", "date", "territory"]) {
      const value = here.get(name);
      if (value) address.searchParams.set(name, value);
    }
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" }, signal: asked.signal, credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      // Nothing is drawn anew under somebody who walks over the list already.
      if (asked.signal.aborted || document.activeElement !== this.input) return;
      this.panel.innerHTML = html;
      this.panel.hidden = false;
      this.asked = null;
      if (this.entered) this.#enter();
      announce(this.panel.querySelector("[data-found]")?.textContent ?? "");
    } catch {
      // Enter still asks the server for the page.
      if (asked.signal.aborted) return;
      this.close();
      if (this.entered) this.#enter();
    }
  }

  /** What Enter meant while no answer was there yet. */
  #enter() {
    this.entered = false;
    if (this.command) this.command.click();
    else this.form.submit();
  }

  /** The first order in the list, as far as it answers to what the field holds now. @returns {HTMLElement | null} */
  get command() {
    const first = this.panel.hidden || this.asked !== null ? null : this.panel.querySelector("[data-command]");
    return first instanceof HTMLElement ? first : null;
  }

  close() {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.asked = null;
    this.panel.hidden = true;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by > 0 && this.panel.hidden) {
      event.preventDefault();
      void this.ask();
    } else if (by !== 0 && !this.panel.hidden) {
      event.preventDefault();
      clearTimeout(this.timer);
      this.asked?.abort();
      this.asked = null;
      const links = [...this.panel.querySelectorAll("a, button")].filter((one) => one instanceof HTMLElement);
      const at = links.findIndex((one) => one === document.activeElement);
      (links[step(at, by, links.length)] ?? this.input).focus();
    } else if (event.key === "Enter" && document.activeElement === this.input && (this.command || this.asked)) {
      // An order is carried out; words that look for something open what they find on a page of its own. Who is quicker
      // than the answer waits for it.
      event.preventDefault();
      this.entered = this.asked !== null;
      if (!this.entered) this.command?.click();
    } else if (event.key === "Escape" && !this.panel.hidden) {
      event.preventDefault();
      if (document.activeElement === this.input) this.close();
      else this.input.focus();
    }
  }
}

export function answerWhileTyping() {
  for (const place of document.querySelectorAll("[data-palette]")) {
    const form = place.querySelector("form");
    const input = form?.querySelector("input");
    const panel = place.querySelector(".palette");
    if (place instanceof HTMLElement && form && input && panel instanceof HTMLElement) new Palette(place, form, input, panel);
  }
}
