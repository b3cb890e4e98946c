// Nothing typed is lost: a copy in this browser at each key, a copy on the server at each pause, a lease that is renewed
// while the tab lives, a choice when two tabs wrote different answers, and undo and redo.

import { writeMarks } from "./rate-draft.js";
import {
  Busy, Refused, SignedOut, Unreachable, element, find, forget, forgetOld, gettext, listen, post, recall, remember,
} from "./rate-site.js";

/**
 * @typedef {import("./rate-axis.js").Answers} Answers
 * @typedef {import("./rate-site.js").Saved} Saved
 * @typedef {import("./rate-viewing.js").ViewingState} ViewingState
 * @typedef {{ answers: Answers, viewing?: ViewingState, version: number, dirty: boolean, at: number }} Copy in this browser
 */

/**
 * What saving needs of the desk.
 * @typedef {object} Page
 * @property {() => FormData} form
 * @property {() => Answers} read
 * @property {(answers: Answers) => void} apply
 * @property {(answers: Answers, others: Answers) => void} choose one of two versions
 * @property {() => ViewingState | undefined} viewing
 * @property {(words: string) => void} say to screen readers
 * @property {(words: string) => void} showSaved
 * @property {(words: string) => void} showNotice
 * @property {(message: string) => void} lose the clip
 */

const LOCAL_PAUSE = 250;
const SERVER_PAUSE = 1500;
const RETRY_PAUSE = 5000;
const DAYS_KEPT = 14;
const TYPING_PAUSE = 1500;
const MOST_STEPS = 300;

export class Work {
  /**
   * @param {HTMLElement} root
   * @param {Page} page
   * @param {AbortSignal} signal
   */
  constructor(root, page, signal) {
    this.root = root;
    this.page = page;
    this.signal = signal;
    this.version = Number(root.dataset.version);
    this.tab = takeTab() ?? crypto.randomUUID?.() ?? makeUuid();
    const isTry = "try" in root.dataset; // a lead tries the desk: nothing is saved, neither here nor on the server
    this.name = `${isTry ? "try" : "work"}:${root.dataset.user}:${root.dataset.item}`;
    this.dirty = false;
    /** @type {Promise<Response> | null} */
    this.saving = null;
    /** @type {Saved | null} what another page saved, while the rater has to choose */
    this.theirs = null;
    this.mine = element("div"); // shows this page's version beside theirs
    this.localTimer = 0;
    this.serverTimer = 0;
    this.stopped = isTry;
    forgetOld("work:", DAYS_KEPT);
    this.restore();
    this.wire();
  }

  wire() {
    /** @type {<K extends keyof import("./rate-site.js").Events>(target: EventTarget, event: K, handler: () => void) => void} */
    const on = (target, event, handler) => listen(target, event, handler, { signal: this.signal });
    on(this.root, "focusout", () => { if (this.dirty) this.saveAfter(0); });
    on(document, "visibilitychange", () => { if (document.hidden) this.leave(); });
    on(window, "pagehide", () => {
      this.leave();
      passTab(this.tab);
    });
    on(window, "online", () => { if (this.dirty) this.saveAfter(0); });
    const pause = Math.min(60, (Number(this.root.dataset.leaseMinutes) * 60) / 3) * 1000;
    const renewing = setInterval(() => this.renew(), pause);
    this.signal.addEventListener("abort", () => {
      for (const timer of [this.localTimer, this.serverTimer]) clearTimeout(timer);
      clearInterval(renewing);
    });
  }

  // ---- the copy in this browser

  restore() {
    const copy = this.recallCopy();
    if (!copy?.dirty) return;
    if (copy.version > this.version) { // the site's copy has become a rating since
      forget(this.name);
      return;
    }
    if (copy.version === this.version) {
      this.page.apply(copy.answers);
      this.page.showSaved(gettext("Unsaved answers restored"));
      this.changed();
    } else {
      const theirs = { answers: this.page.read(), version: this.version, saved_at: "" };
      this.page.apply(copy.answers);
      this.compare(theirs);
    }
  }

  recallCopy() {
    return recall(this.name, /** @type {Copy | null} */ (null));
  }

  /** Return the record of an earlier look at this clip in this browser. */
  recallViewing() {
    return this.recallCopy()?.viewing ?? {};
  }

  keepLocally() {
    if (this.stopped) return;
    remember(this.name, {
      answers: this.page.read(),
      viewing: this.page.viewing(),
      version: this.version,
      dirty: this.dirty,
      at: Date.now(),
    });
  }

  changed() {
    this.dirty = true;
    if (this.theirs) this.mine.replaceChildren(...renderAnswers(this.page.read()));
    clearTimeout(this.localTimer);
    this.localTimer = setTimeout(() => this.keepLocally(), LOCAL_PAUSE);
    this.saveAfter(SERVER_PAUSE);
  }

