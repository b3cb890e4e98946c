// The page of one clip: boxes over the picture, and marks on the timeline that lead to their moment.
//
// The table of defects holds each piece of evidence; marks and boxes refer to its rows by their id.

import { readKey } from "./keys.js";
import { Player } from "./rate-player.js";
import { announce, find, findAll, findIfAny, gettext, isolate, listen, readTarget } from "./rate-site.js";
import { areSingleKeysOn, wireSwitch } from "./single-keys.js";

/** @typedef {import("./rate-picture.js").Box} Box */
/**
 * A piece of evidence: `start` and `end` are null where it has no time, and `box` where it has no place.
 * @typedef {{ row: HTMLElement, start: number | null, end: number, box: Box | null, group: SVGElement | null }} Piece
 */

const SVG = "http://www.w3.org/2000/svg";
const LABEL_SIZE = 14; // CSS pixels
/** @type {Record<string, import("./rate-player.js").Action>} */
const PLAYER_KEYS = {
  p: "toggle", ",": "back", ".": "forward", "-": "slower", "+": "faster", "=": "faster", L: "loop", M: "mute", F: "fullscreen", Z: "zoom",
};
const TEXT_FIELDS = "textarea, select, input:not([type=radio], [type=checkbox], [type=range])";
const USES_SPACE = "button, summary, input[type=checkbox], input[type=radio]";

/**
 * @param {HTMLElement} row
 * @returns {Piece}
 */
function readPiece(row) {
  const { start, end, box } = row.dataset;
  return {
    row,
    start: start === undefined ? null : Number(start),
    end: Number(end),
    box: box ? /** @type {Box} */ (box.split(" ").map(Number)) : null,
    group: null,
  };
}

