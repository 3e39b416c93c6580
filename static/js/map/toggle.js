/** The map costs nothing until somebody opens it; then its code and styles are fetched once. */

import { showToast } from "../page/toasts.js";

/**
 * A button with data-map-toggle opens and closes the element it controls (aria-controls); the choice stands in the address.
 *
 * @param {() => import("../board/store.js").Board} boardNow
 */
export function watchMapToggle(boardNow) {
  const button = document.querySelector("[data-map-toggle]");
  const area = document.getElementById(button?.getAttribute("aria-controls") ?? "");
  if (!(button instanceof HTMLElement) || !area) return;
  /** @type {ReturnType<typeof import("./board-map.js").openMap> | null} */
  let map = null;
  /** @param {boolean} open */
  const show = (open) => {
    area.hidden = !open;
    button.setAttribute("aria-pressed", String(open));
    const url = new URL(location.href);
    if (open) url.searchParams.set("map", "open");
    else url.searchParams.delete("map");
    history.replaceState(history.state, "", url);
    if (!open) return;
    map ??= import("./board-map.js").then(({ openMap }) => openMap(area, boardNow()));
    map.then((one) => one.refresh()).catch(() => {
      map = null;
      area.hidden = true;
      showToast("The map did not load. The lists show the same day; try the map again later.", { kind: "problem" });
    });
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    show(Boolean(area.hidden));
    void map?.then(() => area.scrollIntoView({ block: "nearest" }), () => undefined);
  });
  for (const name of ["board:data", "board:changed"]) {
    document.addEventListener(name, () => void map?.then((one) => one.refresh(), () => undefined));
  }
  if (new URLSearchParams(location.search).get("map") === "open") show(true);
}
