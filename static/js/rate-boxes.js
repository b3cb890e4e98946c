// Drawing a box on the clip: by dragging, or by clicking two corners. Boxes are fractions of the picture, not of the
// element around it.

export class Boxes {
  constructor(root, button, drawn, signal) {
    this.button = button;
    this.video = root.querySelector("video");
    this.layer = root.querySelector("[data-boxes]");
    this.drawn = drawn;
    this.corner = null;
    const on = (event, handler) => this.layer.addEventListener(event, handler, { signal });
    on("pointerdown", (event) => this.press(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.release(event));
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

  /** Shows boxes on the stage; used while drawing and to show a mark. */
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
