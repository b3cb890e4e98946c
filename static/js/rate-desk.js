// One clip on the desk: the player, three axes, saving, submitting. Lives until the next clip takes its place.

import { readKey } from "./keys.js";
import { AxisForm, listBands } from "./rate-axis.js";
import { Boxes } from "./rate-picture.js";
import {
  Busy, Refused, SignedOut, Unreachable, element, find, findAll, findIfAny, getJson, gettext, isolate, listen, post, readTarget,
} from "./rate-site.js";
import { Player } from "./rate-player.js";
import { Viewing, showRequirements } from "./rate-viewing.js";
import { Steps, Work, isTyping } from "./rate-work.js";

/**
 * @typedef {import("./rate-axis.js").Answers} Answers
 * @typedef {import("./rate-site.js").Problems} Problems
 * @typedef {{ say: (words: string) => void, showSaved: (words: string) => void, swap: (html: string) => void }} Site
 * @typedef {{ axes: Record<string, { html: string, answer: import("./rate-axis.js").DraftAnswer }> }} Draft has the proposed axes
 */

const LATE_PAUSE = 10000;

export class Desk {
  /**
   * @param {HTMLElement} root
   * @param {Site} site
   */
  constructor(root, site) {
    this.root = root;
    this.site = site;
    this.isSending = false;
    this.isLost = false;
    this.againTimer = 0;
    this.lateTimer = 0;
    /** @type {(() => void) | null} sends again what could not be sent */
    this.sendAgain = null;
    this.ending = new AbortController();
    const { signal } = this.ending;
    this.form = find(root, "[data-form]", HTMLFormElement);
    this.player = new Player(find(root, "[data-player-root]"), signal, site.say);
    this.boxes = new Boxes(this.player.root, find(root, "[data-box-button]"), (box) => this.axis.markBox(box), signal);
    /** @type {import("./rate-axis.js").AxisPage} */
    const page = { changed: () => this.onChange(), jump: (piece) => this.jump(piece), say: site.say };
    this.axes = findAll(root, "[data-axis]").map((axis) => new AxisForm(axis, page, signal));
    this.axis = this.axes[0];
    this.setActive(this.axis);
    const form = this.makePage();
    this.work = new Work(root, form, signal);
    this.steps = new Steps(form.read, form.apply);
    this.viewing = new Viewing(this.player, signal, this.work.recallViewing());
    showRequirements(root, this.viewing, signal);
    for (const axis of this.axes) makeRoving(find(axis.root, "[data-chips]"), signal);
    this.wire(signal);
    this.paintBands();
    this.awaitDraft(signal);
    this.showReadings(signal);
    this.fetchAhead(signal);
  }

  /** @returns {import("./rate-work.js").Page} */
  makePage() {
    return {
      form: () => this.readForm(),
      read: () => Object.fromEntries(this.axes.map((axis) => [axis.name, axis.read()])),
      apply: (answers) => this.applyAll(answers),
      choose: (answers, others) => { // undo leads from the chosen version to the other
        for (const each of [others, answers]) {
          this.applyAll(each);
          this.steps.note({ apart: true });
        }
        this.onChange();
        this.axis.root.focus({ preventScroll: true });
      },
      viewing: () => this.viewing?.readState(), // Work may ask before there is a record
      say: this.site.say,
      showSaved: this.site.showSaved,
      showNotice: (words) => this.showNotice(words),
      lose: (message) => this.lose(message),
    };
  }

  /** @param {Answers} answers */
  applyAll(answers) {
    for (const axis of this.axes) if (answers[axis.name]) axis.apply(answers[axis.name]);
  }

