// One axis of the form: its score, defects (with a search over them), marks on the clip, reason, and the critic's draft.
//
// The inputs are the truth of scores, defects and words; `this.evidence` adds times and boxes and is written into a
// hidden input, so that a plain submit carries the same answer.

import { keyOf } from "./keys.js";
import { DraftBar } from "./rate-draft.js";
import { element, gettext, isolate } from "./rate-site.js";

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
    this.root.addEventListener("change", (event) => {
      if (event.target !== this.reason) this.onChange(event.target); // words were heard at every key
    }, { signal });
    this.root.addEventListener("input", (event) => {
      if (event.target === this.reason) this.touch();
    }, { signal });
    this.root.addEventListener("click", (event) => {
      const action = event.target.closest("[data-axis-action]")?.dataset.axisAction;
      if (action === "clear") this.clearDraft();
      if (action === "search") this.openSearch();
    }, { signal });
  }

  /** What a reader calls the axis. */
  get title() {
    return this.root.dataset.title;
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
      ...(this.drafted?.read() ?? { drafted: false, confirmed: false, cleared: false, confirm_ms: null }),
    };
  }

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

  setScore(level) {
    const input = this.levels[level - 1];
    if (!input) return;
    input.checked = true;
    this.say(`${this.title}: ${level}, ${input.dataset.word}`);
    this.touch({ draft: false });
  }

  toggleLetter(letter) {
    const chip = this.chips.find((input) => input.dataset.letter === letter);
    if (!chip) return false;
    this.toggleChip(chip);
    return true;
  }

  toggleChip(chip) {
    chip.checked = !chip.checked;
    this.onChange(chip);
    const defect = chip.dataset.label;
    this.say(chip.checked ? gettext("%(defect)s marked", { defect }) : gettext("%(defect)s taken off", { defect }));
  }

  toggleNone() {
    this.none.checked = !this.none.checked;
    this.onChange(this.none);
    const axis = { axis: this.title };
    this.say(this.none.checked ? gettext("%(axis)s: no defect", axis) : gettext("%(axis)s: no defect taken off", axis));
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

  // ---- a search over the defects

  openSearch() {
    if (this.search) return;
    this.search = new DefectSearch(this, () => { this.search = null; });
  }

  // ---- marks: a time range or a box for the defect that was chosen last

  label(defect) {
    return this.chips.find((chip) => chip.value === defect)?.dataset.label ?? defect;
  }

  needsTarget() {
    if (this.target) return false;
    this.say(gettext("Choose a defect first, then mark where it shows."));
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
    this.say(gettext("%(defect)s from %(start)s seconds", { defect: this.label(this.target), start: round(time) }));
    this.touch();
  }

  markOut(time) {
    if (this.needsTarget()) return;
    const piece = this.open ?? this.bare("time");
    const start = piece.time?.[0] ?? 0;
    piece.time = [Math.min(start, round(time)), Math.max(start, round(time))];
    this.open = null;
    const [from, to] = piece.time;
    this.say(gettext("%(defect)s from %(from)s to %(to)s seconds", { defect: this.label(this.target), from, to }));
    this.touch();
  }

  markBox(box) {
    if (this.needsTarget()) return;
    this.bare("box").box = box.map((value) => round(value, 4));
    this.say(gettext("Box drawn for %(defect)s", { defect: this.label(this.target) }));
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
    if (bar) this.drafted = new DraftBar(bar, (defect) => this.label(defect));
  }

  get isDraftsOwn() {
    return this.drafted?.isOwn({ reason: this.reason.value, evidence: this.evidence }) ?? false;
  }

  confirmDraft() {
    if (!this.isDraftsOwn) return;
    this.drafted.confirm.checked = !this.drafted.confirm.checked;
    this.onConfirm();
  }

  onConfirm() {
    const isConfirmed = this.drafted.confirm.checked;
    if (isConfirmed) this.drafted.clock({ again: true });
    const axis = { axis: this.title };
    this.say(isConfirmed ? gettext("%(axis)s: draft confirmed", axis) : gettext("%(axis)s: draft unconfirmed", axis));
    this.paint();
    this.changed();
  }

  clearDraft() {
    if (!this.drafted) return;
    this.drafted.cleared.value = "1";
    this.reason.value = "";
    this.none.checked = false;
    this.setPieces([]);
    this.say(gettext("%(axis)s: draft cleared", { axis: this.title }));
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
      this.drafted.clock();
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
    const state = this.drafted?.paint({ reason: this.reason.value, evidence: this.evidence });
    this.root.toggleAttribute("data-unconfirmed", state === "unconfirmed");
  }

  paintMarks() {
    const marked = this.evidence.filter((piece) => piece.time || piece.box);
    const aim = this.target ? gettext("Marks go to “%(defect)s”", { defect: isolate(this.label(this.target)) }) : "";
    this.list.replaceChildren(...marked.map((piece) => this.markItem(piece)));
    this.root.querySelector("[data-aim]").textContent = aim;
    for (const chip of this.chips) chip.parentElement.toggleAttribute("data-target", chip.value === this.target);
  }

  markItem(piece) {
    const label = this.label(piece.defect);
    const where = [piece.time && `${piece.time[0]}–${piece.time[1]} s`, piece.box && gettext("box")].filter(Boolean).join(", ");
    const jump = element("button", { type: "button", className: "mark-jump" }, element("bdi", {}, label), ` ${where}`);
    const drop = element("button", { type: "button", className: "mark-drop", ariaLabel: gettext("Remove the mark %(defect)s %(where)s", { defect: label, where }) }, "×");
    jump.addEventListener("click", () => {
      this.target = piece.defect;
      this.paintMarks();
      this.jump(piece);
    });
    drop.addEventListener("click", () => this.dropMark(piece));
    return element("li", {}, jump, drop);
  }
}

