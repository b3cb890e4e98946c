// The player: own controls in grey, steps of one frame, loop, speed, and a timeline that shows the marks.
//
// Times here are the clip's: seconds from its first shown frame. A file may begin later than 0 on the browser's clock
// (`origin`); the first frame that is shown tells by how much.

import { gettext, recall, remember } from "./rate-site.js";
import { Zoom } from "./rate-picture.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.5, 2];
const FIRST_FRAME_PAUSE = 2000;

export function clock(seconds) {
  return `${(Number.isFinite(seconds) ? seconds : 0).toFixed(2)} s`;
}

/** Times of the frames, from the gaps between them that the page carries in tenths of a millisecond. */
function frameTimes(gaps) {
  let time = 0;
  return gaps ? gaps.split(" ").map((gap) => (time += Number(gap)) / 10000) : [];
}

export class Player {
  /** `say(words)` tells what a screen reader should read. */
  constructor(root, signal, say) {
    this.root = root;
    this.video = root.querySelector("video");
    this.slider = root.querySelector("[data-seek]");
    this.bands = root.querySelector("[data-bands]");
    this.loading = root.querySelector("[data-loading]");
    this.times = frameTimes(root.dataset.gaps);
    this.frame = 1 / (Number(root.dataset.fps) || 25); // for clips whose times are not known
    this.origin = null;
    this.shown = 0; // time of the frame on the screen
    this.furthest = 0; // the latest time of a frame that was on the screen
    this.aim = null; // number of the frame that was sought last, since the clip has stood still
    this.isToPlay = !matchMedia("(prefers-reduced-motion: reduce)").matches && !root.querySelector("[data-warning]");
    this.hasBegun = false;
    this.signal = signal;
    this.zoomer = new Zoom(root, { say, moved: () => root.dispatchEvent(new Event("moved")) }, signal);
    this.video.controls = false; // they serve pages without scripts
    this.wire();
    this.restore();
  }

