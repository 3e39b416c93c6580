/**
 * The day on a map: routes, numbered stops, waiting visits; the same selection as the grid, and a list that says the same.
 * Everything is drawn from our own data. A tile source appears only where the page names one (data-tiles, data-attribution).
 */

import L from "leaflet";
import { askedId, remember } from "../board/address.js";
import { make } from "../board/dom.js";
import { stateClass } from "../board/rows.js";
import { duration, Words } from "../board/words.js";
import { clusters } from "./cluster.js";
import { placesOf, routesOf, waitingOf } from "./routes.js";
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
    this.only = askedId("person");
    /** @type {{visitId: number, technicianId: number | null} | null} what is selected on the board */
    this.marked = null;
    /** @type {readonly import("../board/verdicts.js").Place[]} */
    this.places = [];
    this.picture = make("div", "map-picture");
    this.picture.setAttribute("role", "application");
    this.picture.setAttribute("aria-label", "Map of the day. The list beside it says the same.");
    this.picture.dataset.ownKeys = "";
    this.twin = make("div", "map-twin");
    this.select = make("select");
    this.select.addEventListener("change", () => {
      this.only = this.select.value ? Number(this.select.value) : null;
      remember("person", this.only);
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
    this.numbered = L.layerGroup().addTo(this.map);
    L.control.scale({ imperial: true }).addTo(this.map);
    if (area.dataset.tiles) L.tileLayer(area.dataset.tiles, { attribution: area.dataset.attribution ?? "" }).addTo(this.map);
    this.#drawTerritories();
    this.fitted = false;
    this.map.on("zoomend", () => this.#drawPoints());
    document.addEventListener("board:select", (event) => {
      this.marked = /** @type {CustomEvent} */ (event).detail;
      this.#mark();
    });
    document.addEventListener("board:deselect", () => {
      this.marked = null;
      this.#mark();
    });
    document.addEventListener("board:answer", (event) => {
      this.places = /** @type {CustomEvent} */ (event).detail.answer?.places ?? [];
      this.#drawPlaces();
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
    this.#mark();
    this.#drawPlaces();
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
      if (this.only !== null) this.#drawMinutes(route, this.lines);
    }
  }

  /** How long the way to each stop takes, on the way there. @param {Route} route @param {L.LayerGroup} layer */
  #drawMinutes(route, layer) {
    route.stops.forEach((stop, index) => {
      const before = route.stops[index - 1];
      if (!before || stop.travelS <= 0) return;
      label([(before.lat + stop.lat) / 2, (before.lon + stop.lon) / 2], "map-minutes", duration(stop.travelS * 1000)).addTo(layer);
    });
  }

  /** The numbered places of the selected visit, each with the way from there; the list in the drawer tells the same. */
  #drawPlaces() {
    this.numbered.clearLayers();
    const stop = this.marked && this.#stopOf(this.marked.visitId);
    for (const { number, place, lat, lon } of placesOf(this.board, this.places)) {
      const words = `${number}: ${place.name}, ${place.words}`;
      if (stop) L.polyline([[lat, lon], [stop.lat, stop.lon]], { color: colour("--accent"), weight: 2, dashArray: "4 6", interactive: false }).addTo(this.numbered);
      const icon = L.divIcon({ className: "map-place", html: make("span", "", String(number)), iconSize: [26, 26], iconAnchor: [13, 36] });
      const marker = L.marker([lat, lon], { icon, keyboard: false, title: words, alt: words, zIndexOffset: 500 });
      marker.on("click", () => document.dispatchEvent(new CustomEvent("board:take", { detail: { number } })));
      marker.addTo(this.numbered);
    }
  }

  /** @param {number} visitId @returns {Stop | undefined} */
  #stopOf(visitId) {
    return [...(this.routes ?? []).flatMap((one) => one.stops), ...(this.waiting ?? [])].find((one) => one.visitId === visitId);
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
    document.dispatchEvent(new CustomEvent("board:choose", { detail: { visitId: stop.visitId } }));
  }

  /** Rings the selected visit, draws the route it belongs to, and marks it in the list. */
  #mark() {
    this.chosen.clearLayers();
    const visitId = this.marked?.visitId ?? null;
    for (const button of this.twin.querySelectorAll("[data-visit]")) {
      button.toggleAttribute("aria-current", button instanceof HTMLElement && button.dataset.visit === String(visitId));
    }
    if (visitId === null) return;
    const route = (this.routes ?? []).find((one) => one.technicianId === this.marked?.technicianId);
    if (route && route.stops.length > 1) {
      L.polyline(route.stops.map((one) => L.latLng(one.lat, one.lon)), { color: colour("--accent"), weight: 4, interactive: false }).addTo(this.chosen);
      if (this.only === null) this.#drawMinutes(route, this.chosen);
      for (const stop of route.stops) label([stop.lat, stop.lon], `map-stop ${stateClass(stop.state)}`, String(stop.number), 26).addTo(this.chosen);
    }
    const stop = this.#stopOf(visitId);
    if (!stop) return;
    L.circleMarker([stop.lat, stop.lon], { radius: 18, color: colour("--text"), weight: 3, fill: false, interactive: false }).addTo(this.chosen);
    const at = L.latLng(stop.lat, stop.lon);
    if (!this.map.getBounds().contains(at)) this.map.panTo(at, { animate: false });
  }
}

/**
 * Words on the map that are no button.
 *
 * @param {[number, number]} at @param {string} className @param {string} words @param {number} [size] of a round one
 */
function label(at, className, words, size) {
  const icon = L.divIcon({ className, html: make("span", "", words), ...(size ? { iconSize: [size, size] } : { iconSize: [54, 18] }) });
  return L.marker(at, { icon, keyboard: false, interactive: false });
}