  // ---- the copy on the server

  /** @param {number} pause in milliseconds */
  saveAfter(pause) {
    clearTimeout(this.serverTimer);
    this.serverTimer = setTimeout(() => this.save(), pause);
  }

  get saveUrl() {
    return this.root.dataset.saveUrl ?? "";
  }

  leave() {
    this.keepLocally();
    if (this.dirty && !this.theirs && !this.stopped) {
      post(this.saveUrl, this.readForm(), { keepalive: true }).catch(() => {});
    }
  }

  readForm() {
    const data = this.page.form();
    data.set("base_version", String(this.version));
    data.set("tab", this.tab);
    return data;
  }

  async save() {
    if (this.saving || !this.dirty || this.theirs || this.stopped) return;
    this.dirty = false;
    this.saving = post(this.saveUrl, this.readForm());
    let pause = SERVER_PAUSE; // until what was typed meanwhile is sent
    try {
      const saved = await (await this.saving).json();
      this.version = saved.version;
      this.page.showSaved(gettext("Saved %(when)s", { when: saved.saved_at }));
      if (saved.excluded) this.page.lose(saved.excluded);
    } catch (error) {
      this.dirty = true;
      pause = error instanceof Busy ? error.seconds * 1000 : RETRY_PAUSE;
      this.showFailure(error);
    } finally {
      this.saving = null;
    }
    this.keepLocally();
    if (this.dirty && !this.theirs && !this.stopped) this.saveAfter(pause);
  }

  /** @param {unknown} error */
  showFailure(error) {
    if (error instanceof Busy) this.page.showSaved(gettext("The site is busy: kept in this browser, sent automatically"));
    else if (error instanceof Unreachable) this.page.showSaved(gettext("Offline: kept in this browser, sent once you are online"));
    else if (error instanceof SignedOut) {
      this.page.showNotice(gettext("You are signed out. What you typed is kept in this browser: sign in again and come back to this page."));
    } else if (error instanceof Refused && error.status === 409) this.compare(/** @type {Saved} */ (error.data));
    else if (error instanceof Refused) this.page.showSaved(gettext("Not saved: %(why)s", { why: error.message }));
    else throw error;
  }

  // ---- two tabs

  /**
   * Compare the form with what another page saved. Where they differ, nothing is sent until the rater chooses one.
   * @param {Saved} theirs
   */
  compare(theirs) {
    if (summarise(theirs.answers) === summarise(this.page.read())) { // this page, before a reload, saved the same words
      this.version = theirs.version;
      this.dirty = false;
      this.page.showSaved(gettext("Saved %(when)s", { when: theirs.saved_at }));
      this.keepLocally();
      return;
    }
    this.theirs = theirs;
    this.showConflict(theirs);
    this.page.say(gettext("Two pages wrote different things about this clip. Choose one of them to continue."));
    if (!isTyping()) this.focusConflict();
  }

  /** Focus the choice between two versions, if there is one to make. */
  focusConflict() {
    if (this.theirs) find(this.panel, "button").focus();
    return Boolean(this.theirs);
  }

  get panel() {
    return find(this.root, "[data-conflict]");
  }

  /** @param {Saved} theirs */
  showConflict({ answers, saved_at: when }) {
    const place = when ? gettext("In the other page at %(when)s", { when }) : gettext("In the other page");
    const keep = this.makeChoice(gettext("Keep this one"), null);
    const take = this.makeChoice(gettext("Use the other one"), answers);
    this.mine = element("div", {}, ...renderAnswers(this.page.read()));
    this.panel.replaceChildren(
      element("p", {},
        element("strong", {}, gettext("Two pages wrote different things about this clip.")), " ",
        gettext("Both are kept. Choose the one to continue with.")),
      element("div", { className: "rate-versions" },
        element("div", {}, element("h3", {}, gettext("Here")), this.mine, keep),
        element("div", {}, element("h3", {}, place), ...renderAnswers(answers), take)),
    );
    this.panel.hidden = false;
  }

  /**
   * @param {string} words on the button
   * @param {Answers | null} answers that it chooses; null for those of this page
   */
  makeChoice(words, answers) {
    const button = element("button", { type: "button" }, words);
    button.addEventListener("click", () => {
      const [mine, theirs] = [this.page.read(), this.theirs];
      if (!theirs) return;
      this.version = theirs.version;
      this.theirs = null;
      this.panel.hidden = true;
      this.page.choose(answers ?? mine, answers ? mine : theirs.answers); // which marks the answers as not saved yet
      this.saveAfter(0);
    });
    return button;
  }

  // ---- the lease