/** A box to type in over the axis, and the defects that fit: arrows choose, Enter marks or takes off, Escape closes. */
class DefectSearch {
  constructor(axis, closed) {
    this.axis = axis;
    this.closed = closed;
    this.list = element("ul", { id: `${axis.name}-found` });
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", gettext("Defects found"));
    this.input = element("input", { type: "text", dir: "auto", autocomplete: "off", placeholder: gettext("Find a defect") });
    const facts = { role: "combobox", "aria-label": gettext("%(axis)s: find a defect", { axis: axis.title }), "aria-expanded": "true", "aria-controls": this.list.id, "aria-autocomplete": "list" };
    for (const [name, value] of Object.entries(facts)) this.input.setAttribute(name, value);
    this.box = element("div", { className: "rate-search" }, this.input, this.list);
    axis.root.querySelector("[data-chips]").before(this.box);
    this.input.addEventListener("input", () => this.find());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("change", (event) => event.stopPropagation()); // it is no part of the answer
    this.input.addEventListener("blur", () => this.close());
    this.find();
    this.input.focus();
  }

  find() {
    const asked = this.input.value.trim().toLowerCase();
    const where = (chip) => chip.dataset.label.toLowerCase().indexOf(asked);
    this.found = this.axis.chips.filter((chip) => where(chip) >= 0).sort((one, other) => where(one) - where(other));
    this.at = 0;
    this.paint();
    const count = this.found.length;
    this.axis.say(count ? `${gettext("%(count)s found.", { count })} ${this.told()}` : gettext("No defect of this axis is called so."));
  }

  told() {
    const chip = this.found[this.at];
    const defect = chip.dataset.label;
    return chip.checked ? gettext("%(defect)s, marked", { defect }) : gettext("%(defect)s, not marked", { defect });
  }

  key(event) {
    const key = keyOf(event);
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    const isEnter = key === "Enter" && !event.ctrlKey && !event.metaKey;
    if (key === "Escape") this.axis.root.focus({ preventScroll: true }); // which closes it
    else if (step && !event.altKey && this.found.length) this.move(step);
    else if (isEnter && this.found.length) this.toggle(this.at);
    else if (!isEnter) return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(step) {
    this.at = (this.at + step + this.found.length) % this.found.length;
    this.paint();
    this.axis.say(this.told());
  }

  toggle(at) {
    this.at = at;
    this.axis.toggleChip(this.found[at]);
    this.input.select();
    this.paint();
  }

  paint() {
    this.list.replaceChildren(...this.found.map((chip, number) => this.option(chip, number)));
    const active = this.list.children[this.at];
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }

  option(chip, number) {
    const option = element("li", { id: `${this.list.id}-${number}` }, chip.checked ? "✓ " : "", element("bdi", {}, chip.dataset.label));
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(chip.checked));
    option.toggleAttribute("data-here", number === this.at);
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
    this.closed();
  }
}

function round(value, digits = 2) {
  return Number(value.toFixed(digits));
}
