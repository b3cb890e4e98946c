// One axis of the form: its score, defects, marks on the clip, reason, and what became of the critic's draft.
//
// The inputs are the truth of scores, defects and words; `this.evidence` adds times and boxes and is written into a
// hidden input, so that a plain submit carries the same answer.

import { element } from "./rate-dom.js";

/** Evidence as text that is the same for the same marks, whatever order a database keeps keys in. */
export function marksText(evidence) {
  return JSON.stringify(evidence.map(({ defect, time, box }) => [defect, time, box]));
}

export class AxisForm {
  constructor(root, { changed, jump, say }, signal) {
    this.root = root;
    this.name = root.dataset.axis;
    this.changed = changed;
    this.jump = jump;
    this.say = say;
    this.reason = root.querySelector("textarea");
    this.none = root.querySelector('[name$="-none"]');
    this.chips = [...root.querySelectorAll('[name$="-defect"]')];
    this.store = root.querySelector('[name$="-evidence"]');
    this.list = root.querySelector("[data-marks]");
    this.problems = root.querySelector("[data-problems]");
    this.evidence = JSON.parse(this.store.value || "[]");
    this.target = null; // the defect that marks go to
    this.open = null; // a mark that has begun and not ended
    this.drafted = null;
    this.wire(signal);
    this.adoptDraft();
    this.paint();
  }

  wire(signal) {
    this.root.addEventListener("change", (event) => this.onChange(event.target), { signal });
    this.root.addEventListener("input", (event) => {
      if (event.target === this.reason) this.touch();
    }, { signal });
    this.root.addEventListener("click", (event) => {
      const action = event.target.closest("[data-axis-action]")?.dataset.axisAction;
      if (action === "clear") this.clearDraft();
    }, { signal });
  }

  // ---- what the inputs say

  get levels() {
    return [...this.root.querySelectorAll('[name$="-score"]')];
  }

  get score() {
    const chosen = this.levels.find((input) => input.checked);
    return chosen ? Number(chosen.value) : null;
  }

  get isTyped() {
    return Boolean(this.reason.value.trim() || this.evidence.length || this.none.checked);
  }

  read() {
    return {
      score: this.score,
      evidence: this.evidence,
      no_defect: this.none.checked,
      reason: this.reason.value,
      drafted: Boolean(this.drafted),
      confirmed: this.isConfirmed,
      cleared: this.drafted?.cleared.value === "1",
      confirm_ms: this.drafted ? Number(this.drafted.ms.value) || null : null,
    };
  }

  apply(answer) {
    for (const input of this.levels) input.checked = Number(input.value) === answer.score;
    this.evidence = structuredClone(answer.evidence || []);
    this.none.checked = Boolean(answer.no_defect);
    this.reason.value = answer.reason || "";
    this.open = null;
    this.syncChips();
    if (this.drafted) {
      this.drafted.confirm.checked = Boolean(answer.confirmed);
      this.drafted.cleared.value = answer.cleared ? "1" : "";
      this.drafted.ms.value = answer.confirm_ms ?? "";
    }
    this.paint();
  }

  // ---- score and defects

  setScore(level) {
    const input = this.levels[level - 1];
    if (!input) return;
    input.checked = true;
    this.say(`${this.root.dataset.title}: ${level}, ${input.dataset.word}`);
    this.touch({ draft: false });
  }

  toggleLetter(letter) {
    const chip = this.chips.find((input) => input.dataset.letter === letter);
    if (!chip) return false;
    chip.checked = !chip.checked;
    this.onChange(chip);
    this.say(`${chip.dataset.label} ${chip.checked ? "marked" : "taken off"}`);
    return true;
  }

  toggleNone() {
    this.none.checked = !this.none.checked;
    this.onChange(this.none);
    this.say(`${this.root.dataset.title}: no defect ${this.none.checked ? "" : "taken off"}`);
  }

  onChange(input) {
    if (this.chips.includes(input)) this.setDefect(input.value, input.checked);
    else if (input === this.none && input.checked) this.setPieces([]);
    if (input === this.drafted?.confirm) this.onConfirm();
    else this.touch({ draft: !input.name.endsWith("-score") });
  }

  setDefect(defect, isOn) {
    const others = this.evidence.filter((piece) => piece.defect !== defect);
    this.target = isOn ? defect : null;
    this.open = null;
    if (isOn) this.none.checked = false;
    this.setPieces(isOn ? [...others, { defect, time: null, box: null }] : others);
  }

  setPieces(pieces) {
    this.evidence = pieces;
    this.syncChips();
  }

  syncChips() {
    const named = new Set(this.evidence.map((piece) => piece.defect));
    for (const chip of this.chips) chip.checked = named.has(chip.value);
    if (!named.has(this.target)) this.target = [...named].at(-1) ?? null;
  }

  // ---- marks: a time range or a box for the defect that was chosen last

  label(defect) {
    return this.chips.find((chip) => chip.value === defect)?.dataset.label ?? defect;
  }

  needsTarget() {
    if (this.target) return false;
    this.say("Choose a defect first, then mark where it shows.");
    return true;
  }

  bare(field) {
    const pieces = this.evidence.filter((piece) => piece.defect === this.target);
    const free = pieces.findLast((piece) => piece[field] === null);
    if (free) return free;
    const piece = { defect: this.target, time: null, box: null };
    this.evidence.push(piece);
    return piece;
  }

  markIn(time, duration) {
    if (this.needsTarget()) return;
    this.open = this.bare("time");
    this.open.time = [round(time), round(Math.max(time, duration))];
    this.say(`${this.label(this.target)} from ${round(time)} seconds`);
    this.touch();
  }

