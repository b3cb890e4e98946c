// The button beside a secret: copies it and says so. Without scripts it is hidden, and a click selects the secret.

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("button[data-copy]") : null;
  if (!(button instanceof HTMLElement)) return;
  const source = document.getElementById(button.dataset.copy ?? "");
  if (!source) return;
  button.textContent = ((await copyText(source)) ? button.dataset.done : button.dataset.failed) ?? "";
});

/** @param {HTMLElement} source */
async function copyText(source) {
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    return true;
  } catch {
    // The clipboard needs HTTPS and the browser's leave. Without them, select the text for the keyboard.
    window.getSelection()?.selectAllChildren(source);
    source.focus();
    return document.execCommand("copy");
  }
}
