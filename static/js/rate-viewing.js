// How the clip was watched. The record is sent with the rating, so that a score for an unseen clip can be told from others.
// Also here: what a campaign requires of the watching, and the reminder to take a break.

import { find, findAll, listen } from "./rate-site.js";

/**
 * @typedef {{ plays: number, stalls: number, stalled_seconds: number, hidden_seconds: number, total_frames: number,
 *   dropped_frames: number }} Counts
 * @typedef {{ counts?: Counts, watched_share?: number, furthest?: number, seconds?: number, fullscreen?: boolean,
 *   speeds?: number[] }} ViewingState the part of the record that survives a reload
 */

const NEAR_END = 0.25; // seconds
const SITTING = 50 * 60; // seconds of work until a break is proposed
const BREAK = 10 * 60; // seconds without a key or a pointer that count as a break
const TICK = 15; // seconds

export class Viewing {
  /**
   * @param {import("./rate-player.js").Player} player
   * @param {AbortSignal} signal
   * @param {ViewingState} [earlier]
   */
  constructor(player, signal, earlier = {}) {
    this.player = player;
    this.video = player.video;
    this.counts = { plays: 0, stalls: 0, stalled_seconds: 0, hidden_seconds: 0, total_frames: 0, dropped_frames: 0, ...earlier.counts };
    this.framesBefore = [this.counts.total_frames, this.counts.dropped_frames];
    this.sharedBefore = earlier.watched_share || 0;
    this.furthestBefore = earlier.furthest || 0;
    this.secondsBefore = earlier.seconds || 0;
    this.wasFullscreen = earlier.fullscreen || false;
    this.rates = new Set(earlier.speeds || []);
    this.began = performance.now();
    /** @type {number | null} */
    this.hiddenSince = document.hidden ? this.began : null;
    /** @type {number | null} */
    this.stalledSince = null;
    this.last = 0;
    this.wire(signal);
  }

  /** @param {AbortSignal} signal */
  wire(signal) {
    /** @type {<K extends keyof import("./rate-site.js").Events>(target: EventTarget, event: K, handler: () => void) => void} */
    const on = (target, event, handler) => listen(target, event, handler, { signal });
    on(this.video, "playing", () => {
      this.rates.add(this.video.playbackRate);
      this.endStall();
      if (!this.counts.plays) this.counts.plays = 1;
    });
    on(this.video, "ratechange", () => { if (!this.video.paused) this.rates.add(this.video.playbackRate); });
    // A loop starts over without an event of its own: if the time falls back while playing, the clip plays once more.
    on(this.video, "timeupdate", () => {
      if (!this.video.paused && this.video.currentTime < this.last - 0.25) this.counts.plays += 1;
      this.last = this.video.currentTime;
    });
    on(this.video, "waiting", () => {
      if (!this.video.played.length || this.video.seeking || this.stalledSince) return;
      this.counts.stalls += 1;
      this.stalledSince = performance.now();
    });
    on(document, "visibilitychange", () => {
      if (document.hidden) this.hiddenSince = performance.now();
      else this.endHidden();
    });
    on(document, "fullscreenchange", () => { this.wasFullscreen ||= Boolean(document.fullscreenElement); });
  }

  endStall() {
    if (this.stalledSince) this.counts.stalled_seconds += (performance.now() - this.stalledSince) / 1000;
    this.stalledSince = null;
  }

  endHidden() {
    if (this.hiddenSince !== null) this.counts.hidden_seconds += (performance.now() - this.hiddenSince) / 1000;
    this.hiddenSince = null;
  }

  get share() {
    const { played, duration } = this.video;
    let watched = 0;
    for (let index = 0; index < played.length; index += 1) watched += played.end(index) - played.start(index);
    return Math.max(this.sharedBefore, duration ? Math.min(1, watched / duration) : 0);
  }

  get seconds() {
    return this.secondsBefore + (performance.now() - this.began) / 1000;
  }

  /** Time of the latest frame that was on screen. */
  get furthest() {
    return Math.max(this.furthestBefore, this.player.furthest);
  }

  /** Whether the last frame, or one within the last quarter of a second, was on the screen. */
  get isWatchedToEnd() {
    const { times, duration } = this.player;
    const end = Math.min(times.at(-1) ?? duration, duration - NEAR_END);
    return duration > 0 && this.furthest > 0 && this.furthest >= end - 0.001;
  }

  countFrames() {
    const quality = this.video.getVideoPlaybackQuality?.();
    if (!quality) return;
    this.counts.total_frames = this.framesBefore[0] + quality.totalVideoFrames;
    this.counts.dropped_frames = this.framesBefore[1] + quality.droppedVideoFrames;
  }

  /** Return the part that survives a reload. */
  readState() {
    this.countFrames();
    return {
      counts: this.counts,
      watched_share: this.share,
      furthest: this.furthest,
      seconds: this.seconds,
      fullscreen: this.wasFullscreen,
      speeds: [...this.rates],
    };
  }

  record() {
    this.countFrames();
    const hidden = this.hiddenSince === null ? 0 : (performance.now() - this.hiddenSince) / 1000;
    return {
      ...this.counts,
      hidden_seconds: this.counts.hidden_seconds + hidden,
      watched_share: this.share,
      longest_position: this.furthest,
      watched_to_end: this.isWatchedToEnd,
      fullscreen: this.wasFullscreen,
      speeds: [...this.rates],
      viewport: [innerWidth, innerHeight],
      clip_size: [this.video.clientWidth, this.video.clientHeight],
      dpr: devicePixelRatio,
      rendition: this.player.root.dataset.rendition,
    };
  }
}

/**
 * Show what the campaign requires of the watching, and whether it is met. The service enforces it.
 * @param {HTMLElement} root
 * @param {Viewing} viewing
 * @param {AbortSignal} signal
 */
export function showRequirements(root, viewing, signal) {
  const asks = findAll(root, "[data-ask]");
  /** @param {DOMStringMap} ask */
  const isMet = ({ ask, width, height }) => (
    ask === "watched" ? viewing.isWatchedToEnd : innerWidth >= Number(width) && innerHeight >= Number(height)
  );
  const paint = () => {
    for (const ask of asks) {
      const state = find(ask, "[data-ask-state]");
      const words = (isMet(ask.dataset) ? state.dataset.met : state.dataset.unmet) ?? "";
      if (state.textContent !== words) state.textContent = words;
    }
  };
  if (!asks.length) return;
  paint();
  listen(window, "resize", paint, { signal });
  listen(viewing.player.root, "shown", paint, { signal });
}

/**
 * Show a reminder after a long sitting. It goes when it is dismissed, or after a break.
 * @param {HTMLElement} reminder
 */
export function watchSitting(reminder) {
  let [worked, last] = [Number(sessionStorage.getItem("qsave:sitting")) || 0, Date.now()];
  const note = () => { last = Date.now(); };
  for (const event of ["keydown", "pointerdown", "pointermove"]) document.addEventListener(event, note, { passive: true });
  const begin = () => {
    worked = 0;
    reminder.hidden = true;
  };
  find(reminder, "button").addEventListener("click", begin);
  setInterval(() => {
    const idle = (Date.now() - last) / 1000;
    if (idle > BREAK) begin();
    else if (idle < 4 * TICK && !document.hidden) worked += TICK;
    sessionStorage.setItem("qsave:sitting", String(worked));
    if (worked >= SITTING) reminder.hidden = false;
  }, TICK * 1000);
}
