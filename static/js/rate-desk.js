// One clip on the desk: the player, three axes, saving, submitting. Lives until the next clip takes its place.

import { keyOf } from "./keys.js";
import { AxisForm } from "./rate-axis.js";
import { Boxes } from "./rate-picture.js";
import { Busy, Refused, SignedOut, Unreachable, element, getJson, gettext, isolate, post } from "./rate-site.js";
import { Player } from "./rate-player.js";
import { Viewing, showAsks } from "./rate-viewing.js";
import { Steps, Work, isTyping } from "./rate-work.js";

const LATE_PAUSE = 10000;

export class Desk {
  /** `site` gives say(words), showSaved(words) and swap(html). */
  constructor(root, site) {
    this.root = root;
    this.site = site;
    this.over = new AbortController();
    const { signal } = this.over;
    this.form = root.querySelector("[data-form]");
    this.player = new Player(root.querySelector("[data-player-root]"), signal, site.say);
    this.boxes = new Boxes(this.player.root, root.querySelector("[data-box-button]"), (box) => this.axis.markBox(box), signal);
    const page = { changed: () => this.changed(), jump: (piece) => this.jump(piece), say: site.say };
    this.axes = [...root.querySelectorAll("[data-axis]")].map((axis) => new AxisForm(axis, page, signal));
    this.setActive(this.axes[0]);
    const form = this.pageForWork();
    this.work = new Work(root, form, signal);
    this.steps = new Steps(form.read, form.apply);
    this.viewing = new Viewing(this.player, signal, this.work.earlier());
    showAsks(root, this.viewing, signal);
    for (const axis of this.axes) rove(axis.root.querySelector("[data-chips]"), signal);
    this.wire(signal);
    this.paintBands();
    this.awaitDraft(signal);
    this.fetchAhead(signal);
  }

  pageForWork() {
    return {
      form: () => this.data(),
      read: () => Object.fromEntries(this.axes.map((axis) => [axis.name, axis.read()])),
      apply: (answers) => this.applyAll(answers),
      chosen: (answers, others) => { // one step back from what was chosen lies what was not
        for (const each of [others, answers]) {
          this.applyAll(each);
          this.steps.note({ apart: true });
        }
        this.changed();
        this.axis.root.focus({ preventScroll: true });
      },
      viewing: () => this.viewing?.kept(),
      say: this.site.say,
      showSaved: this.site.showSaved,
      showNotice: (words) => this.notice(words),
      lost: (message) => this.lose(message),
    };
  }

  applyAll(answers) {
    for (const axis of this.axes) if (answers[axis.name]) axis.apply(answers[axis.name]);
  }

  wire(signal) {
    const on = (target, event, handler) => target?.addEventListener(event, handler, { signal });
    on(this.form, "submit", (event) => { event.preventDefault(); this.submit(); });
    on(this.form, "focusin", (event) => {
      const root = event.target.closest("[data-axis]");
      if (root) this.setActive(this.axes.find((axis) => axis.root === root));
    });
    on(this.root.querySelector("[data-skip]"), "submit", (event) => { event.preventDefault(); this.skip(event.target); });
    on(this.root.querySelector("[data-stop]"), "submit", () => this.work.leave());
    on(this.root.querySelector("[data-box-button]"), "click", () => this.box());
    for (const button of this.root.querySelectorAll("[data-step]")) {
      on(button, "click", () => this.step(button.dataset.step === "back"));
    }
    for (const button of this.root.querySelectorAll("[data-mark]")) {
      on(button, "click", () => this.mark(button.dataset.mark));
    }
    on(window, "online", () => this.unsent?.());
    signal.addEventListener("abort", () => clearTimeout(this.againTimer));
  }

  // ---- moving about

  setActive(axis) {
    this.axis = axis;
    for (const each of this.axes) each.root.toggleAttribute("data-active", each === axis);
  }

  moveAxis(step) {
    const at = this.axes.indexOf(this.axis) + step;
    const axis = this.axes[Math.min(this.axes.length - 1, Math.max(0, at))];
    this.setActive(axis);
    axis.root.focus();
    axis.root.scrollIntoView({ block: "nearest" });
  }

