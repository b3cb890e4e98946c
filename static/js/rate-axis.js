// One axis of the form: its score, defects (with a search over them), marks on the clip, reason, and the critic's draft.
//
// The inputs hold scores, defects and words. `this.evidence` adds times and boxes; a hidden input repeats it, so that a
// plain submit sends the same answer.

import { readKey } from "./keys.js";
import { DraftBar } from "./rate-draft.js";
import { element, find, findAll, findIfAny, gettext, isolate, listen, readTarget } from "./rate-site.js";

/**
 * @typedef {import("./rate-picture.js").Box} Box
 * @typedef {{ defect: string, time: [number, number] | null, box: Box | null }} Evidence a defect, and where it shows
 * @typedef {{ score?: number | null, evidence?: Evidence[], no_defect?: boolean, reason?: string }
 *   & import("./rate-draft.js").DraftUse} Answer
 * @typedef {Record<string, Answer>} Answers by axis
 * @typedef {{ reason: string, evidence: Evidence[], no_defect: boolean }} DraftAnswer
 * @typedef {{ changed: () => void, jump: (piece: Evidence) => void, say: (words: string) => void }} AxisPage
 */

export class AxisForm {
  /**
   * @param {HTMLElement} root
   * @param {AxisPage} page
   * @param {AbortSignal} signal
   */
  constructor(root, { changed, jump, say }, signal) {
    this.root = root;
    this.name = root.dataset.axis ?? "";
    this.changed = changed;
    this.jump = jump;
    this.say = say;
    this.reason = find(root, "textarea", HTMLTextAreaElement);
    this.none = find(root, '[name$="-none"]', HTMLInputElement);
    this.chips = findAll(root, '[name$="-defect"]', HTMLInputElement);
    this.store = find(root, '[name$="-evidence"]', HTMLInputElement);
    this.list = find(root, "[data-marks]");
    this.problems = find(root, "[data-problems]");
    /** @type {Evidence[]} */
    this.evidence = JSON.parse(this.store.value || "[]");
    /** @type {string | null} the defect that marks go to */
    this.target = null;
    /** @type {Evidence | null} a mark that has a start and no end yet */
    this.open = null;
    /** @type {DraftBar | null} */
    this.drafted = null;
    /** @type {DefectSearch | null} */
    this.search = null;
    this.wire(signal);
    this.adoptDraft();
    this.paint();
  }

  /** @param {AbortSignal} signal */
  wire(signal) {
    listen(this.root, "change", ({ target }) => {
      if (target instanceof HTMLInputElement) this.onChange(target); // words are noted at each key
    }, { signal });
    listen(this.root, "input", (event) => {
      if (event.target === this.reason) this.touch();
    }, { signal });
    listen(this.root, "click", (event) => {
      const button = readTarget(event).closest("[data-axis-action]");
      const action = button instanceof HTMLElement ? button.dataset.axisAction : "";
      if (action === "clear") this.clearDraft();
      if (action === "search") this.openSearch();
    }, { signal });
  }

  /** The name of the axis in the reader's language. */
  get title() {
    return this.root.dataset.title ?? "";
  }

  // ---- what the inputs say

  get levels() {
    return findAll(this.root, '[name$="-score"]', HTMLInputElement);
  }

  get score() {
    const chosen = this.levels.find((input) => input.checked);
    return chosen ? Number(chosen.value) : null;
  }

  get isTyped() {
    return Boolean(this.reason.value.trim() || this.evidence.length || this.none.checked);
  }

  /** @returns {Answer} */
  read() {
    return {
      score: this.score,
      evidence: this.evidence,
      no_defect: this.none.checked,
      reason: this.reason.value,
      ...(this.drafted?.read() ?? { drafted: false, confirmed: false, cleared: false, confirm_ms: null }),
    };
  }

  /** @param {Answer} answer */
  apply(answer) {
    for (const input of this.levels) input.checked = Number(input.value) === answer.score;
    this.evidence = structuredClone(answer.evidence || []);
    this.none.checked = Boolean(answer.no_defect);
    this.reason.value = answer.reason || "";
    this.open = null;
    this.syncChips();
    this.drafted?.apply(answer);
    this.paint();
  }

  // ---- score and defects