  async renew() {
    if (this.stopped) return;
    try {
      await post(this.root.dataset.renewUrl ?? "", this.page.form());
    } catch (error) {
      if (error instanceof Refused && error.data.lost) this.page.lose(error.message);
    }
  }

  /** Wait for a save in progress, so that it never arrives after the submit. */
  async settle() {
    clearTimeout(this.serverTimer);
    clearTimeout(this.localTimer);
    await this.saving?.catch(() => {});
  }

  /** Drop the copy: the rating is stored. */
  finish() {
    this.stopped = true;
    forget(this.name);
  }
}

/** Undo and redo of the form. Words typed on one axis without a pause are one step. */
export class Steps {
  /**
   * @param {() => Answers} read
   * @param {(answers: Answers) => void} apply
   */
  constructor(read, apply) {
    this.read = read;
    this.apply = apply;
    this.now = JSON.stringify(read());
    /** @type {string[]} */
    this.past = [];
    /** @type {string[]} */
    this.ahead = [];
    /** @type {string | null} the axis that is typed on */
    this.typing = null;
    this.at = 0; // time of the last change
  }

  begin() {
    this.now = JSON.stringify(this.read());
    this.past = [];
    this.ahead = [];
    this.typing = null;
  }

  /** Note a change. Call it after each change of the form. */
  note({ apart = false } = {}) {
    if (apart) this.typing = null;
    const next = JSON.stringify(this.read());
    if (next === this.now) return;
    const typing = findTypedAxis(JSON.parse(this.now), JSON.parse(next));
    const isSameStep = typing && typing === this.typing && performance.now() - this.at < TYPING_PAUSE;
    if (!isSameStep) this.past = [...this.past, this.now].slice(-MOST_STEPS);
    this.now = next;
    this.ahead = [];
    this.typing = typing;
    this.at = performance.now();
  }

  /**
   * Undo or redo one step. Returns the axes that changed, or null if there is no such step.
   * @param {boolean} isBack
   */
  go(isBack) {
    const [from, to] = isBack ? [this.past, this.ahead] : [this.ahead, this.past];
    const step = from.pop();
    if (step === undefined) return null;
    /** @type {Answers} */
    const before = JSON.parse(this.now);
    to.push(this.now);
    /** @type {Answers} */
    const answers = JSON.parse(step);
    this.apply(answers);
    this.now = JSON.stringify(this.read());
    this.typing = null;
    return Object.keys(answers).filter((axis) => JSON.stringify(answers[axis]) !== JSON.stringify(before[axis]));
  }
}

/** Whether the rater is typing. If so the focus stays, or the next letters would act as commands. */
export function isTyping() {
  return document.activeElement?.matches("textarea, input[type=text]") ?? false;
}

// A reloaded page keeps the name of its tab, so that the save it sent while unloading does not count as another tab's.
// The name is in the store only between two pages: a duplicated tab gets its own name.
function takeTab() {
  try {
    const tab = sessionStorage.getItem("qsave:tab");
    sessionStorage.removeItem("qsave:tab");
    return tab;
  } catch {
    return null;
  }
}

/** @param {string} tab */
function passTab(tab) {
  try {
    sessionStorage.setItem("qsave:tab", tab);
  } catch {
    // without a store the rater may have to choose between two pages, but loses nothing
  }
}

/**
 * Return the axis on which only the reason differs; null where anything else does.
 * @param {Answers} before
 * @param {Answers} after
 */
function findTypedAxis(before, after) {
  /** @param {import("./rate-axis.js").Answer} answer */
  const writeRest = ({ reason: _reason, confirm_ms: _ms, confirmed: _confirmed, ...others }) => JSON.stringify(others);
  const changed = Object.keys(after).filter((axis) => JSON.stringify(after[axis]) !== JSON.stringify(before[axis]));
  const [axis] = changed;
  if (changed.length !== 1 || writeRest(before[axis]) !== writeRest(after[axis])) return null;
  return before[axis].reason === after[axis].reason ? null : axis;
}

/**
 * Write answers as text that is the same for the same answers.
 * @param {Answers} answers
 */
function summarise(answers) {
  return JSON.stringify(Object.entries(answers).sort().map(([axis, { score, no_defect: none, reason, evidence }]) => (
    [axis, score, none, reason, writeMarks(evidence ?? [])]
  )));
}

/** @param {Answers} answers */
function renderAnswers(answers) {
  return Object.entries(answers).map(([axis, answer]) => {
    const defects = (answer.evidence ?? []).map((piece) => piece.defect).join(", ");
    const score = answer.score ?? gettext("no score");
    const reason = element("bdi", {}, answer.reason || gettext("no reason yet"));
    return element("p", {}, element("strong", {}, `${axis}: ${score}`), ` ${defects} `, reason);
  });
}

// crypto.randomUUID needs HTTPS; a site on a closed network may not have it.
function makeUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