  escape(target) {
    if (this.boxes.isOn) this.boxes.toggle(false);
    else if (this.player.zoomer.isOn) {
      this.player.zoomer.leave();
      if (target.matches("[data-stage]")) this.axis.root.focus({ preventScroll: true });
    }
    else if (target.closest(".rate-skip[open]")) {
      const skip = target.closest(".rate-skip");
      skip.open = false;
      skip.querySelector("summary").focus();
    } else if (target.matches("textarea")) this.work.toConflict() || this.axis.root.focus();
    else return false;
    return true;
  }

  // ---- the player and the marks

  play(action) {
    this.player[action]();
    return true;
  }

  mark(side) {
    if (side === "in") this.axis.markIn(this.player.time, this.player.duration);
    else this.axis.markOut(this.player.time);
  }

  box() {
    if (!this.boxes.isOn && this.axis.needsTarget()) return true;
    this.player.video.pause();
    this.boxes.toggle();
    if (this.boxes.isOn) this.site.say(gettext("Drag a box on the clip, or click two corners. Escape ends it."));
    return true;
  }

  jump(piece) {
    if (piece.time) this.player.showAt(piece.time[0]);
    this.boxes.show(piece.box ? [piece.box] : []);
  }

  paintBands() {
    const pieces = this.axes.flatMap((axis) => axis.evidence).filter((piece) => piece.time);
    this.player.paintBands(pieces.map(({ time: [start, end] }) => ({ start, end })));
  }

  // ---- saving and sending

  changed() {
    this.work?.changed();
    this.steps?.note();
    this.showSteps();
    this.paintBands();
  }

