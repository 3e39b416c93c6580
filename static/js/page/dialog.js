/**
 * A link with data-dialog shows what it leads to over the page, so that one stays where one is. Escape and the button close
 * it, and the focus goes back; without script, or when no answer comes, the link opens its page.
 */

/** @param {HTMLAnchorElement} link @param {string} html a fragment of our own server */
function show(link, html) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  const heading = document.createElement("h2");
  heading.id = "dialog-title";
  heading.textContent = link.title;
  dialog.setAttribute("aria-labelledby", heading.id);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button quiet dialog-close";
  close.textContent = link.dataset.close ?? "Close";
  close.addEventListener("click", () => dialog.close());
  const content = document.createElement("div");
  content.innerHTML = html;
  dialog.append(close, heading, content);
  // Keys of the page mean nothing under it.
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  dialog.addEventListener("close", () => {
    dialog.remove();
    link.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

export function openInDialogs() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[data-dialog]") : null;
    if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    fetch(link.href, { headers: { "HX-Request": "true" }, credentials: "same-origin" })
      .then(async (answer) => {
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        show(link, await answer.text());
      })
      .catch(() => location.assign(link.href));
  });
}