  /** @param {AbortSignal} signal */
  wire(signal) {
    const options = { signal };
    listen(this.form, "submit", (event) => { event.preventDefault(); this.submit(); }, options);
    listen(this.form, "focusin", (event) => {
      const root = readTarget(event).closest("[data-axis]");
      const active = this.axes.find((axis) => axis.root === root);
      if (active) this.setActive(active);
    }, options);
    const skip = findIfAny(this.root, "[data-skip]", HTMLFormElement);
    if (skip) listen(skip, "submit", (event) => { event.preventDefault(); this.skip(skip); }, options);
    listen(findIfAny(this.root, "[data-stop]"), "submit", () => this.work.leave(), options);
    listen(findIfAny(this.root, "[data-box-button]"), "click", () => this.toggleBox(), options);
    for (const button of findAll(this.root, "[data-step]")) {
      listen(button, "click", () => this.step(button.dataset.step === "back"), options);
    }
    for (const button of findAll(this.root, "[data-mark]")) {
      listen(button, "click", () => this.mark(button.dataset.mark === "in" ? "in" : "out"), options);
    }
    listen(window, "online", () => this.sendAgain?.(), options);
    signal.addEventListener("abort", () => clearTimeout(this.againTimer));
  }

  // ---- moving about

  /** @param {AxisForm} axis */
  setActive(axis) {
    this.axis = axis;
    for (const each of this.axes) each.root.toggleAttribute("data-active", each === axis);
  }

  /** @param {1 | -1} step */
  moveAxis(step) {
    const index = this.axes.indexOf(this.axis) + step;
    const axis = this.axes[Math.min(this.axes.length - 1, Math.max(0, index))];
    this.setActive(axis);
    axis.root.focus();
    axis.root.scrollIntoView({ block: "nearest" });
  }

  /**
   * Leave what is open. Returns whether there was anything to leave.
   * @param {HTMLElement} target
   */
  escape(target) {
    const skip = target.closest(".rate-skip[open]");
    if (this.boxes.isOn) this.boxes.toggle(false);
    else if (this.player.zooming.isOn) {
      this.player.zooming.leave();
      if (target.matches("[data-stage]")) this.axis.root.focus({ preventScroll: true });
    } else if (skip instanceof HTMLDetailsElement) {
      skip.open = false;
      find(skip, "summary").focus();
    } else if (target.matches("textarea")) {
      if (!this.work.focusConflict()) this.axis.root.focus();
    } else return false;
    return true;
  }

  // ---- the player and the marks

  /** @param {import("./rate-player.js").Action} action */
  play(action) {
    this.player[action]();
    return true;
  }

  /** @param {"in" | "out"} side */
  mark(side) {
    if (side === "in") this.axis.markIn(this.player.time, this.player.duration);
    else this.axis.markOut(this.player.time);
  }

  toggleBox() {
    if (!this.boxes.isOn && !this.axis.requireTarget()) return true;
    this.player.video.pause();
    this.boxes.toggle();
    if (this.boxes.isOn) this.site.say(gettext("Drag a box on the clip, or click two corners. Escape ends it."));
    return true;
  }

  /** @param {import("./rate-axis.js").Evidence} piece */
  jump(piece) {
    if (piece.time) this.player.showAt(piece.time[0]);
    this.boxes.show(piece.box ? [piece.box] : []);
  }

  paintBands() {
    this.player.paintBands(listBands(this.axes));
  }

  // ---- saving and sending

  onChange() {
    this.work.changed();
    this.steps.note();
    this.showSteps();
    this.paintBands();
  }

  // ---- undo and redo

  /** @param {boolean} isBack */
  step(isBack) {
    const axes = this.steps.go(isBack);
    if (!axes) {
      this.site.say(isBack ? gettext("There is nothing to undo.") : gettext("There is nothing to redo."));
      return true;
    }
    const first = this.axes.find((axis) => axes.includes(axis.name));
    if (first) this.setActive(first);
    this.work.changed();
    this.showSteps();
    this.paintBands();
    const axis = { axis: first?.title ?? "" };
    this.site.say(isBack ? gettext("Undone: %(axis)s", axis) : gettext("Redone: %(axis)s", axis));
    return true;
  }

  showSteps() {
    for (const button of findAll(this.root, "[data-step]")) {
      const steps = button.dataset.step === "back" ? this.steps.past : this.steps.ahead;
      button.setAttribute("aria-disabled", String(!steps.length));
    }
  }

  readForm() {
    return new FormData(this.form);
  }