  /** @param {number} level */
  setScore(level) {
    const input = this.levels[level - 1];
    if (!input) return;
    input.checked = true;
    this.say(`${this.title}: ${level}, ${input.dataset.word}`);
    this.touch({ draft: false });
  }

  /** @param {string} letter */
  toggleLetter(letter) {
    const chip = this.chips.find((input) => input.dataset.letter === letter);
    if (!chip) return false;
    this.toggleChip(chip);
    return true;
  }

  /** @param {HTMLInputElement} chip */
  toggleChip(chip) {
    chip.checked = !chip.checked;
    this.onChange(chip);
    const defect = readLabel(chip);
    this.say(chip.checked ? gettext("%(defect)s marked", { defect }) : gettext("%(defect)s unmarked", { defect }));
  }

  toggleNone() {
    this.none.checked = !this.none.checked;
    this.onChange(this.none);
    const axis = { axis: this.title };
    this.say(this.none.checked ? gettext("%(axis)s: “No defect” marked", axis) : gettext("%(axis)s: “No defect” unmarked", axis));
  }

  /** @param {HTMLInputElement} input */
  onChange(input) {
    if (this.chips.includes(input)) this.setDefect(input.value, input.checked);
    else if (input === this.none && input.checked) this.setEvidence([]);
    if (input === this.drafted?.confirm) this.onConfirm();
    else this.touch({ draft: !input.name.endsWith("-score") });
  }

  /**
   * @param {string} defect
   * @param {boolean} isOn
   */
  setDefect(defect, isOn) {
    const others = this.evidence.filter((piece) => piece.defect !== defect);
    this.target = isOn ? defect : null;
    this.open = null;
    if (isOn) this.none.checked = false;
    this.setEvidence(isOn ? [...others, { defect, time: null, box: null }] : others);
  }

  /** @param {Evidence[]} evidence */
  setEvidence(evidence) {
    this.evidence = evidence;
    this.syncChips();
  }

  syncChips() {
    const named = new Set(this.evidence.map((piece) => piece.defect));
    for (const chip of this.chips) chip.checked = named.has(chip.value);
    if (this.target === null || !named.has(this.target)) this.target = [...named].at(-1) ?? null;
  }

  // ---- a search over the defects

  openSearch() {
    if (this.search) return;
    this.search = new DefectSearch(this, () => { this.search = null; });
  }

  // ---- marks: a time range or a box for the defect chosen last

  /** @param {string} defect */
  label(defect) {
    const chip = this.chips.find((each) => each.value === defect);
    return chip ? readLabel(chip) : defect;
  }

  /** Return the defect that marks go to; where none is chosen, say so and return null. */
  requireTarget() {
    if (!this.target) this.say(gettext("Choose a defect first, then mark where it shows."));
    return this.target;
  }

  /**
   * Return the evidence of a defect that has no time (or no box) yet; add one if all have.
   * @param {string} defect
   * @param {"time" | "box"} field
   */
  takeUnmarked(defect, field) {
    const free = this.evidence.findLast((piece) => piece.defect === defect && piece[field] === null);
    if (free) return free;
    /** @type {Evidence} */
    const piece = { defect, time: null, box: null };
    this.evidence.push(piece);
    return piece;
  }

  /**
   * @param {number} time
   * @param {number} duration
   */
  markIn(time, duration) {
    const defect = this.requireTarget();
    if (!defect) return;
    this.open = this.takeUnmarked(defect, "time");
    this.open.time = [round(time), round(Math.max(time, duration))];
    this.say(gettext("%(defect)s from %(start)s seconds", { defect: this.label(defect), start: round(time) }));
    this.touch();
  }

  /** @param {number} time */
  markOut(time) {
    const defect = this.requireTarget();
    if (!defect) return;
    const piece = this.open ?? this.takeUnmarked(defect, "time");
    const start = piece.time?.[0] ?? 0;
    piece.time = [Math.min(start, round(time)), Math.max(start, round(time))];
    this.open = null;
    const [from, to] = piece.time;
    this.say(gettext("%(defect)s from %(from)s to %(to)s seconds", { defect: this.label(defect), from, to }));
    this.touch();
  }

  /** @param {Box} box */
  markBox([x, y, width, height]) {
    const defect = this.requireTarget();
    if (!defect) return;
    this.takeUnmarked(defect, "box").box = [round(x, 4), round(y, 4), round(width, 4), round(height, 4)];
    this.say(gettext("Box drawn for %(defect)s", { defect: this.label(defect) }));
    this.touch();
  }

