/**
 * What is chosen on the board stands in its address: a reload shows the same, and so does a link sent to a colleague.
 * Windows of one browser that show the same day follow each other, such as the map on a second screen.
 */

/** What each link from the board to the board takes along. */
const KEPT = ["zoom", "group", "sort", "map"];
const CHANNEL = "board";

/** @param {string} name @returns {string | null} */
export function asked(name) {
  return new URLSearchParams(location.search).get(name);
}

/** @param {string} name @returns {number | null} a number above zero, or nothing */
export function askedId(name) {
  const text = asked(name) ?? "";
  return /^[1-9]\d{0,15}$/.test(text) ? Number(text) : null;
}

/** @param {string} name @param {string | number | null} value null takes it out of the address */
export function remember(name, value) {
  const url = new URL(location.href);
  if (value === null) url.searchParams.delete(name);
  else url.searchParams.set(name, String(value));
  history.replaceState(history.state, "", url);
}

/**
 * An address of the board with the view that is shown now, where it does not say another one.
 *
 * @param {string} address absolute
 * @param {string} here the address of this page
 * @returns {string}
 */
export function withView(address, here) {
  const url = new URL(address);
  const now = new URL(here);
  const board = now.pathname.replace(/\/$/, "");
  if (url.origin !== now.origin || ![board, `${board}/print`, `${board}/week`].includes(url.pathname)) return address;
  for (const name of KEPT) {
    const value = now.searchParams.get(name);
    if (value === null) continue;
    // The link was written before somebody chose another view; what it says itself of a view is older.
    url.searchParams.set(name, value);
  }
  return url.href;
}

/** Days, territories, promise states and paper keep zoom, groups, order and map. */
export function keepView() {
  for (const name of ["pointerdown", "click"]) {
    document.addEventListener(
      name,
      (event) => {
        const link = event.target instanceof Element ? event.target.closest("a") : null;
        if (link?.href) link.href = withView(link.href, location.href);
      },
      true,
    );
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "get" || withView(form.action, location.href) === form.action) return;
    for (const name of KEPT) {
      const value = asked(name);
      if (value === null || form.elements.namedItem(name)) continue;
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      form.append(field);
    }
  });
}

/**
 * Keeps the selected visit in the address and in step between windows.
 *
 * @param {string} view day and territory; windows that show another one are left alone
 * @param {{select: (visitId: number) => void, forget: () => void}} follow what another window selected
 */
export function shareSelection(view, { select, forget }) {
  const channel = new BroadcastChannel(CHANNEL);
  /** @param {number | null} visitId @param {boolean} tell */
  const note = (visitId, tell) => {
    if (askedId("sel") === visitId) return;
    remember("sel", visitId);
    if (tell) channel.postMessage({ view, visitId });
  };
  document.addEventListener("board:select", (event) => note(/** @type {CustomEvent} */ (event).detail.visitId, true));
  document.addEventListener("board:deselect", () => note(null, true));
  channel.addEventListener("message", ({ data }) => {
    if (data?.view !== view) return;
    // Noted first, so that what follows here is not told back.
    note(data.visitId, false);
    if (data.visitId === null) forget();
    else select(data.visitId);
  });
}