  async submit() {
    if (this.isSending || this.work.focusConflict()) return;
    this.isSending = true;
    this.setBusy(true);
    await this.work.settle();
    const data = this.readForm();
    data.set("viewing", JSON.stringify(this.viewing.record()));
    data.set("seconds", this.viewing.seconds.toFixed(1));
    await this.send(this.form.action, data, (problems) => this.showProblems(problems), () => this.submit());
    this.isSending = false;
  }

  /** @param {HTMLFormElement} form */
  async skip(form) {
    if (this.isSending) return;
    this.isSending = true;
    /** @param {Problems} problems */
    const show = ({ general }) => { find(form, "[data-skip-problem]").textContent = general.join(" "); };
    await this.send(form.action, new FormData(form), show, () => this.skip(form));
    this.isSending = false;
  }

  /**
   * Send to `url`. If the site cannot take it now, call `again` as soon as it can.
   * @param {string} url
   * @param {FormData} data
   * @param {(problems: Problems) => void} showProblems
   * @param {() => void} again
   */
  async send(url, data, showProblems, again) {
    clearTimeout(this.againTimer);
    this.sendAgain = null;
    try {
      const html = await (await post(url, data)).text();
      this.work.finish();
      this.site.swap(html);
      return;
    } catch (error) {
      this.setBusy(false);
      this.showFailure(error, showProblems, again);
    }
  }

  /**
   * @param {unknown} error
   * @param {(problems: Problems) => void} showProblems
   * @param {() => void} again
   */
  showFailure(error, showProblems, again) {
    if (error instanceof Busy) {
      this.sendAgain = again;
      this.work.keepLocally();
      this.againTimer = setTimeout(() => this.sendAgain?.(), error.seconds * 1000);
      this.showNotice(gettext("Not sent yet: the site is busy. What you typed is kept here and is sent automatically."));
    } else if (error instanceof Unreachable) {
      this.sendAgain = again;
      this.work.keepLocally();
      this.showNotice(gettext("Not sent: the site cannot be reached. What you typed is kept here and is sent as soon as the site can be reached."));
    } else if (error instanceof SignedOut) this.work.showFailure(error);
    else if (error instanceof Refused && error.data.lost) this.lose(error.message);
    else if (error instanceof Refused && error.data.problems) showProblems(error.data.problems);
    else if (error instanceof Refused) this.showNotice(`${error.message} ${gettext("What you typed is kept. Reload the page.")}`);
    else throw error;
  }

  /** @param {boolean} isBusy */
  setBusy(isBusy) {
    find(this.root, "[data-submit]").setAttribute("aria-disabled", String(isBusy));
    this.root.setAttribute("aria-busy", String(isBusy));
  }

  /** @param {Problems} problems */
  showProblems({ axes, general }) {
    for (const axis of this.axes) axis.showProblems(axes[axis.name] ?? []);
    if (general.length) this.showNotice(general.join(" "));
    const first = this.axes.find((axis) => axes[axis.name]);
    if (!first) return;
    this.setActive(first);
    first.root.focus();
    first.root.scrollIntoView({ block: "nearest" });
    const problems = axes[first.name].join(" ");
    this.site.say(gettext("Not sent. %(axis)s: %(problems)s", { axis: first.title, problems }));
  }

  /**
   * @param {string} words
   * @param {Node[]} more
   */
  showNotice(words, ...more) {
    const notice = find(this.root, "[data-notice]");
    notice.replaceChildren(element("p", {}, words), ...more);
    notice.hidden = false;
    notice.scrollIntoView({ block: "nearest" });
  }

  /**
   * Say why the clip is no longer the rater's: another has it, or it is excluded. What was typed is saved.
   * @param {string} message
   */
  lose(message) {
    if (this.isLost) return;
    this.isLost = true;
    this.work.saveAfter(0);
    this.setBusy(false);
    find(this.root, "[data-submit]").setAttribute("aria-disabled", "true");
    this.isSending = true;
    const next = element("a", { href: location.pathname, className: "rate-next" }, gettext("Continue with the next clip"));
    this.showNotice(message, next);
    if (!isTyping()) next.focus();
  }

