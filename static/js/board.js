/**
 * The dispatch board. Enhances
 *
 *   <div id="gantt" data-url="/board/data?date=2026-11-23" data-move-url="/board/move"
 *        data-job-url="/jobs/{id}" data-person-url="/people/{id}"
 *        [data-panel-url="/board/visits/{id}"] [data-verdicts-url="/board/visits/{id}/verdicts"]
 *        [data-view="2026-11-23" data-stream-url="/board/stream" data-changes-url="/board/changes"
 *        data-worker="/static/dist/live-worker.js" data-who="7"]
 *        data-sprite="/static/icons/sprite.svg"></div>
 *
 * With data-stream-url what other people change is shown as it happens (board/live.js).
 *
 * With data-panel-url a selected visit is shown in #board-panel (a fragment from the server, with its move form);
 * without it the job page opens. data-verdicts-url answers as board/verdicts.js says. Tables that tell the same
 * without script carry data-without-script; they stay on a phone and on paper, and give way to the grid elsewhere.
 * Everything else is linked by events: board:choose (please select it), board:select, board:deselect, board:answer (what
 * the server says about it), board:changed, board:data and board:stale (send it as HX-Trigger when a form outside the grid
 * has changed the day).
 */

import htmx from "htmx.org";
import { showToast } from "./page/toasts.js";
import { asked, askedId, keepView, remember, shareSelection } from "./board/address.js";
import { chooseCards } from "./board/choose.js";
import { openCallMenu } from "./board/call-menu.js";
import { BoardUnavailable, fetchBoard } from "./board/data.js";
import { make, useSprite } from "./board/dom.js";
import { Gantt } from "./board/gantt.js";
import { Live } from "./board/live.js";
import { HOUR } from "./board/scale.js";
import { Board } from "./board/store.js";
import { addTools, fromAddress } from "./board/tools.js";
import { fetchAnswer } from "./board/verdicts.js";
import { GanttView } from "./board/view.js";
import { watchQueue } from "./board/walk.js";
import { watchMapToggle } from "./map/toggle.js";

/** @param {string | undefined} template @param {number} id */
function address(template, id) {
  return template?.replace("{id}", String(id));
}

/** @param {HTMLElement | null} panel */
function hidePanel(panel) {
  if (panel) panel.hidden = true;
  document.documentElement.classList.remove("has-drawer");
}

/** The panel lies beside the grid, or over it where there is no room; it closes with its button or Escape. @param {HTMLElement} panel */
function showPanel(panel) {
  panel.hidden = false;
  panel.classList.add("board-drawer");
  document.documentElement.classList.add("has-drawer");
  const close = make("button", "button quiet board-drawer-close", "Close");
  close.type = "button";
  const leave = () => {
    hidePanel(panel);
    document.dispatchEvent(new CustomEvent("board:deselect"));
    document.getElementById("gantt-grid")?.focus();
  };
  close.addEventListener("click", leave);
  panel.onkeydown = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) leave();
  };
  panel.prepend(close);
}

/** The same address for one booking of a crew. @param {string | undefined} url @param {number | null} assignmentId */
function booked(url, assignmentId) {
  if (!url || assignmentId === null) return url;
  return `${url}${url.includes("?") ? "&" : "?"}assignment_id=${assignmentId}`;
}

/** @param {HTMLElement} host */
function opener(host) {
  /** The visit wanted last; an answer that comes after another choice is not shown. @type {number | null} */
  let wanted = null;
  return {
    /** @param {{visitId: number, assignmentId: number | null, jobId: number}} what @param {boolean} focus */
    open(what, focus) {
      const panel = booked(address(host.dataset.panelUrl, what.visitId), what.assignmentId);
      const job = address(host.dataset.jobUrl, what.jobId);
      const target = document.getElementById("board-panel");
      if (panel && target) {
        wanted = what.visitId;
        void htmx.ajax("GET", panel, { target: "#board-panel", swap: "innerHTML" }).then(() => {
          if (wanted !== what.visitId) return;
          showPanel(target);
          const heading = target.querySelector("h2, h3");
          if (focus && heading instanceof HTMLElement) {
            heading.tabIndex = -1;
            heading.focus();
          }
        });
      } else if (job) {
        location.assign(job);
      }
    },
    /** What was chosen has nothing to show here. */
    close() {
      wanted = null;
      const target = document.getElementById("board-panel");
      if (target) hidePanel(target);
    },
    /** @param {number} id */
    cannotWork(id) {
      const form = address(host.dataset.cannotWorkUrl, id);
      if (form) location.assign(form);
    },
    /** @param {import("./board/data.js").Technician} person @param {Element | null} beside */
    call(person, beside) {
      openCallMenu(person, beside, {
        personUrl: address(host.dataset.personUrl, person.id),
        spokenUrl: address(host.dataset.spokenUrl, person.id),
        now: Date.now(),
        back: () => document.getElementById("gantt-grid")?.focus(),
      });
    },
    /** @param {number} id */
    openPerson(id) {
      const person = address(host.dataset.personUrl, id);
      if (person) location.assign(person);
    },
  };
}

/** The list of places in the drawer books without a new page. @param {Gantt} gantt */
function takeFromList(gantt) {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.place || !form.dataset.visit) return;
    event.preventDefault();
    const fields = new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    fields.set("visit_id", form.dataset.visit);
    void gantt.book(fields, Number(form.dataset.visit));
  });
}

