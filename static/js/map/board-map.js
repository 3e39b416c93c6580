/**
 * The day on a map: routes, numbered stops, waiting visits; the same selection as the grid, and a list that says the same.
 * Everything is drawn from our own data. A tile source appears only where the page names one (data-tiles, data-attribution).
 */

import L from "leaflet";
import { make } from "../board/dom.js";
import { stateClass } from "../board/rows.js";
import { Words } from "../board/words.js";
import { clusters } from "./cluster.js";
import { routesOf, waitingOf } from "./routes.js";
import { drawTwin } from "./twin.js";

/** @typedef {import("./routes.js").Route} Route */
/** @typedef {import("./routes.js").Stop} Stop */

const CLUSTER_ABOVE = 50;
const CLUSTER_PX = 56;
const CLOSE_ZOOM = 15;

/**
 * Styles come with the map, from where this code came from; a map measured before they apply would be wrong.
 *
 * @returns {Promise<void>}
 */
function loadStyles() {
  const link = make("link");
  link.rel = "stylesheet";
  link.href = new URL("map.css", import.meta.url).href;
  return new Promise((resolve, reject) => {
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => reject(new Error("The styles of the map did not arrive.")));
    document.head.append(link);
  });
}

/**
 * @param {HTMLElement} area
 * @param {import("../board/store.js").Board} board
 * @returns {Promise<BoardMap>}
 */
export async function openMap(area, board) {
  await loadStyles();
  return new BoardMap(area, board);
}

/** @param {string} name a custom property of the theme */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

class BoardMap {
  /**
   * @param {HTMLElement} area
   * @param {import("../board/store.js").Board} board
   */
  constructor(area, board) {
    this.area = area;
    this.board = board;
    this.words = new Words(board.zone, document.documentElement.lang || undefined);
    /** @type {number | null} one person's route, or everybody's */
    this.only = null;
    this.picture = make("div", "map-picture");
    this.picture.setAttribute("role", "application");
    this.picture.setAttribute("aria-label", "Map of the day. The list beside it says the same.");
    this.picture.dataset.ownKeys = "";
    this.twin = make("div", "map-twin");
    this.select = make("select");
    this.select.addEventListener("change", () => {
      this.only = this.select.value ? Number(this.select.value) : null;
      this.refresh();
      this.fit();
    });
    const label = make("label", "map-choice", "Route of ");
    label.append(this.select);
    const side = make("div", "map-side");
    side.append(label, this.twin);
    area.classList.add("map-area");
    area.replaceChildren(this.picture, side);
    this.map = L.map(this.picture, { preferCanvas: true, zoomSnap: 0.25, attributionControl: Boolean(area.dataset.tiles) });
    this.lines = L.layerGroup().addTo(this.map);
    this.points = L.layerGroup().addTo(this.map);
    this.chosen = L.layerGroup().addTo(this.map);
    L.control.scale({ imperial: true }).addTo(this.map);
    if (area.dataset.tiles) L.tileLayer(area.dataset.tiles, { attribution: area.dataset.attribution ?? "" }).addTo(this.map);
    this.#drawTerritories();
    this.fitted = false;
    this.map.on("zoomend", () => this.#drawPoints());
    document.addEventListener("board:select", (event) => {
      const { visitId, technicianId } = /** @type {CustomEvent} */ (event).detail;
      this.#mark(visitId, technicianId ?? null);
    });
    new ResizeObserver(() => this.map.invalidateSize()).observe(this.picture);
  }

  /** Draws the board as it is now. */
  refresh() {
    this.routes = routesOf(this.board);
    this.waiting = waitingOf(this.board);
    this.#fillSelect();
    if (!this.fitted) this.fit();
    this.#drawLines();
    this.#drawPoints();
    drawTwin(this.twin, this.#shown(), this.only === null ? this.waiting : [], this.words, (stop) => this.#choose(stop));
  }

  /** @returns {Route[]} */
  #shown() {
    return (this.routes ?? []).filter((one) => this.only === null || one.technicianId === this.only);
  }

  /** @returns {Stop[]} */
  #stops() {
    return [...this.#shown().flatMap((one) => one.stops), ...(this.only === null ? (this.waiting ?? []) : [])];
  }

  fit() {
    const stops = this.#stops();
    this.fitted = stops.length > 0;
    if (this.fitted) this.map.fitBounds(L.latLngBounds(stops.map((one) => [one.lat, one.lon])), { padding: [30, 30], animate: false, maxZoom: CLOSE_ZOOM });
    else this.map.setView([0, 0], 2, { animate: false });
  }

  #fillSelect() {
    const people = this.routes ?? [];
    const wanted = [["", "everybody"], ...people.map((one) => [String(one.technicianId), `${one.name} (${one.stops.length})`])];
    this.select.replaceChildren(...wanted.map(([value = "", words = ""]) => new Option(words, value, false, value === String(this.only ?? ""))));
  }

