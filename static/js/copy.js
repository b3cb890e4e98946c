// The button beside a secret: copies it and says so. Without scripts it is hidden, and a click selects the secret.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  button.textContent = (await copied(source)) ? button.dataset.done : button.dataset.failed;
});

async function copied(source) {
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    return true;
  } catch {
    // Not given on pages without HTTPS, or refused: leave it selected, for the keyboard.
    window.getSelection().selectAllChildren(source);
    source.focus();
    return document.execCommand("copy");
  }
}
