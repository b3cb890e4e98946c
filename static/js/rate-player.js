// The player: its own controls in grey, steps of one frame, loop, speed, and a timeline that shows the marks.
//
// Times are seconds from the clip's first shown frame. On the browser's clock a file may begin later than 0: at `origin`,
// which the first shown frame tells.

import { element, find, findAll, findIfAny, gettext, listen, recall, remember } from "./rate-site.js";
import { Zoom } from "./rate-picture.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.5, 2];
const FIRST_FRAME_PAUSE = 2000;

/** @typedef {(typeof ACTIONS)[number]} Action of a button or a key */
const ACTIONS = /** @type {const} */ (["toggle", "back", "forward", "slower", "faster", "loop", "mute", "fullscreen", "zoom"]);

/** @param {number} seconds */
export function formatSeconds(seconds) {
  return `${(Number.isFinite(seconds) ? seconds : 0).toFixed(2)} s`;
}

/**
 * Return the times of the frames, from the gaps between them: the page has these in tenths of a millisecond.
 * @param {string | undefined} gaps
 */
function readFrameTimes(gaps) {
  let time = 0;
  return gaps ? gaps.split(" ").map((gap) => (time += Number(gap)) / 10000) : [];
}

export class Player {
  /**
   * @param {HTMLElement} root
   * @param {AbortSignal} signal
   * @param {(words: string) => void} say to screen readers
   * @param {{ autoplay?: boolean }} [options]
   */
  constructor(root, signal, say, { autoplay = true } = {}) {
    this.root = root;
    this.video = find(root, "video", HTMLVideoElement);
    this.slider = find(root, "[data-seek]", HTMLInputElement);
    this.bands = find(root, "[data-bands]");
    this.loading = find(root, "[data-loading]");
    this.stage = find(root, "[data-stage]");
    this.times = readFrameTimes(root.dataset.gaps);
    this.frame = 1 / (Number(root.dataset.fps) || 25); // for clips whose times are not known
    /** @type {number | null} */
    this.origin = null;
    this.position = 0; // time of the frame on screen
    this.furthest = 0; // latest time of a frame that was on screen
    /** @type {number | null} the time that was sought last while the clip was paused: its frame may not be on screen yet */
    this.aim = null;
    /** @type {number | null} a time that was sought before the first frame told where the clip begins */
    this.early = null;
    this.isToPlay = autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches && !this.warning;
    this.hasBegun = false;
    this.signal = signal;
    this.zooming = new Zoom(root, { say, moved: () => root.dispatchEvent(new Event("moved")) }, signal);
    this.video.controls = false; // they serve pages without scripts
    this.wire();
    this.restore();
  }

  get warning() {
    return findIfAny(this.root, "[data-warning]");
  }