  #drawTerritories() {
    for (const { name, outline } of this.board.territories) {
      L.polygon(outline, { color: colour("--control-line"), fillColor: colour("--land"), fillOpacity: 0.6, weight: 1, interactive: false })
        .bindTooltip(name, { permanent: true, direction: "center", className: "map-territory" })
        .addTo(this.map);
    }
  }

  #drawLines() {
    this.lines.clearLayers();
    for (const route of this.#shown()) {
      if (route.stops.length < 2) continue;
      const points = route.stops.map((one) => L.latLng(one.lat, one.lon));
      L.polyline(points, { color: colour(this.only === null ? "--done" : "--accent"), weight: this.only === null ? 1.5 : 3, opacity: 0.8, interactive: false }).addTo(this.lines);
    }
  }

  #drawPoints() {
    this.points.clearLayers();
    const stops = this.#stops();
    if (stops.length === 0) return;
    const project = (/** @type {Stop} */ one) => this.map.project([one.lat, one.lon]);
    const grouped = stops.length > CLUSTER_ABOVE ? clusters(stops, project, CLUSTER_PX) : stops.map((one) => ({ ...project(one), items: [one] }));
    for (const { x, y, items } of grouped) {
      const first = /** @type {Stop} */ (items[0]);
      if (items.length === 1) this.#drawStop(first);
      else this.#drawCluster(this.map.unproject([x, y]), items);
    }
  }

  /** @param {Stop} stop */
  #drawStop(stop) {
    const when = stop.time === null ? "unassigned" : this.words.time(stop.time);
    const words = `${stop.number || "Waiting"}: ${when}, ${stop.title}, ${stop.customer}`;
    const icon = L.divIcon({ className: `map-stop ${stateClass(stop.state)}${stop.number ? "" : " is-waiting"}`, html: make("span", "", stop.number ? String(stop.number) : "?"), iconSize: [26, 26] });
    const marker = L.marker([stop.lat, stop.lon], { icon, keyboard: false, title: words, alt: words });
    marker.on("click", () => this.#choose(stop));
    marker.addTo(this.points);
  }

  /** @param {L.LatLng} at @param {Stop[]} items */
  #drawCluster(at, items) {
    const words = `${items.length} visits. Open to see them.`;
    const icon = L.divIcon({ className: "map-cluster", html: make("span", "", String(items.length)), iconSize: [36, 36] });
    const marker = L.marker(at, { icon, keyboard: false, title: words, alt: words });
    marker.on("click", () => {
      this.map.fitBounds(L.latLngBounds(items.map((one) => [one.lat, one.lon])), { padding: [40, 40], maxZoom: CLOSE_ZOOM + 3 });
    });
    marker.addTo(this.points);
  }

  /** @param {Stop} stop */
  #choose(stop) {
    const technicianId = (this.routes ?? []).find((one) => one.stops.includes(stop))?.technicianId ?? null;
    document.dispatchEvent(new CustomEvent("board:select", { detail: { visitId: stop.visitId, technicianId, from: "map" } }));
  }

  /** Rings the chosen visit and marks it in the list. @param {number} visitId @param {number | null} technicianId */
  #mark(visitId, technicianId) {
    this.chosen.clearLayers();
    const route = (this.routes ?? []).find((one) => one.technicianId === technicianId);
    if (route && route.stops.length > 1) {
      L.polyline(route.stops.map((one) => L.latLng(one.lat, one.lon)), { color: colour("--accent"), weight: 4, interactive: false }).addTo(this.chosen);
    }
    const stop = [...(route?.stops ?? []), ...(this.waiting ?? [])].find((one) => one.visitId === visitId);
    if (stop) {
      L.circleMarker([stop.lat, stop.lon], { radius: 18, color: colour("--text"), weight: 3, fill: false, interactive: false }).addTo(this.chosen);
      const at = L.latLng(stop.lat, stop.lon);
      if (!this.map.getBounds().contains(at)) this.map.panTo(at, { animate: false });
    }
    for (const button of this.twin.querySelectorAll("[data-visit]")) {
      const here = button instanceof HTMLElement && button.dataset.visit === String(visitId);
      button.toggleAttribute("aria-current", here);
    }
  }
}
