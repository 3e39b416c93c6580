/** Fields mended in place: Esc takes a form back to what it says on the page. Enter saves as in any form. */

export function revertOnEscape() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || !(event.target instanceof Element)) return;
    const back = event.target.closest(".inline-edit")?.querySelector("[data-escape]");
    if (!(back instanceof HTMLElement)) return;
    event.preventDefault();
    back.click();
  });
}