/** @param {GanttView} view @param {number} instant stands at the left edge afterwards */
function scrollTo(view, instant) {
  view.grid.scrollLeft = view.scale.x(instant);
  view.draw();
}

/** What one looks for first: all of the working day, or in the closer views what happens now. @param {GanttView} view */
function firstLook(view) {
  const { board } = view;
  const inside = board.now > board.worked.start && board.now < board.worked.end;
  scrollTo(view, view.zoom === "day" || !inside ? board.worked.start : board.now - HOUR);
}

/**
 * The tables tell the same as the grid, so they leave the page while it is shown; paper, narrow windows and whoever likes
 * lists better get them back. The choice stands in the address.
 *
 * @param {HTMLElement} host
 */
function lendTables(host) {
  const wide = matchMedia("screen and (min-width: 768px)");
  const button = document.querySelector("[data-list-toggle]");
  let list = asked("view") === "list";
  const tables = [...document.querySelectorAll("[data-without-script]")].map((table) => ({ table, mark: document.createComment("") }));
  for (const { table, mark } of tables) table.before(mark);
  /** @param {boolean} shown */
  const show = (shown) => {
    for (const { table, mark } of tables) {
      if (shown) mark.after(table);
      else table.remove();
    }
  };
  const settle = () => {
    host.classList.toggle("is-list", list);
    button?.setAttribute("aria-pressed", String(list));
    show(list || !wide.matches);
  };
  wide.addEventListener("change", settle);
  addEventListener("beforeprint", () => show(true));
  addEventListener("afterprint", settle);
  if (button instanceof HTMLElement) {
    button.hidden = false;
    button.addEventListener("click", () => {
      list = !list;
      remember("view", list ? "list" : null);
      settle();
    });
  }
  settle();
}

/** @param {HTMLElement} host @param {string} url */
async function start(host, url) {
  const raw = await fetchBoard(url);
  const wanted = fromAddress(/** @type {import("./board/order.js").Group} */ (host.dataset.group ?? "none"));
  const board = new Board(raw);
  board.arrange(wanted);
  const tools = addTools(host, {
    ...wanted,
    onZoom: (zoom) => {
      view.zoom = zoom;
      view.layout();
    },
    onArrange: (how) => {
      board.arrange(how);
      view.redraw();
    },
    onNow: () => scrollTo(view, board.now - HOUR),
  });
  const view = new GanttView(host, board, wanted.zoom);
  view.layout();
  firstLook(view);
  const gantt = new Gantt(view, {
    ...opener(host),
    moveUrl: host.dataset.moveUrl,
    refresh: async () => live?.ask(),
    ask: (visitId, assignmentId) => fetchAnswer(booked(address(host.dataset.verdictsUrl, visitId), assignmentId)),
    zoomed: () => tools.show(view.zoom),
    done: () => hidePanel(document.getElementById("board-panel")),
  });
  document.addEventListener("board:deselect", () => gantt.selection.forget());
  watchQueue((visitId, focus) => gantt.selectWaiting(visitId, focus));
  takeFromList(gantt);
  chooseCards();
  // The numbers are on the grid before the list of places is in the drawer.
  document.addEventListener("keys:unheard", (event) => {
    const { name } = /** @type {CustomEvent} */ (event).detail;
    if (name === host.dataset.bestKey || /^[1-9]$/.test(name)) gantt.selection.take(Number(name) || 1);
  });
  document.addEventListener("board:take", (event) => gantt.selection.take(/** @type {CustomEvent} */ (event).detail.number));
  // The map and its list say what they want; the grid selects it, and whoever shows selections hears of it from there.
  document.addEventListener("board:choose", (event) => gantt.selectVisit(/** @type {CustomEvent} */ (event).detail.visitId));
  shareSelection(host.dataset.view ?? "", {
    select: (visitId) => gantt.selectVisit(visitId, { quiet: true }),
    forget: () => {
      hidePanel(document.getElementById("board-panel"));
      document.dispatchEvent(new CustomEvent("board:deselect"));
    },
  });
  keepView();
  const live = host.dataset.streamUrl ? new Live(view, gantt, host, raw.position ?? 0) : null;
  // The panel and forms outside the grid change the day too; their answers carry HX-Trigger: board:stale.
  document.addEventListener("board:stale", () => void live?.ask());
  lendTables(host);
  host.classList.add("is-ready");
  host.dispatchEvent(new CustomEvent("board:ready", { bubbles: true }));
  watchMapToggle(() => board);
  const person = askedId("person");
  if (person !== null && board.lineOf.has(person)) view.reveal(person, null, null);
  const selected = askedId("sel");
  if (selected !== null) gantt.selectVisit(selected);
}

/**
 * A phone shows the day as a list, so there the grid is not even fetched.
 *
 * @param {() => void} begin
 */
function onceWide(begin) {
  const wide = matchMedia("(min-width: 768px)");
  if (wide.matches) begin();
  else wide.addEventListener("change", begin, { once: true });
}

const host = document.getElementById("gantt");
const url = host?.dataset.url;
if (host && url) {
  useSprite(host.dataset.sprite);
  host.classList.add("gantt");
  onceWide(() => start(host, url).catch((error) => {
    host.replaceChildren();
    const why = error instanceof BoardUnavailable ? error.message : "The board could not be drawn.";
    host.append(make("p", "muted", `${why} The tables below show the same day.`));
    showToast(`${why} The tables below show the same day and can be used.`, { kind: "problem" });
    if (!(error instanceof BoardUnavailable)) throw error;
  }));
}
