// What a page says while it waits, and when a background request fails.

const TEXTS = "input:not([type=hidden], [type=checkbox], [type=radio], [type=range])";
const error = /** @type {HTMLElement} */ (document.getElementById("page-error"));

for (const event of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(event, () => showError(error.dataset.unreachable));
}
document.addEventListener("htmx:responseError", () => showError(error.dataset.refused));
document.addEventListener("htmx:afterRequest", (event) => {
  if (event instanceof CustomEvent && event.detail.successful) showError("");
});

// What polls waits while nobody looks. A page that loads itself again, after a job, waits while somebody is at work on it.
document.addEventListener("htmx:beforeRequest", (event) => {
  const node = event.target;
  if (!(node instanceof Element)) return;
  const hasToWait = node.matches("[data-reload]") ? isInUse() : document.hidden && node.matches("[hx-trigger^=every]");
  if (hasToWait) event.preventDefault();
});

/** Return whether a dialog is open, a file is chosen, or a text is typed that loading the page again would lose. */
function isInUse() {
  if (document.querySelector("main dialog:is([open], :popover-open)")) return true;
  return [...document.querySelectorAll(`main :is(textarea, ${TEXTS})`)].some(
    (field) => (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) && field.value !== field.defaultValue,
  );
}

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
