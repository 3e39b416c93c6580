/** Speaks to screen readers: polite for results, assertive for a lost promise or unsent data. */

/**
 * @param {string} text
 * @param {"polite" | "assertive"} [how]
 */
export function announce(text, how = "polite") {
  const region = how === "polite" ? politeRegion() : document.getElementById("alerts");
  if (!region) return;
  region.textContent = "";
  // A change of text in a later frame is read even when the same sentence comes twice.
  requestAnimationFrame(() => (region.textContent = text));
}

/** @returns {HTMLElement} */
function politeRegion() {
  const known = document.getElementById("spoken");
  if (known) return known;
  const made = document.createElement("div");
  made.id = "spoken";
  made.className = "visually-hidden";
  made.setAttribute("aria-live", "polite");
  document.body.append(made);
  return made;
}