  markOut(time) {
    if (this.needsTarget()) return;
    const piece = this.open ?? this.bare("time");
    const start = piece.time?.[0] ?? 0;
    piece.time = [Math.min(start, round(time)), Math.max(start, round(time))];
    this.open = null;
    this.say(`${this.label(this.target)} from ${piece.time[0]} to ${piece.time[1]} seconds`);
    this.touch();
  }

  markBox(box) {
    if (this.needsTarget()) return;
    this.bare("box").box = box.map((value) => round(value, 4));
    this.say(`Box drawn for ${this.label(this.target)}`);
    this.touch();
  }

  dropMark(piece) {
    const hasTwin = this.evidence.some((other) => other !== piece && other.defect === piece.defect);
    if (hasTwin) this.evidence = this.evidence.filter((other) => other !== piece);
    else Object.assign(piece, { time: null, box: null });
    this.touch();
    this.reason.focus();
  }

  // ---- the critic's draft

  /** Takes up the draft bar, where the page has one for this axis. */
  adoptDraft() {
    const bar = this.root.querySelector("[data-draft]");
    if (!bar) return;
    this.drafted = {
      bar,
      confirm: bar.querySelector('[name$="-confirm"]'),
      cleared: bar.querySelector('[name$="-cleared"]'),
      ms: bar.querySelector('[name$="-confirm_ms"]'),
      state: bar.querySelector("[data-draft-state]"),
      text: JSON.parse(bar.dataset.draft),
      shownAt: performance.now(),
    };
    bar.querySelector("[data-axis-action=clear]").hidden = false;
  }

  get isDraftsOwn() {
    if (!this.drafted) return false;
    const { reason, evidence } = this.drafted.text;
    return this.reason.value.trim() === reason.trim() && marksText(this.evidence) === marksText(evidence);
  }

  get isConfirmed() {
    return Boolean(this.drafted) && (!this.isDraftsOwn || this.drafted.confirm.checked);
  }

  confirmDraft() {
    if (!this.drafted || !this.isDraftsOwn) return;
    this.drafted.confirm.checked = !this.drafted.confirm.checked;
    this.onConfirm();
  }

  onConfirm() {
    const { confirm, ms, shownAt } = this.drafted;
    if (confirm.checked) ms.value = String(Math.round(performance.now() - shownAt));
    this.say(`${this.root.dataset.title}: draft ${confirm.checked ? "confirmed" : "unconfirmed"}`);
    this.paint();
    this.changed();
  }

  clearDraft() {
    if (!this.drafted) return;
    this.drafted.cleared.value = "1";
    this.reason.value = "";
    this.none.checked = false;
    this.setPieces([]);
    this.say(`${this.root.dataset.title}: draft cleared`);
    this.touch();
    this.reason.focus();
  }

  /** Puts a draft that came late into an axis in which nothing has been said yet. */
  takeDraft(html, answer) {
    this.root.querySelector("[data-place]").innerHTML = html;
    this.adoptDraft();
    this.reason.value = answer.reason;
    this.none.checked = answer.evidence.length === 0;
    this.setPieces(structuredClone(answer.evidence));
    this.touch();
  }

  // ---- showing

  touch({ draft = true } = {}) {
    if (draft && this.drafted && !this.isDraftsOwn) {
      this.drafted.confirm.checked = false;
      this.drafted.ms.value ||= String(Math.round(performance.now() - this.drafted.shownAt));
    }
    this.showProblems([]);
    this.paint();
    this.changed();
  }

  showProblems(problems) {
    this.problems.replaceChildren(...problems.map((problem) => element("li", {}, problem)));
    this.root.toggleAttribute("data-invalid", problems.length > 0);
    for (const input of [this.reason, this.root.querySelector("[role=radiogroup]")]) {
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
    if (!this.drafted) return;
    const isOwn = this.isDraftsOwn;
    let state = "unconfirmed";
    if (!isOwn) state = this.drafted.cleared.value ? "cleared" : "edited by you";
    else if (this.drafted.confirm.checked) state = "confirmed";
    this.drafted.state.textContent = state;
    this.drafted.confirm.disabled = !isOwn;
    this.root.toggleAttribute("data-unconfirmed", state === "unconfirmed");
  }

  paintMarks() {
    const marked = this.evidence.filter((piece) => piece.time || piece.box);
    const aim = this.target ? `Marks go to “${this.label(this.target)}”` : "";
    this.list.replaceChildren(...marked.map((piece) => this.markItem(piece)));
    this.root.querySelector("[data-aim]").textContent = aim;
    for (const chip of this.chips) chip.parentElement.toggleAttribute("data-target", chip.value === this.target);
  }

  markItem(piece) {
    const label = this.label(piece.defect);
    const where = [piece.time && `${piece.time[0]}–${piece.time[1]} s`, piece.box && "box"].filter(Boolean).join(", ");
    const jump = element("button", { type: "button", className: "mark-jump" }, `${label} ${where}`);
    const drop = element("button", { type: "button", className: "mark-drop", ariaLabel: `Remove the mark ${label} ${where}` }, "×");
    jump.addEventListener("click", () => {
      this.target = piece.defect;
      this.paintMarks();
      this.jump(piece);
    });
    drop.addEventListener("click", () => this.dropMark(piece));
    return element("li", {}, jump, drop);
  }
}

function round(value, digits = 2) {
  return Number(value.toFixed(digits));
}
