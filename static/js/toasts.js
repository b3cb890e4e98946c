// Messages of what has happened: read aloud once the page is open, and dismissed by their button.

const region = document.querySelector("[data-toasts]");
// A live region speaks of what changes in it, not of what a page opens with.
if (region) region.append(...region.children);

region?.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("[data-dismiss]")) event.target.closest(".toast")?.remove();
});
