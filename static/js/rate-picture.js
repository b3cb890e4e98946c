// Looking closer at the picture, and marking a part of it.

import { readKey } from "./keys.js";
import { find, gettext, listen, readTarget } from "./rate-site.js";

/** @typedef {[x: number, y: number, width: number, height: number]} Box as fractions of the picture */

const STEPS = [1, 2, 4];
const NUDGE = 0.1; // of the stage, a key press
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** A still, twice or four times the size, moved about by dragging or by the arrow keys. */
export class Zoom {
  /**
   * @param {HTMLElement} root
   * @param {{ say: (words: string) => void, moved: () => void }} page `moved` runs after each change, so that an overlay can follow
   * @param {AbortSignal} signal
   */
  constructor(root, { say, moved }, signal) {
    this.stage = find(root, "[data-stage]");
    this.video = find(root, "video", HTMLVideoElement);
    this.button = find(root, '[data-player="zoom"]');
    this.say = say;
    this.moved = moved;
    this.scale = 1;
    this.x = 0; // how far the picture is moved, in pixels
    this.y = 0;
    /** @type {[number, number] | null} where the pointer holds the picture */
    this.grip = null;
    // The event of a play that began before the zoom paused it may come only now: then there is nothing to leave.
    listen(this.video, "play", () => { if (!this.video.paused) this.leave(); }, { signal });
    const stopClick = { signal, capture: true }; // a drag is no click
    listen(this.stage, "click", (event) => { if (this.isOn) event.stopPropagation(); }, stopClick);
    listen(this.stage, "pointerdown", (event) => this.press(event), { signal });
    listen(this.stage, "pointermove", (event) => this.drag(event), { signal });
    for (const event of /** @type {const} */ (["pointerup", "pointercancel"])) {
      listen(this.stage, event, () => { this.grip = null; }, { signal });
    }
    listen(this.stage, "keydown", (event) => this.moveByKey(event), { signal });
  }

  get isOn() {
    return this.scale > 1;
  }

  /** Change to the next size: once, twice, four times, and once again. */
  enlarge() {
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
    this.x = 0;
    this.y = 0;
    this.grip = null;
    this.show();
    this.say(gettext("Whole picture."));
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (!this.isOn || readTarget(event).closest("[data-boxes], button")) return;
    event.preventDefault();
    this.grip = [event.clientX - this.x, event.clientY - this.y];
    this.stage.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (this.grip) this.move(event.clientX - this.grip[0], event.clientY - this.grip[1]);
  }

  /** @param {KeyboardEvent} event */
  moveByKey(event) {
    const way = ARROWS[readKey(event)];
    if (!way || !this.isOn || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.move(this.x + way[0] * NUDGE * this.stage.clientWidth, this.y + way[1] * NUDGE * this.stage.clientHeight);
  }

  /**
   * Move the picture, and keep its edges outside the stage.
   * @param {number} x
   * @param {number} y
   */
  move(x, y) {
    /** @type {(value: number, size: number) => number} */
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
  /**
   * @param {HTMLElement} root
   * @param {HTMLElement} button
   * @param {(box: Box) => void} onDrawn
   * @param {AbortSignal} signal
   */
  constructor(root, button, onDrawn, signal) {
    this.button = button;
    this.video = find(root, "video", HTMLVideoElement);
    this.layer = find(root, "[data-boxes]");
    this.onDrawn = onDrawn;
    this.overlay = find(root, "[data-shown-boxes]");
    /** @type {Box[]} */
    this.boxes = [];
    /** @type {[number, number] | null} */
    this.corner = null;
    listen(this.layer, "pointerdown", (event) => this.press(event), { signal });
    listen(this.layer, "pointermove", (event) => this.move(event), { signal });
    listen(this.layer, "pointerup", (event) => this.release(event), { signal });
    listen(root, "moved", () => this.show(this.boxes), { signal });
    listen(window, "resize", () => this.show(this.boxes), { signal });
    listen(this.video, "play", () => this.show([]), { signal });
  }

  /**
   * Show boxes over the picture until the clip plays on.
   * @param {Box[]} boxes
   */
  show(boxes) {
    this.boxes = boxes;
    this.paint(boxes, this.overlay);
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

  /** Measure the picture: object-fit "contain" leaves bars beside or above it. */
  measurePicture() {
    const frame = this.video.getBoundingClientRect();
    const ratio = this.video.videoWidth / this.video.videoHeight || 16 / 9;
    const width = Math.min(frame.width, frame.height * ratio);
    const height = width / ratio;
    return { left: frame.left + (frame.width - width) / 2, top: frame.top + (frame.height - height) / 2, width, height };
  }

  /**
   * Return where the pointer is, as fractions of the picture.
   * @param {PointerEvent} event
   * @returns {[number, number]}
   */
  locate(event) {
    const picture = this.measurePicture();
    /** @param {number} value */
    const inside = (value) => Math.min(1, Math.max(0, value));
    return [
      inside((event.clientX - picture.left) / picture.width),
      inside((event.clientY - picture.top) / picture.height),
    ];
  }

  /** @param {PointerEvent} event */
  press(event) {
    event.preventDefault();
    if (this.corner) return; // the second corner of two clicks
    this.corner = this.locate(event);
    this.layer.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (this.corner) this.paint([spanBox(this.corner, this.locate(event))]);
  }

  /** @param {PointerEvent} event */
  release(event) {
    const box = this.corner && spanBox(this.corner, this.locate(event));
    if (!box || box[2] < 0.01 || box[3] < 0.01) return;
    this.toggle(false);
    this.onDrawn(box);
  }

  /**
   * @param {Box[]} boxes
   * @param {HTMLElement} [layer]
   */
  paint(boxes, layer = this.layer) {
    const picture = this.measurePicture();
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

/**
 * Return the box between two corners.
 * @param {[number, number]} start
 * @param {[number, number]} end
 * @returns {Box}
 */
function spanBox([startX, startY], [x, y]) {
  return [Math.min(x, startX), Math.min(y, startY), Math.abs(x - startX), Math.abs(y - startY)];
}
