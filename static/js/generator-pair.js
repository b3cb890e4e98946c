// Two clips of one prompt side by side: one set of controls and one timeline move both.
//
// The longer clip leads. The other one stops at its last frame when it is shorter.

import { readKey } from "./keys.js";
import { formatSeconds, Player } from "./rate-player.js";
import { announce, find, findAll, findIfAny, gettext, listen, recall, remember } from "./rate-site.js";
import { areSingleKeysOn, wireSwitch } from "./single-keys.js";

const APART = 0.06; // seconds that two playing clips may be apart before one is moved
const TEXT_FIELDS = "textarea, select, input:not([type=radio], [type=checkbox], [type=range])";
const USES_SPACE = "button, summary, a, input[type=checkbox], input[type=radio]";
const ACTIONS = /** @type {const} */ (["toggle", "back", "forward", "slower", "faster", "loop"]);
/** @type {Record<string, (typeof ACTIONS)[number]>} */
const KEYS = { p: "toggle", ",": "back", ".": "forward", "-": "slower", "+": "faster", "=": "faster", L: "loop" };

class Pair {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    const live = find(root, "[data-status]");
    const signal = new AbortController().signal;
    this.players = findAll(root, "[data-player-root]").map(
      (node) => new Player(node, signal, (words) => announce(live, words), { autoplay: false }),
    );
    const [leader, follower] = [...this.players].sort((one, other) => other.duration - one.duration);
    this.leader = leader;
    this.follower = follower;
    this.slider = find(root, "[data-pair-seek]", HTMLInputElement);
    this.isLooping = recall("loop", true);
    for (const node of findAll(root, "[data-pair-controls]")) node.hidden = false;
    this.wire();
    this.paint();
  }

  wire() {
    for (const button of findAll(this.root, "[data-pair]")) {
      const action = ACTIONS.find((each) => each === button.dataset.pair);
      if (action) listen(button, "click", () => this[action](), {});
    }
    listen(this.slider, "input", () => this.seek(Number(this.slider.value)), {});
    listen(this.leader.root, "shown", () => this.follow(), {});
    for (const player of this.players) {
      const other = player === this.leader ? this.follower : this.leader;
      player.video.loop = false; // the pair begins again together
      listen(player.video, "play", () => this.playOther(other), {});
      listen(player.video, "pause", () => { if (!player.video.ended) other.video.pause(); this.paint(); }, {});
      listen(player.video, "ratechange", () => { other.video.playbackRate = player.video.playbackRate; this.paint(); }, {});
      listen(player.video, "durationchange", () => this.paint(), {});
    }
    listen(this.leader.video, "ended", () => { if (this.isLooping) this.restart(); }, {});
  }

  get duration() {
    return this.leader.duration;
  }

  /**
   * Return the seconds since a clip's first frame.
   * @param {Player} player
   */
  readTime(player) {
    return player.video.currentTime - (player.origin ?? 0);
  }

  // ---- what the controls do

  toggle() {
    const hidden = this.players.find((player) => player.warning);
    if (hidden) hidden.toggle(); // a content warning: the reader decides there
    else if (!this.leader.video.paused) this.leader.video.pause();
    else if (this.leader.video.ended) this.restart();
    else this.leader.play();
  }

  restart() {
    this.seek(0);
    this.leader.play();
  }

  /** @param {number} time */
  seek(time) {
    for (const player of this.players) player.seek(time);
  }

  /** @param {1 | -1} frames */
  step(frames) {
    this.leader.video.pause();
    this.leader.step(frames);
    this.follower.showAt(Math.max(0, this.readTime(this.leader)));
  }

  back() { this.step(-1); }

  forward() { this.step(1); }

  slower() { this.leader.slower(); }

  faster() { this.leader.faster(); }

  loop() {
    this.isLooping = !this.isLooping;
    remember("loop", this.isLooping);
    this.paint();
  }

  // ---- in step

  /** @param {Player} other */
  playOther(other) {
    const isPast = other === this.follower && this.readTime(this.leader) >= other.duration;
    if (other.video.paused && !isPast) other.play();
    this.paint();
  }

  follow() {
    const time = this.readTime(this.leader);
    const isApart = Math.abs(this.readTime(this.follower) - time) > APART;
    if (!this.leader.video.paused && !this.follower.video.seeking && isApart && time < this.follower.duration) {
      this.follower.seek(time);
      if (this.follower.video.paused) this.follower.play();
    }
    this.paint();
  }

  paint() {
    const { video, time } = this.leader;
    this.root.dataset.playing = String(!video.paused);
    find(this.root, '[data-pair="toggle"]').setAttribute("aria-label", video.paused ? gettext("Play") : gettext("Pause"));
    find(this.root, '[data-pair="loop"]').setAttribute("aria-pressed", String(this.isLooping));
    find(this.root, "[data-pair-speed]").textContent = `${video.playbackRate}×`;
    this.slider.max = String(this.duration);
    this.slider.value = String(time);
    const words = { time: formatSeconds(time), duration: formatSeconds(this.duration) };
    this.slider.setAttribute("aria-valuetext", gettext("%(time)s of %(duration)s", words));
    find(this.root, "[data-pair-clock]").textContent = `${time.toFixed(2)} / ${this.duration.toFixed(2)} s`;
  }

  // ---- keys

  /**
   * Handle a key; single keys can be turned off (WCAG 2.1.4), except on the players themselves.
   * @param {KeyboardEvent} event
   */
  press(event) {
    const key = readKey(event);
    const target = event.target instanceof Element ? event.target : document.body;
    if (!key || event.ctrlKey || event.metaKey || event.altKey || target.matches(TEXT_FIELDS)) return false;
    const isHere = this.root.contains(target);
    if (key === "ArrowLeft" || key === "ArrowRight") {
      if (isHere) this[key === "ArrowLeft" ? "back" : "forward"]();
      return isHere;
    }
    if (!isHere && !areSingleKeysOn()) return false;
    const control = findIfAny(document, `[data-key="${CSS.escape(key)}"]`);
    if (control) control.click();
    if (control) return true;
    const action = key === " " && !target.matches(USES_SPACE) ? "toggle" : KEYS[key];
    if (action) this[action]();
    return Boolean(action);
  }
}

const root = findIfAny(document, "[data-pair-root]");
if (root && findAll(root, "[data-player-root]").length === 2) { // a clip that is being prepared has no player
  const pair = new Pair(root);
  wireSwitch(find(document, "[data-single-keys]", HTMLInputElement));
  document.addEventListener("keydown", (event) => {
    if (!document.querySelector("dialog:is([open], :popover-open)") && pair.press(event)) event.preventDefault();
  });
}
