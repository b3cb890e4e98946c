// Example clips of the guidelines: a poster that turns into its video when it is pressed. One plays at a time.

document.addEventListener("click", (event) => {
  const poster = event.target instanceof Element ? event.target.closest("a[data-play]") : null;
  if (!(poster instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const video = document.createElement("video");
  Object.assign(video, { src: poster.href, controls: true, loop: true, muted: true, playsInline: true, autoplay: true });
  video.setAttribute("aria-label", poster.getAttribute("aria-label") ?? "");
  video.addEventListener("play", () => pauseOthers(video));
  poster.closest("dialog")?.addEventListener("close", () => video.pause());
  poster.replaceWith(video);
  video.focus();
});

/** @param {HTMLVideoElement} playing */
function pauseOthers(playing) {
  for (const video of document.querySelectorAll(".examples video")) {
    if (video instanceof HTMLVideoElement && video !== playing) video.pause();
  }
}
