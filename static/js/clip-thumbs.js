// Posters of the list that turn into their video, muted, while the pointer or the focus is on them. One plays at a time.

const PAUSE = 200; // milliseconds, so that a pointer that only passes loads nothing
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
/** @type {{ link: Element, timer: number, video: HTMLVideoElement | null } | null} */
let current = null;

/** @param {Element} link */
function play(link) {
  stop();
  current = { link, timer: 0, video: show(link) };
}

/** @param {Element} link */
function show(link) {
  const video = document.createElement("video");
  Object.assign(video, { src: link.getAttribute("href"), muted: true, loop: true, playsInline: true });
  video.setAttribute("aria-hidden", "true");
  link.append(video);
  video.play().catch(() => video.remove()); // the poster stays
  return video;
}

export function stop() {
  if (!current) return false;
  clearTimeout(current.timer);
  const { video } = current;
  if (video) {
    video.removeAttribute("src");
    video.load(); // ends the download
    video.remove();
  }
  current = null;
  return Boolean(video);
}

/**
 * Play the video of a row, or stop it.
 * @param {Element} row
 */
export function togglePlay(row) {
  const link = row.querySelector("[data-thumb]");
  if (current?.video && current.link === link) stop();
  else if (link) play(link);
}

/** @param {Event} event */
function enter(event) {
  const link = event.target instanceof Element ? event.target.closest("[data-thumb]") : null;
  if (!link || stillness.matches || current?.link === link) return;
  stop();
  current = { link, timer: setTimeout(() => play(link), PAUSE), video: null };
}

/** @param {Event} event */
function leave(event) {
  const { relatedTarget } = /** @type {MouseEvent | FocusEvent} */ (event);
  const isInside = relatedTarget instanceof Node && current?.link.contains(relatedTarget);
  if (event.target instanceof Node && current?.link.contains(event.target) && !isInside) stop();
}

for (const name of ["mouseover", "focusin"]) document.addEventListener(name, enter);
for (const name of ["mouseout", "focusout"]) document.addEventListener(name, leave);
