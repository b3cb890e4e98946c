// A page that needs other scripts once its job has ended: load it whole, not only its main part.

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!(event.target instanceof Element) || !event.target.matches("[data-reload]") || event.defaultPrevented) return;
  event.preventDefault();
  location.reload();
});
