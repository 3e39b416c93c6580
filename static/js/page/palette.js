/**
 * The search field on every page answers while one types. Enhances
 *
 *   <form class="search" action="/search" data-palette> <input type="search" name="q"> <div class="palette" hidden></div> </form>
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
  /** @param {HTMLFormElement} form @param {HTMLInputElement} input @param {HTMLElement} panel */
  constructor(form, input, panel) {
    this.form = form;
    this.input = input;
    this.panel = panel;
    this.timer = 0;
    /** @type {AbortController | null} */
    this.asked = null;
    input.addEventListener("focus", () => void this.ask());
    input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.ask(), PAUSE_MS);
    });
    form.addEventListener("keydown", (event) => this.#key(event));
    form.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && form.contains(event.relatedTarget))) this.close();
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
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" }, signal: asked.signal, credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      // Nothing is drawn anew under somebody who walks over the list already.
      if (asked.signal.aborted || document.activeElement !== this.input) return;
      this.panel.innerHTML = html;
      this.panel.hidden = false;
      announce(this.panel.querySelector("[data-found]")?.textContent ?? "");
    } catch {
      // Enter still asks the server for the page.
      if (!asked.signal.aborted) this.close();
    }
  }

  close() {
    clearTimeout(this.timer);
    this.asked?.abort();
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
      const links = [...this.panel.querySelectorAll("a")];
      const at = links.findIndex((one) => one === document.activeElement);
      (links[step(at, by, links.length)] ?? this.input).focus();
    } else if (event.key === "Escape" && !this.panel.hidden) {
      event.preventDefault();
      if (document.activeElement === this.input) this.close();
      else this.input.focus();
    }
  }
}

export function answerWhileTyping() {
  for (const form of document.querySelectorAll("form[data-palette]")) {
    const input = form.querySelector("input");
    const panel = form.querySelector(".palette");
    if (form instanceof HTMLFormElement && input && panel instanceof HTMLElement) new Palette(form, input, panel);
  }
}
