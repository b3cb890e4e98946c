// The player: own controls in grey, steps of one frame, loop, speed, and a timeline that shows the marks.

import { recall, remember } from "./rate-prefs.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.5, 2];

export function clock(seconds) {
  return `${(Number.isFinite(seconds) ? seconds : 0).toFixed(2)} s`;
}

export class Player {
  constructor(root, signal) {
    this.root = root;
    this.video = root.querySelector("video");
    this.slider = root.querySelector("[data-seek]");
    this.bands = root.querySelector("[data-bands]");
    this.frame = 1 / (Number(root.dataset.fps) || 25);
    this.shown = 0; // media time of the frame on the screen
    this.signal = signal;
    this.video.controls = false; // they serve pages without scripts
    this.wire();
    this.restore();
    this.begin();
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
    on(this.video, "error", () => this.fail());
    on(this.root.querySelector("[data-unblur]"), "click", (event) => {
      event.currentTarget.closest("[data-warning]").remove();
      this.video.classList.remove("is-blurred");
      this.play();
    });
    on(document, "fullscreenchange", () => this.paint());
    this.follow();
  }

  // The frame that is shown is told by requestVideoFrameCallback; currentTime only says what was asked for.
  follow() {
    if ("requestVideoFrameCallback" in this.video) {
      const shown = (_now, facts) => {
        this.shown = facts.mediaTime;
        this.paintTime();
        if (!this.signal.aborted) this.video.requestVideoFrameCallback(shown);
      };
      this.video.requestVideoFrameCallback(shown);
      return;
    }
    this.video.addEventListener("timeupdate", () => {
      this.shown = this.video.currentTime;
      this.paintTime();
    }, { signal: this.signal });
  }

  restore() {
    this.video.loop = recall("loop", true);
    this.video.muted = recall("muted", true);
    this.video.playbackRate = recall("speed", 1);
    this.paint();
  }

  begin() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!still && !this.root.querySelector("[data-warning]")) this.play();
  }

  get duration() {
    return this.video.duration || Number(this.root.dataset.duration) || 0;
  }

  get time() {
    return Math.min(Math.max(0, this.shown), this.duration);
  }

  play() {
    this.video.play().catch(() => this.paint()); // a browser may want a key press first; the button stays there
  }

  toggle() {
    if (this.video.paused) this.play();
    else this.video.pause();
  }

  seek(time) {
    this.video.currentTime = Math.min(Math.max(0, time), this.duration);
  }

  // Aims at the middle of the neighbouring frame, so that rounding cannot land on the one beside it.
  step(frames) {
    this.video.pause();
    this.seek(this.shown + (frames + 0.5) * this.frame);
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

  fail() {
    this.root.querySelector("[data-broken]").hidden = false;
  }

  paint() {
    const pressed = (name, value) => {
      this.root.querySelector(`[data-player="${name}"]`)?.setAttribute("aria-pressed", String(value));
    };
    this.root.dataset.playing = String(!this.video.paused);
    const toggle = this.root.querySelector('[data-player="toggle"]');
    toggle.setAttribute("aria-label", this.video.paused ? "Play" : "Pause");
    pressed("loop", this.video.loop);
    pressed("mute", this.video.muted);
    this.root.querySelector("[data-speed]").textContent = `${this.video.playbackRate}×`;
    this.slider.max = String(this.duration);
    this.paintTime();
  }

  paintTime() {
    const told = `${clock(this.time)} of ${clock(this.duration)}`;
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