  wire() {
    const on = (target, event, handler) => target?.addEventListener(event, handler, { signal: this.signal });
    for (const button of this.root.querySelectorAll("[data-player]")) {
      on(button, "click", () => this[button.dataset.player]());
    }
    on(this.video, "click", () => this.toggle());
    on(this.slider, "input", () => this.seek(Number(this.slider.value)));
    for (const event of ["play", "pause", "ratechange", "volumechange", "durationchange", "seeked", "loadeddata"]) {
      on(this.video, event, () => this.paint());
    }
    on(this.video, "loadeddata", () => this.loaded());
    if (this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.loaded();
    else this.loading.hidden = false;
    on(this.video, "playing", () => { if (!this.video.paused) this.aim = null; });
    on(this.video, "error", () => this.fail());
    on(this.root.querySelector("[data-unblur]"), "click", (event) => {
      event.currentTarget.closest("[data-warning]").remove();
      this.video.classList.remove("is-blurred");
      this.root.querySelector("[data-stage]").focus({ preventScroll: true }); // the button is gone
      this.play();
    });
    on(document, "fullscreenchange", () => this.paint());
    this.follow();
  }

  loaded() {
    this.loading.hidden = true;
    setTimeout(() => this.begin(), FIRST_FRAME_PAUSE); // a page out of sight shows no frame
  }

  // The frame that is shown is told by requestVideoFrameCallback; currentTime only says what was asked for.
  follow() {
    if ("requestVideoFrameCallback" in this.video) {
      const shown = (_now, facts) => {
        this.onFrame(facts.mediaTime);
        if (!this.signal.aborted) this.video.requestVideoFrameCallback(shown);
      };
      this.video.requestVideoFrameCallback(shown);
      return;
    }
    for (const event of ["loadeddata", "timeupdate"]) {
      this.video.addEventListener(event, () => this.onFrame(this.video.currentTime), { signal: this.signal });
    }
  }

  onFrame(mediaTime) {
    this.origin = Math.min(this.origin ?? this.firstGuess(mediaTime), mediaTime);
    this.shown = mediaTime - this.origin;
    if (!this.root.querySelector("[data-warning]")) this.furthest = Math.max(this.furthest, this.shown);
    this.root.dispatchEvent(new Event("shown"));
    this.paintTime();
    this.begin();
  }

  // Where no frame was seen before the clip ran, it is taken to begin at 0 if that fits; its next round tells.
  firstGuess(mediaTime) {
    const fits = this.times.some((time) => Math.abs(time - mediaTime) < 0.0005);
    return this.hasBegun && fits ? 0 : mediaTime;
  }

  restore() {
    this.video.loop = recall("loop", true);
    this.video.muted = recall("muted", true);
    this.video.playbackRate = recall("speed", 1);
    this.paint();
  }

  // Not before the first frame has been seen: it tells where the clip begins.
  begin() {
    if (this.hasBegun) return;
    this.hasBegun = true;
    if (this.isToPlay) this.play();
  }

  get duration() {
    return Number(this.root.dataset.duration) || this.video.duration || 0;
  }

  get time() {
    return Math.min(Math.max(0, this.shown), this.duration);
  }

  play() {
    this.isToPlay = true;
    if (!this.hasBegun) return;
    this.video.play().catch(() => this.paint()); // a browser may want a key press first; the button stays there
  }

  toggle() {
    const warning = this.root.querySelector("[data-unblur]");
    if (warning) warning.focus(); // whoever wants to see it says so there
    else if (!this.hasBegun) this.isToPlay = !this.isToPlay;
    else if (this.video.paused) this.play();
    else this.video.pause();
  }

  seek(time) {
    this.aim = this.video.paused && this.times.length ? Math.max(0, this.times.findLastIndex((each) => each <= time)) : null;
    this.video.currentTime = (this.origin ?? 0) + Math.min(Math.max(0, time), this.duration);
  }

  /** Pauses on the frame that begins at `time`, which may have been rounded. */
  showAt(time) {
    this.video.pause();
    if (this.times.length) this.showFrame(this.nearest(time));
    else this.seek(time);
  }

  // Aims between the frame's own time and the next one's, so that rounding cannot land on the one beside it.
  showFrame(number) {
    const [time, next = Math.max(time, this.duration)] = this.times.slice(Math.min(this.times.length - 1, Math.max(0, number)));
    this.seek((time + next) / 2);
  }

  nearest(time) {
    const after = this.times.findIndex((each) => each >= time);
    if (after < 0) return this.times.length - 1;
    return after > 0 && time - this.times[after - 1] < this.times[after] - time ? after - 1 : after;
  }

  step(frames) {
    this.video.pause();
    if (this.times.length) this.showFrame((this.aim ?? this.nearest(this.shown)) + frames);
    else this.seek(this.shown + (frames + 0.5) * this.frame);
  }

  back() { this.step(-1); }

  forward() { this.step(1); }

  loop() {
    this.video.loop = !this.video.loop;
    remember("loop", this.video.loop);
    this.paint();
  }

  mute() {
    this.video.muted = !this.video.muted;
    remember("muted", this.video.muted);
  }

  speed(direction) {
    const at = SPEEDS.findIndex((speed) => speed >= this.video.playbackRate);
    const next = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, (at < 0 ? 3 : at) + direction))];
    this.video.playbackRate = next;
    remember("speed", next);
  }

  slower() { this.speed(-1); }

  faster() { this.speed(1); }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.querySelector("[data-stage]").requestFullscreen?.().catch(() => {});
  }

  zoom() {
    if (!this.root.querySelector("[data-warning]")) this.zoomer.next();
  }

  fail() {
    this.loading.hidden = true;
    this.root.querySelector("[data-broken]").hidden = false;
  }

  paint() {
    const pressed = (name, value) => {
      this.root.querySelector(`[data-player="${name}"]`)?.setAttribute("aria-pressed", String(value));
    };
    this.root.dataset.playing = String(!this.video.paused);
    const toggle = this.root.querySelector('[data-player="toggle"]');
    toggle.setAttribute("aria-label", this.video.paused ? gettext("Play") : gettext("Pause"));
    pressed("loop", this.video.loop);
    pressed("mute", this.video.muted);
    this.root.querySelector("[data-speed]").textContent = `${this.video.playbackRate}×`;
    this.slider.max = String(this.duration);
    this.paintTime();
  }

  paintTime() {
    const told = gettext("%(time)s of %(duration)s", { time: clock(this.time), duration: clock(this.duration) });
    this.slider.value = String(this.time);
    this.slider.setAttribute("aria-valuetext", told);
    this.root.querySelector("[data-clock]").textContent = `${this.time.toFixed(2)} / ${this.duration.toFixed(2)} s`;
  }

  /** Shows marks over the timeline: [{start, end, label}]. */
  paintBands(marks) {
    this.bands.replaceChildren(...marks.map(({ start, end }) => {
      const band = document.createElement("span");
      band.style.left = `${(100 * start) / this.duration}%`;
      band.style.width = `${Math.max(0.8, (100 * (end - start)) / this.duration)}%`;
      return band;
    }));
  }
}