  /**
   * Draw what the drafting critic measured, faintly, under the timeline. The desk works without it.
   * @param {AbortSignal} signal
   */
  async showReadings(signal) {
    const url = this.root.dataset.readingsUrl;
    if (!url) return;
    try {
      const measured = await getJson(url, signal);
      if (measured) this.player.drawReadings(measured.lanes);
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refused || signal.aborted)) throw error;
    }
  }

  // ---- a draft that comes late

  get lateUrl() {
    return this.root.dataset.lateUrl ?? "";
  }

  /** @param {AbortSignal} signal */
  awaitDraft(signal) {
    const url = this.lateUrl;
    if (!url) return;
    const ask = async () => {
      try {
        const draft = await getJson(url, signal);
        if (draft) return this.offerDraft(draft);
      } catch (error) {
        if (!(error instanceof Unreachable || error instanceof Refused)) return null;
      }
      this.lateTimer = setTimeout(ask, LATE_PAUSE);
      return null;
    };
    this.lateTimer = setTimeout(ask, LATE_PAUSE);
    signal.addEventListener("abort", () => clearTimeout(this.lateTimer));
  }

  /** @param {{ critic: string }} draft */
  offerDraft(draft) {
    const offer = find(this.root, "[data-late]");
    const words = gettext("%(critic)s has now drafted this clip.", { critic: isolate(draft.critic) });
    const show = element("button", { type: "button" }, gettext("Fill the axes I left empty"));
    const decline = element("button", { type: "button" }, gettext("Ignore the draft"));
    offer.replaceChildren(element("p", {}, words), show, decline);
    offer.hidden = false;
    decline.addEventListener("click", () => { offer.hidden = true; });
    show.addEventListener("click", () => {
      offer.hidden = true;
      this.takeDraft();
    });
  }

  /** Load the words of the draft: from now on the site counts them as seen by the rater. */
  async takeDraft() {
    /** @type {Draft | null} */
    let draft = null;
    try {
      const answer = await post(this.lateUrl, this.readForm());
      if (answer.status !== 204) draft = await answer.json();
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
      find(this.root, "[data-late]").hidden = false;
      this.site.say(error.message);
    }
    if (!draft) return;
    const { axes } = draft;
    const free = this.axes.filter((axis) => axis.name in axes && !axis.isTyped);
    for (const axis of free) axis.takeDraft(axes[axis.name].html, axes[axis.name].answer);
    this.steps.begin(); // undo would lead to a form without the draft
    this.site.say(free.length
      ? gettext("The draft now fills the axes of which it says something and that you had left empty.")
      : gettext("You have already written on every axis of which the draft says something, so nothing was changed."));
    this.onChange();
  }

  /**
   * Load the next clip into the browser's cache, once this one is complete.
   * @param {AbortSignal} signal
   */
  fetchAhead(signal) {
    const url = this.root.dataset.upcomingUrl;
    const fetchNext = async () => {
      if (!url) return;
      try {
        const next = await getJson(url, signal);
        if (next) await (await fetch(next.video, { signal, priority: "low" })).arrayBuffer();
      } catch {
        // A guess that failed: the clip is fetched when it comes.
      }
    };
    const { video } = this.player;
    if (video.readyState === HTMLMediaElement.HAVE_ENOUGH_DATA) fetchNext();
    else video.addEventListener("canplaythrough", fetchNext, { once: true, signal });
  }

  leave() {
    this.ending.abort();
  }
}

/**
 * Make a group of toggles one tab stop, with arrow keys inside it.
 * @param {HTMLElement} group
 * @param {AbortSignal} signal
 */
function makeRoving(group, signal) {
  const stops = findAll(group, "input", HTMLInputElement);
  /** @param {HTMLElement} chosen */
  const stopAt = (chosen) => stops.forEach((stop) => { stop.tabIndex = stop === chosen ? 0 : -1; });
  stopAt(stops[0]);
  listen(group, "focusin", (event) => stopAt(readTarget(event)), { signal });
  listen(group, "keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[readKey(event)];
    if (!step || event.altKey) return;
    event.preventDefault();
    stops.at((stops.findIndex((stop) => stop === event.target) + step) % stops.length)?.focus();
  }, { signal });
}
