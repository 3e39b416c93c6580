/** Sends a move; drag, keyboard and form end in the same service with the same fields. */

import { csrfToken } from "../page/csrf.js";

/** @typedef {import("./carry.js").Carried} Carried */
/** @typedef {import("./data.js").Change} Change */
/** @typedef {import("./data.js").Refusal} Refusal */

/** The move was refused; the message is the server's sentence. */
export class MoveRefused extends Error {
  /** @param {Refusal} refusal */
  constructor(refusal) {
    super(refusal.error);
    this.refusal = refusal;
  }
}

/**
 * @param {Carried} carried
 * @param {import("./verdicts.js").Place | null} place the best one of the row: dropped there, the others make room as was shown
 * @returns {URLSearchParams}
 */
export function moveFields(carried, place) {
  const fields = new URLSearchParams({
    visit_id: String(carried.bar.visitId),
    technician_id: String(carried.technicianId),
    start: new Date(carried.start).toISOString(),
  });
  if (carried.bar.assignmentId !== null) fields.set("assignment_id", String(carried.bar.assignmentId));
  if (place && place.start === carried.start) fields.set("pushing", place.pushing.join(","));
  if (carried.bar.version !== null) fields.set("version", String(carried.bar.version));
  return fields;
}

/**
 * @param {string} url
 * @param {URLSearchParams} fields
 * @returns {Promise<Change>}
 */
export async function post(url, fields) {
  let answer;
  try {
    answer = await fetch(url, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRFToken": csrfToken() },
      body: fields,
      credentials: "same-origin",
    });
  } catch {
    throw new MoveRefused({ error: "No answer came back, so the move may not be saved. The board shows what is known; try again." });
  }
  const body = (answer.headers.get("Content-Type") ?? "").includes("json") ? await answer.json() : null;
  if (answer.ok && body) return /** @type {Change} */ (body);
  if (body?.error) throw new MoveRefused(/** @type {Refusal} */ (body));
  throw new MoveRefused({ error: `The move was not saved (answer ${answer.status}). Load the page again and repeat it.` });
}