  // ---- steps back and on

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
    for (const button of this.root.querySelectorAll("[data-step]")) {
      const steps = button.dataset.step === "back" ? this.steps?.past : this.steps?.ahead;
      button.setAttribute("aria-disabled", String(!steps?.length));
    }
  }

  data() {
    return new FormData(this.form);
  }

  async submit() {
    if (this.sending || this.work.toConflict()) return;
    this.sending = true;
    this.busy(true);
    await this.work.settle();
    const data = this.data();
    data.set("viewing", JSON.stringify(this.viewing.record()));
    data.set("seconds", this.viewing.seconds.toFixed(1));
    await this.send(this.form.action, data, (problems) => this.showProblems(problems), () => this.submit());
    this.sending = false;
  }

  async skip(form) {
    if (this.sending) return;
    this.sending = true;
    const shown = ({ general }) => { form.querySelector("[data-skip-problem]").textContent = general.join(" "); };
    await this.send(form.action, new FormData(form), shown, () => this.skip(form));
    this.sending = false;
  }

  /** Sends to `url`; where the site cannot take it just now, `again` is called as soon as it may. */
  async send(url, data, showProblems, again) {
    clearTimeout(this.againTimer);
    this.unsent = null;
    try {
      const html = await (await post(url, data)).text();
      this.work.done();
      this.site.swap(html);
      return;
    } catch (error) {
      this.busy(false);
      this.failed(error, showProblems, again);
    }
  }

  failed(error, showProblems, again) {
    if (error instanceof Busy) {
      this.unsent = again;
      this.work.keepLocally();
      this.againTimer = setTimeout(() => this.unsent?.(), error.seconds * 1000);
      this.notice(gettext("Not sent yet: the site is busy. What you typed is kept here and is sent again by itself."));
    } else if (error instanceof Unreachable) {
      this.unsent = again;
      this.work.keepLocally();
      this.notice(gettext("Not sent: the site cannot be reached. What you typed is kept here and is sent as soon as it is back."));
    } else if (error instanceof SignedOut) this.work.failed(error);
    else if (error instanceof Refused && error.data.lost) this.lose(error.message);
    else if (error instanceof Refused && error.data.problems) showProblems(error.data.problems);
    else if (error instanceof Refused) this.notice(`${error.message} ${gettext("What you typed is kept: load the page again.")}`);
    else throw error;
  }

  busy(isBusy) {
    this.root.querySelector("[data-submit]").setAttribute("aria-disabled", String(isBusy));
    this.root.setAttribute("aria-busy", String(isBusy));
  }

  showProblems({ axes, general }) {
    for (const axis of this.axes) axis.showProblems(axes[axis.name] ?? []);
    if (general.length) this.notice(general.join(" "));
    const first = this.axes.find((axis) => axes[axis.name]);
    if (!first) return;
    this.setActive(first);
    first.root.focus();
    first.root.scrollIntoView({ block: "nearest" });
    this.site.say(gettext("Not sent. %(axis)s: %(problems)s", { axis: first.title, problems: axes[first.name].join(" ") }));
  }

  notice(words, ...more) {
    const notice = this.root.querySelector("[data-notice]");
    notice.replaceChildren(element("p", {}, words), ...more);
    notice.hidden = false;
    notice.scrollIntoView({ block: "nearest" });
  }

  /** The clip has gone to another. What was typed is saved as it stands, and the page says so. */
  lose(message) {
    this.work.later(0);
    this.busy(true);
    this.sending = true;
    const next = element("a", { href: location.pathname, className: "rate-next" }, gettext("Go on with the next clip"));
    this.notice(message, next);
    if (!isTyping()) next.focus();
  }

  // ---- a draft that comes late

  awaitDraft(signal) {
    const url = this.root.dataset.lateUrl;
    if (!url) return;
    const ask = async () => {
      try {
        const draft = await getJson(url, signal);
        if (draft) return this.offer(draft);
      } catch (error) {
        if (!(error instanceof Unreachable || error instanceof Refused)) return null;
      }
      this.lateTimer = setTimeout(ask, LATE_PAUSE);
      return null;
    };
    this.lateTimer = setTimeout(ask, LATE_PAUSE);
    signal.addEventListener("abort", () => clearTimeout(this.lateTimer));
  }

  offer(draft) {
    const place = this.root.querySelector("[data-late]");
    const show = element("button", { type: "button" }, gettext("Show it where I have written nothing"));
    const no = element("button", { type: "button" }, gettext("No, thank you"));
    place.replaceChildren(element("p", {}, gettext("%(critic)s has drafted this clip meanwhile.", { critic: isolate(draft.critic) })), show, no);
    place.hidden = false;
    no.addEventListener("click", () => { place.hidden = true; });
    show.addEventListener("click", () => {
      place.hidden = true;
      this.take();
    });
  }

  /** Asks for the words of the draft: from here on the site knows that the rater has seen them. */
  async take() {
    let draft = null;
    try {
      const answer = await post(this.root.dataset.lateUrl, this.data());
      if (answer.status !== 204) draft = await answer.json();
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
      this.root.querySelector("[data-late]").hidden = false;
      this.site.say(error.message);
    }
    if (!draft) return;
    const free = this.axes.filter((axis) => !axis.isTyped);
    for (const axis of free) axis.takeDraft(draft.axes[axis.name].html, draft.axes[axis.name].answer);
    this.steps.begin(); // the way back would lead to a form that had no draft
    this.site.say(free.length
      ? gettext("The draft stands where you had written nothing.")
      : gettext("You have written on all three axes: nothing was changed."));
    this.changed();
  }

  // The next clip goes into the browser's cache once this one has come whole.
  fetchAhead(signal) {
    const fetchNext = async () => {
      if (!this.root.dataset.upcomingUrl) return;
      try {
        const next = await getJson(this.root.dataset.upcomingUrl, signal);
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
    this.over.abort();
  }
}

/** Makes a group of toggles one tab stop, with arrow keys inside it. */
function rove(group, signal) {
  const stops = [...group.querySelectorAll("input")];
  const stopAt = (chosen) => stops.forEach((stop) => { stop.tabIndex = stop === chosen ? 0 : -1; });
  stopAt(stops[0]);
  group.addEventListener("focusin", (event) => stopAt(event.target), { signal });
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[keyOf(event)];
    if (!step || event.altKey) return;
    event.preventDefault();
    stops.at((stops.indexOf(event.target) + step) % stops.length).focus();
  }, { signal });
}
