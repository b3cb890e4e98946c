// What a page says while it waits, and when an answer that it asked for in the background does not come.

const told = document.getElementById("page-error");

for (const [event, words] of [["htmx:sendError", "unreachable"], ["htmx:timeout", "unreachable"], ["htmx:responseError", "refused"]]) {
  document.addEventListener(event, () => tell(told.dataset[words]));
}
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) tell("");
});

// A form under way says so to the eye and the ear; a page that comes back from the browser's memory is at rest.
document.addEventListener("submit", (event) => {
  if (!event.defaultPrevented && event.target.method === "post") event.target.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
});

function tell(words) {
  told.textContent = words;
  told.hidden = !words;
}
