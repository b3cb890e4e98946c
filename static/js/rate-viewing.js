// How the clip was watched: sent with the rating, so that a score given unseen can be told from one given on sight.

export class Viewing {
  constructor(root, signal, earlier = {}) {
    this.root = root;
    this.video = root.querySelector("video");
    this.counts = { plays: 0, stalls: 0, stalled_seconds: 0, hidden_seconds: 0, ...earlier.counts };
    this.sharedBefore = earlier.watched_share || 0;
    this.secondsBefore = earlier.seconds || 0;
    this.wasFullscreen = earlier.fullscreen || false;
    this.rates = new Set(earlier.speeds || []);
    this.began = performance.now();
    this.hiddenSince = document.hidden ? this.began : null;
    this.last = 0;
    this.wire(signal);
  }

  wire(signal) {
    const on = (target, event, handler) => target.addEventListener(event, handler, { signal });
    on(this.video, "playing", () => {
      this.rates.add(this.video.playbackRate);
      this.endStall();
      if (!this.counts.plays) this.counts.plays = 1;
    });
    // A loop starts over without an event of its own: time that falls back while playing is another play.
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

  /** The part that survives a reload. */
  kept() {
    return {
      counts: this.counts,
      watched_share: this.share,
      seconds: this.seconds,
      fullscreen: this.wasFullscreen,
      speeds: [...this.rates],
    };
  }

  record() {
    const hidden = this.hiddenSince === null ? 0 : (performance.now() - this.hiddenSince) / 1000;
    const quality = this.video.getVideoPlaybackQuality?.();
    return {
      ...this.counts,
      hidden_seconds: this.counts.hidden_seconds + hidden,
      watched_share: this.share,
      dropped_frames: quality?.droppedVideoFrames ?? null,
      fullscreen: this.wasFullscreen,
      speeds: [...this.rates],
      viewport: [innerWidth, innerHeight],
      clip_size: [this.video.clientWidth, this.video.clientHeight],
      dpr: devicePixelRatio,
      rendition: this.root.dataset.rendition,
    };
  }
}
