// Looking closer at the picture, and marking a part of it.

import { keyOf } from "./keys.js";
import { gettext } from "./rate-site.js";

const STEPS = [1, 2, 4];
const NUDGE = 0.1; // of the stage, a key press
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** A still, twice or four times the size, moved about by dragging or by the arrow keys. */
export class Zoom {
  /** `moved()` is called after every change, so that what lies over the picture can follow it. */
  constructor(root, { say, moved }, signal) {
    this.stage = root.querySelector("[data-stage]");
    this.video = root.querySelector("video");
    this.button = root.querySelector('[data-player="zoom"]');
    this.say = say;
    this.moved = moved;
    this.scale = 1;
    this.x = this.y = 0; // how far the picture is moved, in pixels
    const on = (target, event, handler, options) => target.addEventListener(event, handler, { signal, ...options });
    // A play that was begun before the zoom paused it is told only now: then there is nothing to leave.
    on(this.video, "play", () => { if (!this.video.paused) this.leave(); });
    on(this.stage, "click", (event) => { if (this.isOn) event.stopPropagation(); }, { capture: true }); // a drag is no click
    on(this.stage, "pointerdown", (event) => this.press(event));
    on(this.stage, "pointermove", (event) => this.drag(event));
    for (const event of ["pointerup", "pointercancel"]) on(this.stage, event, () => { this.held = null; });
    on(this.stage, "keydown", (event) => this.key(event));
  }

  get isOn() {
    return this.scale > 1;
  }

  /** The next size: once, twice, four times, and once again. */
  next() {
    const scale = STEPS[(STEPS.indexOf(this.scale) + 1) % STEPS.length];
    if (scale === 1) return this.leave();
    this.video.pause();
    this.scale = scale;
    this.move(2 * this.x, 2 * this.y); // what was in the middle stays there
    this.stage.focus({ preventScroll: true });
    return this.say(gettext("Zoomed %(scale)s times. Arrow keys move the picture, Escape leaves.", { scale }));
  }

  leave() {
    if (!this.isOn) return;
    this.scale = 1;
    this.x = this.y = 0;
    this.held = null;
    this.show();
    this.say(gettext("Whole picture."));
  }

  press(event) {
    if (!this.isOn || event.target.closest("[data-boxes], button")) return;
    event.preventDefault();
    this.held = [event.clientX - this.x, event.clientY - this.y];
    this.stage.setPointerCapture(event.pointerId);
  }

  drag(event) {
    if (this.held) this.move(event.clientX - this.held[0], event.clientY - this.held[1]);
  }

  key(event) {
    const way = ARROWS[keyOf(event)];
    if (!way || !this.isOn || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.move(this.x + way[0] * NUDGE * this.stage.clientWidth, this.y + way[1] * NUDGE * this.stage.clientHeight);
  }

  // The picture's edge never comes inside the stage.
  move(x, y) {
    const within = (value, size) => {
      const most = ((this.scale - 1) * size) / 2;
      return Math.min(most, Math.max(-most, value));
    };
    this.x = within(x, this.stage.clientWidth);
    this.y = within(y, this.stage.clientHeight);
    this.show();
  }

  show() {
    this.video.style.transform = this.isOn ? `translate(${this.x}px, ${this.y}px) scale(${this.scale})` : "";
    this.stage.toggleAttribute("data-zoomed", this.isOn);
    this.button.setAttribute("aria-pressed", String(this.isOn));
    this.button.textContent = this.isOn ? gettext("Zoom %(scale)s×", { scale: this.scale }) : gettext("Zoom");
    this.moved();
  }
}

/** Drawing a box by dragging, or by clicking two corners. Boxes are fractions of the picture, not of the element. */
export class Boxes {
  constructor(root, button, drawn, signal) {
    this.button = button;
    this.video = root.querySelector("video");
    this.layer = root.querySelector("[data-boxes]");
    this.drawn = drawn;
    this.shownLayer = root.querySelector("[data-shown-boxes]");
    this.shown = [];
    this.corner = null;
    const on = (target, event, handler) => target.addEventListener(event, handler, { signal });
    on(this.layer, "pointerdown", (event) => this.press(event));
    on(this.layer, "pointermove", (event) => this.move(event));
    on(this.layer, "pointerup", (event) => this.release(event));
    on(root, "moved", () => this.show(this.shown));
    on(window, "resize", () => this.show(this.shown));
    on(this.video, "play", () => this.show([]));
  }

  /** Shows boxes over the picture until the clip plays on. */
  show(boxes) {
    this.shown = boxes;
    this.paint(boxes, this.shownLayer);
  }

  get isOn() {
    return !this.layer.hidden;
  }

  toggle(isOn = !this.isOn) {
    this.layer.hidden = !isOn;
    this.corner = null;
    this.layer.replaceChildren();
    this.button.setAttribute("aria-pressed", String(isOn));
  }

  // object-fit: contain leaves bars beside or above the picture.
  picture() {
    const frame = this.video.getBoundingClientRect();
    const ratio = this.video.videoWidth / this.video.videoHeight || 16 / 9;
    const width = Math.min(frame.width, frame.height * ratio);
    const height = width / ratio;
    return { left: frame.left + (frame.width - width) / 2, top: frame.top + (frame.height - height) / 2, width, height };
  }

  at(event) {
    const picture = this.picture();
    const inside = (value) => Math.min(1, Math.max(0, value));
    return [
      inside((event.clientX - picture.left) / picture.width),
      inside((event.clientY - picture.top) / picture.height),
    ];
  }

  press(event) {
    event.preventDefault();
    if (this.corner) return; // the second corner of two clicks
    this.corner = this.at(event);
    this.layer.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (this.corner) this.paint([this.between(this.at(event))]);
  }

  release(event) {
    const box = this.corner && this.between(this.at(event));
    if (!box || box[2] < 0.01 || box[3] < 0.01) return;
    this.toggle(false);
    this.drawn(box);
  }

  between([x, y]) {
    const [startX, startY] = this.corner;
    return [Math.min(x, startX), Math.min(y, startY), Math.abs(x - startX), Math.abs(y - startY)];
  }

  paint(boxes, layer = this.layer) {
    const picture = this.picture();
    const ground = layer.getBoundingClientRect();
    layer.replaceChildren(...boxes.map(([x, y, width, height]) => {
      const box = document.createElement("span");
      Object.assign(box.style, {
        left: `${picture.left - ground.left + x * picture.width}px`,
        top: `${picture.top - ground.top + y * picture.height}px`,
        width: `${width * picture.width}px`,
        height: `${height * picture.height}px`,
      });
      return box;
    }));
  }
}