class ClipView {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.live = find(root, "[data-status]");
    this.overlay = find(root, "[data-overlay]", SVGSVGElement);
    this.playhead = findIfAny(root, "[data-playhead]");
    this.playerRoot = find(root, "[data-player-root]");
    /** @param {string} words */
    const say = (words) => announce(this.live, words);
    this.player = new Player(this.playerRoot, new AbortController().signal, say, { autoplay: false }); // marks come first
    this.video = this.player.video;
    this.pieces = new Map(findAll(document, "[data-piece]").map((row) => [row.id, readPiece(row)]));
    /** @type {Piece | null} the piece that was chosen last */
    this.chosen = null;
    for (const node of findAll(root, "[data-needs-script]")) node.hidden = false;
    this.wire();
    this.drawBoxes();
  }

  wire() {
    listen(document, "click", (event) => this.click(event), {});
    listen(document, "change", (event) => this.toggle(readTarget(event)), {});
    listen(this.playerRoot, "shown", () => this.follow(), {});
    listen(this.playerRoot, "moved", () => { this.overlay.style.transform = this.video.style.transform; }, {});
    this.video.addEventListener("loadedmetadata", () => this.drawBoxes());
    new ResizeObserver(() => this.sizeLabels()).observe(this.overlay);
  }

  // ---- marks lead to their moment

  /** @param {MouseEvent} event */
  click(event) {
    if (!(event.target instanceof Element) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("[data-show]");
    const track = event.target.closest("[data-track]");
    if (link) {
      event.preventDefault();
      this.show(link.getAttribute("data-show") ?? "");
    } else if (track) this.seekOn(track, event.clientX);
  }

  /** @param {string} key of a piece */
  show(key) {
    const piece = this.pieces.get(key);
    if (!piece) return;
    this.chosen = piece;
    if (piece.start !== null) this.player.showAt(piece.start);
    for (const node of document.querySelectorAll("[data-chosen]")) node.removeAttribute("data-chosen");
    for (const node of [piece.row, piece.group, ...this.root.querySelectorAll(`.clip-mark[data-show="${key}"]`)]) {
      node?.setAttribute("data-chosen", "");
    }
    this.bringIntoView();
    this.follow();
    const defect = isolate(find(piece.row, "[data-defect]").textContent);
    announce(this.live, piece.start === null
      ? gettext("%(defect)s, whole clip.", { defect })
      : gettext("%(defect)s at %(seconds)s seconds.", { defect, seconds: piece.start.toFixed(2) }));
  }

  // A mark in the table may be far below the picture.
  bringIntoView() {
    const { top, bottom } = this.video.getBoundingClientRect();
    if (top < 0 || bottom > window.innerHeight) this.video.scrollIntoView({ block: "center" });
  }

  /**
   * @param {Element} track
   * @param {number} x
   */
  seekOn(track, x) {
    const scale = track.querySelector("svg");
    if (!scale) return;
    const { left, width } = scale.getBoundingClientRect();
    this.player.video.pause();
    this.player.seek(((x - left) / width) * this.player.duration);
  }

  // ---- boxes over the picture

  drawBoxes() {
    const width = this.video.videoWidth || this.video.width;
    const height = this.video.videoHeight || this.video.height;
    this.overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.overlay.replaceChildren();
    for (const piece of this.pieces.values()) {
      piece.group = piece.box && drawBox(piece.box, piece.row, width, height);
      if (piece.group) this.overlay.append(piece.group);
    }
    this.sizeLabels();
    this.follow();
  }

  // The picture is scaled to its place; labels keep their size on the screen.
  sizeLabels() {
    const scale = this.overlay.getScreenCTM()?.a;
    if (scale) this.overlay.style.fontSize = `${LABEL_SIZE / scale}px`;
  }

  /** Show the playhead, and the boxes of the frame on the screen. */
  follow() {
    const { time, duration, frame } = this.player;
    if (this.playhead) {
      this.playhead.hidden = !duration;
      this.playhead.style.left = `${(100 * time) / (duration || 1)}%`;
    }
    for (const piece of this.pieces.values()) {
      const isNow = piece.start === null || (piece.start - frame / 2 <= time && time <= piece.end + frame / 2);
      piece.group?.toggleAttribute("hidden", !isNow || this.isOff(piece.row));
    }
  }

  // ---- one rater or one axis alone

  /** @param {HTMLElement} box */
  toggle(box) {
    const { toggleAxis, toggleOpinion } = box.dataset;
    if (!(box instanceof HTMLInputElement) || !(toggleAxis || toggleOpinion)) return;
    if (toggleOpinion) find(this.root, `[data-lane="${toggleOpinion}"]`).toggleAttribute("data-off", !box.checked);
    else for (const mark of this.root.querySelectorAll(`.clip-mark[data-axis="${toggleAxis}"]`)) mark.toggleAttribute("data-off", !box.checked);
    this.follow();
  }

  /** @param {HTMLElement} row */
  isOff(row) {
    const { axis, opinion } = row.dataset;
    return [`[data-toggle-axis="${axis}"]`, `[data-toggle-opinion="${opinion}"]`].some(
      (selector) => findIfAny(this.root, selector, HTMLInputElement)?.checked === false,
    );
  }

  // ---- keys

  /**
   * Handle a key; single keys can be turned off (WCAG 2.1.4), except on the player and the timeline themselves.
   * @param {KeyboardEvent} event
   */
  press(event) {
    const key = readKey(event);
    const target = event.target instanceof Element ? event.target : document.body;
    if (!key || event.ctrlKey || event.metaKey || event.altKey || target.matches(TEXT_FIELDS)) return false;
    const isHere = this.root.contains(target);
    if (key === "ArrowLeft" || key === "ArrowRight") {
      if (!isHere || this.player.zooming.isOn) return false;
      this.player[key === "ArrowLeft" ? "back" : "forward"]();
      return true;
    }
    const control = findIfAny(document, `[data-key="${CSS.escape(key)}"]`);
    if (control && areSingleKeysOn()) control.click();
    if (control) return true;
    if (!isHere && !areSingleKeysOn()) return false;
    const action = key === " " && !target.matches(USES_SPACE) ? "toggle" : PLAYER_KEYS[key];
    if (action) this.player[action]();
    return Boolean(action);
  }
}

/**
 * Draw a box with its label, hidden.
 * @param {Box} box
 * @param {HTMLElement} row
 * @param {number} width of the picture
 * @param {number} height
 */
function drawBox([x, y, boxWidth, boxHeight], row, width, height) {
  const group = document.createElementNS(SVG, "g");
  group.setAttribute("class", row.dataset.axis ?? "");
  group.setAttribute("data-of", row.id);
  group.toggleAttribute("hidden", true);
  for (const name of ["clip-box-rim", "clip-box"]) {
    const rect = document.createElementNS(SVG, "rect");
    const values = { class: name, x: x * width, y: y * height, width: boxWidth * width, height: boxHeight * height };
    for (const [attribute, value] of Object.entries(values)) rect.setAttribute(attribute, String(value));
    group.append(rect);
  }
  const label = document.createElementNS(SVG, "text");
  const isRight = x + boxWidth / 2 > 0.5; // a label that began on the right would leave the picture
  label.setAttribute("x", String((isRight ? x + boxWidth : x) * width));
  label.setAttribute("y", String(y * height));
  label.setAttribute("dx", isRight ? "-0.3em" : "0.3em");
  label.setAttribute("text-anchor", isRight ? "end" : "start");
  label.setAttribute("dy", "1.15em");
  label.textContent = `${row.dataset.label} ${find(row, "[data-defect]").textContent}`;
  group.append(label);
  return group;
}

const view = new ClipView(find(document, "[data-clip]"));
wireSwitch(find(document, "[data-single-keys]", HTMLInputElement));
document.addEventListener("keydown", (event) => {
  if (!document.querySelector("dialog:is([open], :popover-open)") && view.press(event)) event.preventDefault();
});