  wire() {
    /** @type {<K extends keyof import("./rate-site.js").Events>(target: EventTarget | null, event: K, handler: () => void) => void} */
    const on = (target, event, handler) => listen(target, event, handler, { signal: this.signal });
    for (const button of findAll(this.root, "[data-player]")) {
      const action = ACTIONS.find((each) => each === button.dataset.player);
      if (action) on(button, "click", () => this[action]());
    }
    on(this.video, "click", () => this.toggle());
    on(this.slider, "input", () => this.seek(Number(this.slider.value)));
    const repainting = /** @type {const} */ (["play", "pause", "ratechange", "volumechange", "durationchange", "seeked", "loadeddata"]);
    for (const event of repainting) {
      on(this.video, event, () => this.paint());
    }
    on(this.video, "loadeddata", () => this.loaded());
    if (this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.loaded();
    else this.loading.hidden = false;
    on(this.video, "playing", () => { if (!this.video.paused) this.aim = null; });
    on(this.video, "error", () => this.fail());
    on(findIfAny(this.root, "[data-unblur]"), "click", () => {
      this.warning?.remove();
      this.video.classList.remove("is-blurred");
      this.stage.focus({ preventScroll: true }); // the button is gone
      this.play();
    });
    on(document, "fullscreenchange", () => this.paint());
    this.follow();
  }

  loaded() {
    this.loading.hidden = true;
    if (!this.isToPlay) this.video.currentTime = 0; // the first frame may be on screen already: show it again, so that it is seen
    setTimeout(() => this.begin(), FIRST_FRAME_PAUSE); // a page out of sight shows no frame
  }

  // requestVideoFrameCallback tells which frame is shown; currentTime only tells which was asked for.
  follow() {
    if ("requestVideoFrameCallback" in HTMLVideoElement.prototype) {
      /** @type {VideoFrameRequestCallback} */
      const onShown = (_now, facts) => {
        this.onFrame(facts.mediaTime);
        if (!this.signal.aborted) this.video.requestVideoFrameCallback(onShown);
      };
      this.video.requestVideoFrameCallback(onShown);
      return;
    }
    for (const event of /** @type {const} */ (["loadeddata", "timeupdate"])) {
      listen(this.video, event, () => this.onFrame(this.video.currentTime), { signal: this.signal });
    }
  }

  /** @param {number} mediaTime */
  onFrame(mediaTime) {
    this.origin = Math.min(this.origin ?? this.guessOrigin(mediaTime), mediaTime);
    this.position = mediaTime - this.origin;
    this.settle();
    if (this.early !== null) this.seek(this.early);
    if (!this.warning) this.furthest = Math.max(this.furthest, this.position);
    this.root.dispatchEvent(new Event("shown"));
    this.paintTime();
    this.begin();
  }

  // Without a table of times, only the frame that was sought tells its own time: the next step starts there.
  settle() {
    if (!this.times.length && this.aim !== null && Math.abs(this.position - this.aim) < this.frame) this.aim = null;
  }

  /**
   * Guess where the clip begins, if it ran before its first frame was seen: at 0 if that fits. Its next round tells.
   * @param {number} mediaTime
   */
  guessOrigin(mediaTime) {
    const fits = this.times.some((time) => Math.abs(time - mediaTime) < 0.0005);
    return this.hasBegun && fits ? 0 : mediaTime;
  }

  restore() {
    this.video.loop = recall("loop", true);
    this.video.muted = recall("muted", true);
    this.video.playbackRate = recall("speed", 1);
    this.paint();
  }

  // Wait for the first frame: it tells where the clip begins.
  begin() {
    if (this.hasBegun) return;
    this.hasBegun = true;
    if (this.isToPlay) this.play();
  }

  get duration() {
    return Number(this.root.dataset.duration) || this.video.duration || 0;
  }

  get time() {
    return Math.min(Math.max(0, this.position), this.duration);
  }

  play() {
    this.isToPlay = true;
    if (!this.hasBegun) return;
    this.video.play().catch(() => this.paint()); // a browser may want a key press first; the button stays there
  }

  toggle() {
    const unblur = findIfAny(this.root, "[data-unblur]");
    if (unblur) unblur.focus(); // a content warning: the rater decides there
    else if (!this.hasBegun) this.isToPlay = !this.isToPlay;
    else if (this.video.paused) this.play();
    else this.video.pause();
  }

  /** @param {number} time */
  seek(time) {
    const target = Math.min(Math.max(0, time), this.duration);
    this.early = this.origin === null ? target : null;
    if (this.origin === null) return;
    this.aim = this.video.paused ? target : null;
    this.video.currentTime = this.origin + target;
  }

  /**
   * Pause on the frame that begins at `time`, which may have been rounded.
   * @param {number} time
   */
  showAt(time) {
    this.video.pause();
    if (this.times.length) this.showFrame(this.findNearest(time));
    else this.seek(time);
  }

  /**
   * Aim between the frame's own time and the next one's, so that rounding cannot reach the frame beside it.
   * @param {number} number
   */
  showFrame(number) {
    const [time, next = Math.max(time, this.duration)] = this.times.slice(Math.min(this.times.length - 1, Math.max(0, number)));
    this.seek((time + next) / 2);
  }

  /** @param {number} time */
  findNearest(time) {
    const after = this.times.findIndex((each) => each >= time);
    if (after < 0) return this.times.length - 1;
    return after > 0 && time - this.times[after - 1] < this.times[after] - time ? after - 1 : after;
  }

  /** @param {number} frames */
  step(frames) {
    this.video.pause();
    if (this.times.length) this.showFrame(this.findCurrent() + frames);
    else this.seek((this.sought ?? this.position + this.frame / 2) + frames * this.frame);
  }

  // The time that was sought, until its frame is on screen.
  get sought() {
    return this.early ?? this.aim;
  }

  findCurrent() {
    const { sought } = this;
    return sought === null ? this.findNearest(this.position) : Math.max(0, this.times.findLastIndex((each) => each <= sought));
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

  /** @param {1 | -1} direction */
  changeSpeed(direction) {
    const index = SPEEDS.findIndex((speed) => speed >= this.video.playbackRate);
    const next = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, (index < 0 ? 3 : index) + direction))];
    this.video.playbackRate = next;
    remember("speed", next);
  }

  slower() { this.changeSpeed(-1); }

  faster() { this.changeSpeed(1); }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.stage.requestFullscreen?.().catch(() => {});
  }

  zoom() {
    if (!this.warning) this.zooming.enlarge();
  }

  fail() {
    this.loading.hidden = true;
    find(this.root, "[data-broken]").hidden = false;
  }

  paint() {
    /** @type {(name: Action, value: boolean) => void} */
    const setPressed = (name, value) => {
      findIfAny(this.root, `[data-player="${name}"]`)?.setAttribute("aria-pressed", String(value));
    };
    this.root.dataset.playing = String(!this.video.paused);
    const toggle = find(this.root, '[data-player="toggle"]');
    toggle.setAttribute("aria-label", this.video.paused ? gettext("Play") : gettext("Pause"));
    setPressed("loop", this.video.loop);
    setPressed("mute", this.video.muted);
    find(this.root, "[data-speed]").textContent = `${this.video.playbackRate}×`;
    this.slider.max = String(this.duration);
    this.paintTime();
  }

  paintTime() {
    const words = gettext("%(time)s of %(duration)s", { time: formatSeconds(this.time), duration: formatSeconds(this.duration) });
    this.slider.value = String(this.time);
    this.slider.setAttribute("aria-valuetext", words);
    find(this.root, "[data-clock]").textContent = `${this.time.toFixed(2)} / ${this.duration.toFixed(2)} s`;
  }

  /**
   * Draw lines under the timeline, one below the other. Points are in percent of the clip, and from 0 to 20.
   * @param {{ name: string, points: string, summary: string }[]} lanes
   */
  drawReadings(lanes) {
    const picture = element("div", { className: "rate-readings", role: "img", ariaLabel: lanes.map((lane) => lane.summary).join(" ") });
    for (const { name, points, summary } of lanes) {
      const row = element("div", { title: summary }, element("span", {}, name));
      row.insertAdjacentHTML("beforeend", '<svg viewBox="0 -1 100 22" preserveAspectRatio="none"><polyline /></svg>');
      row.querySelector("polyline")?.setAttribute("points", points);
      picture.append(row);
    }
    findIfAny(this.root, ".rate-timeline")?.append(picture);
  }

  /**
   * Show times over the timeline.
   * @param {{ start: number, end: number }[]} times
   */
  paintBands(times) {
    this.bands.replaceChildren(...times.map(({ start, end }) => {
      const band = document.createElement("span");
      band.style.left = `${(100 * start) / this.duration}%`;
      band.style.width = `${Math.max(0.8, (100 * (end - start)) / this.duration)}%`;
      return band;
    }));
  }
}
