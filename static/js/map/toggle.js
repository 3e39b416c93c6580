/** The map costs nothing until somebody opens it; then its code and styles are fetched once. */

import { asked, remember } from "../board/address.js";
import { make } from "../board/dom.js";
import { showToast } from "../page/toasts.js";

/** @typedef {"closed" | "open" | "full"} Shown beside the day, or instead of it, such as on a second screen */

/**
 * A button with data-map-toggle opens and closes the element it controls (aria-controls); the choice stands in the address.
 *
 * @param {() => import("../board/store.js").Board} boardNow
 */
export function watchMapToggle(boardNow) {
  const button = document.querySelector("[data-map-toggle]");
  const area = document.getElementById(button?.getAttribute("aria-controls") ?? "");
  if (!(button instanceof HTMLElement) || !area) return;
  const tools = mapTools((to) => show(to));
  /** @type {ReturnType<typeof import("./board-map.js").openMap> | null} */
  let map = null;
  /** @param {Shown} to */
  const show = (to) => {
    const open = to !== "closed";
    area.hidden = !open;
    tools.element.hidden = !open;
    tools.show(to);
    document.documentElement.classList.toggle("has-full-map", to === "full");
    button.setAttribute("aria-pressed", String(open));
    remember("map", open ? to : null);
    if (!open) return;
    map ??= import("./board-map.js").then(({ openMap }) => openMap(area, boardNow()));
    map.then((one) => one.refresh()).catch(() => {
      map = null;
      show("closed");
      showToast("The map did not load. The lists show the same day; try the map again later.", { kind: "problem" });
    });
  };
  area.before(tools.element);
  button.hidden = false;
  button.addEventListener("click", () => {
    show(area.hidden ? "open" : "closed");
    void map?.then(() => area.hidden || area.scrollIntoView({ block: "nearest" }), () => undefined);
  });
  for (const name of ["board:data", "board:changed"]) {
    document.addEventListener(name, () => void map?.then((one) => one.refresh(), () => undefined));
  }
  const first = asked("map");
  show(first === "open" || first === "full" ? first : "closed");
}

/** Beside the day, in its place, or in a window of its own that follows this one. @param {(to: Shown) => void} show */
function mapTools(show) {
  const element = make("div", "row map-tools");
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "The map");
  const full = make("button", "button", "Map alone");
  full.type = "button";
  full.addEventListener("click", () => show(full.getAttribute("aria-pressed") === "true" ? "open" : "full"));
  const own = make("a", "button quiet", "In a window of its own");
  own.target = "_blank";
  for (const name of ["pointerdown", "focus", "click"]) own.addEventListener(name, () => (own.href = inOwnWindow()));
  own.href = location.href;
  element.append(make("h2", "visually-hidden", "Map"), full, own);
  return {
    element,
    /** @param {Shown} to */
    show(to) {
      full.setAttribute("aria-pressed", String(to === "full"));
    },
  };
}

function inOwnWindow() {
  const url = new URL(location.href);
  url.searchParams.set("map", "full");
  return url.href;
}