  /** @param {Evidence} piece */
  dropMark(piece) {
    const hasTwin = this.evidence.some((other) => other !== piece && other.defect === piece.defect);
    if (hasTwin) this.evidence = this.evidence.filter((other) => other !== piece);
    else Object.assign(piece, { time: null, box: null });
    this.touch();
    this.reason.focus();
  }

  // ---- the critic's draft

  /** Use the draft bar, if the page has one for this axis. */
  adoptDraft() {
    const bar = findIfAny(this.root, "[data-draft]");
    if (bar) this.drafted = new DraftBar(bar, (defect) => this.label(defect));
  }

  /** Whether the axis says what the critic wrote. */
  get isDraftUnedited() {
    return this.drafted?.isOwn({ reason: this.reason.value, evidence: this.evidence }) ?? false;
  }

  confirmDraft() {
    if (!this.drafted || !this.isDraftUnedited) return;
    this.drafted.confirm.checked = !this.drafted.confirm.checked;
    this.onConfirm();
  }

  onConfirm() {
    if (!this.drafted) return;
    const isConfirmed = this.drafted.confirm.checked;
    if (isConfirmed) this.drafted.noteTime({ again: true });
    const axis = { axis: this.title };
    this.say(isConfirmed ? gettext("%(axis)s: draft confirmed", axis) : gettext("%(axis)s: draft unconfirmed", axis));
    this.paint();
    this.changed();
  }

  clearDraft() {
    if (!this.drafted) return;
    this.drafted.cleared.value = "1";
    if (!this.drafted.isAboutDefects) this.reason.value = "";
    this.none.checked = false;
    this.setEvidence([]);
    this.say(gettext("%(axis)s: draft cleared", { axis: this.title }));
    this.touch();
    this.reason.focus();
  }

  /**
   * Put a late draft into an axis that has no answer yet.
   * @param {string} html
   * @param {DraftAnswer} answer
   */
  takeDraft(html, answer) {
    find(this.root, "[data-place]").innerHTML = html;
    this.adoptDraft();
    this.reason.value = answer.reason;
    this.none.checked = answer.no_defect;
    this.setEvidence(structuredClone(answer.evidence));
    this.touch();
  }

  // ---- the page

  touch({ draft = true } = {}) {
    if (draft && this.drafted && !this.isDraftUnedited) {
      this.drafted.confirm.checked = false;
      this.drafted.noteTime();
    }
    this.showProblems([]);
    this.paint();
    this.changed();
  }

  /** @param {string[]} problems */
  showProblems(problems) {
    this.problems.replaceChildren(...problems.map((problem) => element("li", {}, problem)));
    this.root.toggleAttribute("data-invalid", problems.length > 0);
    for (const input of [this.reason, find(this.root, "[role=radiogroup]")]) {
      if (problems.length) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }

  paint() {
    this.store.value = JSON.stringify(this.evidence);
    this.paintDraft();
    this.paintMarks();
  }

  paintDraft() {
    const state = this.drafted?.paint({ reason: this.reason.value, evidence: this.evidence });
    this.root.toggleAttribute("data-unconfirmed", state === "unconfirmed");
  }

  paintMarks() {
    const marked = this.evidence.filter((piece) => piece.time || piece.box);
    const aim = this.target ? gettext("Marks go to “%(defect)s”", { defect: isolate(this.label(this.target)) }) : "";
    this.list.replaceChildren(...marked.map((piece) => this.renderMark(piece)));
    find(this.root, "[data-aim]").textContent = aim;
    for (const chip of this.chips) chip.parentElement?.toggleAttribute("data-target", chip.value === this.target);
  }

  /** @param {Evidence} piece */
  renderMark(piece) {
    const label = this.label(piece.defect);
    const where = [piece.time && `${piece.time[0]}–${piece.time[1]} s`, piece.box && gettext("box")].filter(Boolean).join(", ");
    const jump = element("button", { type: "button", className: "mark-jump" }, element("bdi", {}, label), ` ${where}`);
    const dropLabel = gettext("Remove the mark %(defect)s %(where)s", { defect: label, where });
    const drop = element("button", { type: "button", className: "mark-drop", ariaLabel: dropLabel }, "×");
    jump.addEventListener("click", () => {
      this.target = piece.defect;
      this.paintMarks();
      this.jump(piece);
    });
    drop.addEventListener("click", () => this.dropMark(piece));
    return element("li", {}, jump, drop);
  }
}

/** A text box over the axis and the defects that fit. Arrows choose, Enter adds or removes a defect, Escape closes. */
class DefectSearch {
  /**
   * @param {AxisForm} axis
   * @param {() => void} onClosed
   */
  constructor(axis, onClosed) {
    this.axis = axis;
    this.onClosed = onClosed;
    this.isClosed = false;
    /** @type {HTMLInputElement[]} the chips that fit */
    this.matches = [];
    this.position = 0; // of the chosen match
    this.list = element("ul", { id: `${axis.name}-found` });
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", gettext("Defects found"));
    this.input = element("input", { type: "text", dir: "auto", autocomplete: "off", placeholder: gettext("Find a defect") });
    const attributes = {
      role: "combobox",
      "aria-label": gettext("%(axis)s: find a defect", { axis: axis.title }),
      "aria-expanded": "true",
      "aria-controls": this.list.id,
      "aria-autocomplete": "list",
    };
    for (const [name, value] of Object.entries(attributes)) this.input.setAttribute(name, value);
    this.box = element("div", { className: "rate-search" }, this.input, this.list);
    find(axis.root, "[data-chips]").before(this.box);
    this.input.addEventListener("input", () => this.showMatches());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("change", (event) => event.stopPropagation()); // not a part of the answer
    this.input.addEventListener("blur", () => this.close());
    this.showMatches();
    this.input.focus();
  }

