// What a page says while it waits, and when a background request fails.

const error = /** @type {HTMLElement} */ (document.getElementById("page-error"));

for (const event of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(event, () => showError(error.dataset.unreachable));
}
document.addEventListener("htmx:responseError", () => showError(error.dataset.refused));
document.addEventListener("htmx:afterRequest", (event) => {
  if (event instanceof CustomEvent && event.detail.successful) showError("");
});

// What polls waits while nobody looks.
document.addEventListener("htmx:beforeRequest", (event) => {
  const node = event.target;
  if (document.hidden && node instanceof Element && node.matches("[hx-trigger^=every]")) event.preventDefault();
});

// A form that is being sent says so to the eye and the ear. A page that comes back from the browser's memory is at rest.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!event.defaultPrevented && form instanceof HTMLFormElement && form.method === "post") form.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
});

/** @param {string | undefined} words */
function showError(words) {
  error.textContent = words ?? "";
  error.hidden = !words;
}
