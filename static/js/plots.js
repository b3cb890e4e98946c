// Plots: each is drawn when it comes into view. What draws them is fetched for the first of them.

/** @type {Set<HTMLElement>} */
const drawn = new Set();
const inView = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting || !(target instanceof HTMLElement)) continue;
    inView.unobserve(target);
    void draw(target);
  }
});

/** @param {ParentNode} root */
function watch(root) {
  for (const area of root.querySelectorAll("[data-plot] .plot-area:not(:has(canvas))")) inView.observe(area);
}

/** @param {HTMLElement} area */
async function draw(area) {
  const figure = area.closest("figure");
  if (!figure) return;
  const drawPlot = await loadDrawing(figure.dataset.library ?? "");
  area.classList.remove("skeleton");
  if (!drawPlot) area.textContent = area.dataset.failed ?? "";
  await drawPlot?.(figure, area);
  drawn.add(figure);
}

/**
 * Fetch the library and what uses it; undefined if they do not arrive.
 * @param {string} library
 */
async function loadDrawing(library) {
  try {
    const [drawing] = await Promise.all([import("./plot-draw.js"), import(library)]);
    return drawing.drawPlot;
  } catch {
    return undefined;
  }
}

// A chart keeps the colours that it was drawn with.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const figure of drawn) {
    const area = figure.querySelector(".plot-area");
    if (!(area instanceof HTMLElement) || !figure.isConnected) drawn.delete(figure);
    else void draw(area);
  }
});

// On paper, a plot that was never in view is its table. One whose figures are in a table of the page needs no other.
const OWN_TABLE = "[data-plot]:not(:has(canvas)) .plot-table:not([open])";
/** @type {HTMLDetailsElement[]} */
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll(OWN_TABLE)].filter((table) => table instanceof HTMLDetailsElement);
  for (const table of opened) table.open = true;
});
window.addEventListener("afterprint", () => {
  for (const table of opened) table.open = false;
  opened = [];
});

document.addEventListener("htmx:load", (event) => {
  if (event.target instanceof Element) watch(event.target);
});
watch(document);
