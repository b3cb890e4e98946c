// Sections of the agreement page load again when there are newer figures: what a reader has opened stays open.

/** @type {Map<string, Set<number>>} by section, the numbers of its open folds */
const opened = new Map();

document.addEventListener("htmx:beforeSwap", (event) => {
  const section = event.target;
  if (!(section instanceof Element) || !section.matches("[data-section]")) return;
  const folds = [...section.querySelectorAll("details")].entries();
  opened.set(section.id, new Set([...folds].filter(([, fold]) => fold.open).map(([number]) => number)));
});

document.addEventListener("htmx:load", (event) => {
  const section = event.target;
  if (!(section instanceof Element) || !section.matches("[data-section]")) return;
  for (const [number, fold] of [...section.querySelectorAll("details")].entries()) {
    if (opened.get(section.id)?.has(number)) fold.open = true;
  }
});