  showMatches() {
    const query = this.input.value.trim().toLowerCase();
    /** @param {HTMLInputElement} chip */
    const rank = (chip) => readLabel(chip).toLowerCase().indexOf(query);
    this.matches = this.axis.chips.filter((chip) => rank(chip) >= 0).sort((one, other) => rank(one) - rank(other));
    this.position = 0;
    this.paint();
    const count = this.matches.length;
    const words = gettext("%(count)s found.", { count });
    this.axis.say(count ? `${words} ${this.describeMatch()}` : gettext("No defect of this axis has this name."));
  }

  describeMatch() {
    const chip = this.matches[this.position];
    const defect = readLabel(chip);
    return chip.checked ? gettext("%(defect)s, marked", { defect }) : gettext("%(defect)s, not marked", { defect });
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const key = readKey(event);
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    const isEnter = key === "Enter" && !event.ctrlKey && !event.metaKey;
    if (key === "Escape") this.axis.root.focus({ preventScroll: true }); // which closes it
    else if (step && !event.altKey && this.matches.length) this.move(step);
    else if (isEnter && this.matches.length) this.toggle(this.position);
    else if (!isEnter) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} step */
  move(step) {
    this.position = (this.position + step + this.matches.length) % this.matches.length;
    this.paint();
    this.axis.say(this.describeMatch());
  }

  /** @param {number} position */
  toggle(position) {
    this.position = position;
    this.axis.toggleChip(this.matches[position]);
    this.input.select();
    this.paint();
  }

  paint() {
    this.list.replaceChildren(...this.matches.map((chip, number) => this.renderOption(chip, number)));
    const active = this.list.children[this.position];
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {HTMLInputElement} chip
   * @param {number} number
   */
  renderOption(chip, number) {
    const option = element("li", { id: `${this.list.id}-${number}` }, chip.checked ? "✓ " : "", element("bdi", {}, readLabel(chip)));
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(chip.checked));
    option.toggleAttribute("data-here", number === this.position);
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the box keeps the focus
      this.toggle(number);
    });
    return option;
  }

  close() {
    if (this.isClosed) return;
    this.isClosed = true;
    this.box.remove();
    this.onClosed();
  }
}

/** @param {HTMLInputElement} chip of a defect */
function readLabel(chip) {
  return chip.dataset.label ?? "";
}

/**
 * Return the times that the marks of these axes cover.
 * @param {AxisForm[]} axes
 */
export function listBands(axes) {
  const times = axes.flatMap((axis) => axis.evidence).map((piece) => piece.time);
  return times.filter((time) => time !== null).map(([start, end]) => ({ start, end }));
}

/**
 * @param {number} value
 * @param {number} [digits]
 */
function round(value, digits = 2) {
  return Number(value.toFixed(digits));
}
