/** Changing colours takes effect at once; the form still goes to the server, which remembers it. */

export function applyThemeAtOnce() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !("themeForm" in form.dataset)) return;
    const chosen = event.submitter instanceof HTMLButtonElement ? event.submitter : null;
    if (!chosen) return;
    event.preventDefault();
    const root = document.documentElement;
    if (chosen.value === "system") delete root.dataset.theme;
    else root.dataset.theme = chosen.value;
    for (const button of form.querySelectorAll("button[name=theme]")) {
      button.setAttribute("aria-pressed", String(button === chosen));
    }
    void fetch(form.action, { method: "POST", body: new FormData(form, chosen), redirect: "manual" }).catch(() => {
      form.submit();
    });
  });
}
