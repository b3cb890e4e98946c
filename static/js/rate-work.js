// Nothing typed is lost: a copy in this browser at every key, a copy on the server at every pause, a lease that runs
// on while the tab lives, an open conflict when two tabs wrote different things, and steps back and on.

import { marksText } from "./rate-draft.js";
import { Busy, Refused, SignedOut, Unreachable, element, forget, forgetOld, gettext, post, recall, remember } from "./rate-site.js";

const LOCAL_PAUSE = 250;
const SERVER_PAUSE = 1500;
const RETRY_PAUSE = 5000;
const DAYS_KEPT = 14;
const TYPING_PAUSE = 1500;
const MOST_STEPS = 300;

export class Work {
  /** `page` gives form(), read(), apply(answers), chosen(answers, others), viewing(), say, showSaved, showNotice and lost (of words). */
  constructor(root, page, signal) {
    this.root = root;
    this.page = page;
    this.signal = signal;
    this.version = Number(root.dataset.version);
    this.tab = takeTab() ?? crypto.randomUUID?.() ?? uuid4();
    const isTry = "try" in root.dataset; // a lead's try: nothing is kept, neither here nor on the server
    this.name = `${isTry ? "try" : "work"}:${root.dataset.user}:${root.dataset.item}`;
    this.dirty = false;
    this.saving = null;
    this.stopped = isTry;
    forgetOld("work:", DAYS_KEPT);
    this.restore();
    this.wire();
  }

  wire() {
    const on = (target, event, handler) => target.addEventListener(event, handler, { signal: this.signal });
    on(this.root, "focusout", () => { if (this.dirty) this.later(0); });
    on(document, "visibilitychange", () => { if (document.hidden) this.leave(); });
    on(window, "pagehide", () => {
      this.leave();
      passTab(this.tab);
    });
    on(window, "online", () => { if (this.dirty) this.later(0); });
    const minute = Math.min(60, (Number(this.root.dataset.leaseMinutes) * 60) / 3) * 1000;
    const renewing = setInterval(() => this.renew(), minute);
    this.signal.addEventListener("abort", () => {
      for (const timer of [this.localTimer, this.serverTimer]) clearTimeout(timer);
      clearInterval(renewing);
    });
  }

  // ---- the copy in this browser

  restore() {
    const kept = recall(this.name);
    if (!kept?.dirty) return;
    if (kept.version > this.version) { // the site's copy has become a rating since
      forget(this.name);
      return;
    }
    if (kept.version === this.version) {
      this.page.apply(kept.answers);
      this.page.showSaved(gettext("What you had typed is back"));
      this.changed();
    } else {
      const theirs = { answers: this.page.read(), version: this.version, saved_at: "" };
      this.page.apply(kept.answers);
      this.conflict(theirs);
    }
  }

  /** What is known of an earlier look at this clip in this browser. */
  earlier() {
    return recall(this.name)?.viewing ?? {};
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
    if (this.theirs) this.here.replaceChildren(...lines(this.page.read()));
    clearTimeout(this.localTimer);
    this.localTimer = setTimeout(() => this.keepLocally(), LOCAL_PAUSE);
    this.later(SERVER_PAUSE);
  }

  // ---- the copy on the server

  later(pause) {
    clearTimeout(this.serverTimer);
    this.serverTimer = setTimeout(() => this.save(), pause);
  }

  leave() {
    this.keepLocally();
    if (this.dirty && !this.theirs && !this.stopped) {
      post(this.root.dataset.saveUrl, this.payload(), { keepalive: true }).catch(() => {});
    }
  }

  payload() {
    const data = this.page.form();
    data.set("base_version", String(this.version));
    data.set("tab", this.tab);
    return data;
  }

  async save() {
    if (this.saving || !this.dirty || this.theirs || this.stopped) return;
    this.dirty = false;
    this.saving = post(this.root.dataset.saveUrl, this.payload());
    let pause = SERVER_PAUSE; // until what was typed meanwhile is sent
    try {
      const saved = await (await this.saving).json();
      this.version = saved.version;
      this.page.showSaved(gettext("Saved %(when)s", { when: saved.saved_at }));
    } catch (error) {
      this.dirty = true;
      pause = error instanceof Busy ? error.seconds * 1000 : RETRY_PAUSE;
      this.failed(error);
    } finally {
      this.saving = null;
    }
    this.keepLocally();
    if (this.dirty && !this.theirs && !this.stopped) this.later(pause);
  }

  failed(error) {
    if (error instanceof Busy) this.page.showSaved(gettext("The site is busy: kept in this browser, sent again by itself"));
    else if (error instanceof Unreachable) this.page.showSaved(gettext("Offline: kept in this browser, sent when back"));
    else if (error instanceof SignedOut) this.page.showNotice(gettext("You are signed out. What you typed is kept in this browser: sign in again and come back to this page."));
    else if (error instanceof Refused && error.status === 409) this.conflict(error.data);
    else if (error instanceof Refused) this.page.showSaved(gettext("Not saved: %(why)s", { why: error.message }));
    else throw error;
  }

  // ---- two tabs

  /** The form holds what was written here; `theirs` is what the other page saved. Nothing is sent until one is chosen. */
  conflict(theirs) {
    if (said(theirs.answers) === said(this.page.read())) { // a page that was left saved the same words a moment ago
      this.version = theirs.version;
      this.dirty = false;
      this.page.showSaved(gettext("Saved %(when)s", { when: theirs.saved_at }));
      this.keepLocally();
      return;
    }
    this.theirs = theirs;
    this.showConflict();
    this.page.say(gettext("Two pages wrote different things about this clip. Choose one of them before you go on."));
    if (!isTyping()) this.toConflict();
  }

  /** Leads to the choice, where there is one to make. */
  toConflict() {
    if (this.theirs) this.panel.querySelector("button").focus();
    return Boolean(this.theirs);
  }

  get panel() {
    return this.root.querySelector("[data-conflict]");
  }

  showConflict() {
    const when = this.theirs.saved_at;
    this.here = element("div", {}, ...lines(this.page.read()));
    this.panel.replaceChildren(
      element("p", {}, element("strong", {}, gettext("Two pages wrote different things about this clip.")), " ", gettext("Both are kept; choose the one to go on with.")),
      element("div", { className: "rate-versions" },
        element("div", {}, element("h3", {}, gettext("Here")), this.here, this.choice(gettext("Go on with this one"), null)),
        element("div", {}, element("h3", {}, when ? gettext("In the other page at %(when)s", { when }) : gettext("In the other page")), ...lines(this.theirs.answers),
          this.choice(gettext("Take the other one"), this.theirs.answers))),
    );
    this.panel.hidden = false;
  }

  choice(words, answers) {
    const button = element("button", { type: "button" }, words);
    button.addEventListener("click", () => {
      const [mine, theirs] = [this.page.read(), this.theirs];
      this.version = theirs.version;
      this.theirs = null;
      this.panel.hidden = true;
      this.page.chosen(answers ?? mine, answers ? mine : theirs.answers); // which notes that there is something to save
      this.later(0);
    });
    return button;
  }

  // ---- the lease

  async renew() {
    if (this.stopped) return;
    try {
      await post(this.root.dataset.renewUrl, this.page.form());
    } catch (error) {
      if (error instanceof Refused && error.data.lost) this.page.lost(error.message);
    }
  }

  /** Waits for a save under way, so that a submit is never overtaken by it. */
  async settle() {
    clearTimeout(this.serverTimer);
    clearTimeout(this.localTimer);
    await this.saving?.catch(() => {});
  }

  /** The rating is in: the copy has done its work. */
  done() {
    this.stopped = true;
    forget(this.name);
  }
}

/** Steps back and on through what the form said. Words typed in one go on one axis are one step. */
export class Steps {
  constructor(read, apply) {
    this.read = read;
    this.apply = apply;
    this.begin();
  }

  begin() {
    this.now = JSON.stringify(this.read());
    this.past = [];
    this.ahead = [];
    this.typing = null;
  }

  /** To be called after every change of the form. */
  note({ apart = false } = {}) {
    if (apart) this.typing = null;
    const next = JSON.stringify(this.read());
    if (next === this.now) return;
    const typing = typedOn(JSON.parse(this.now), JSON.parse(next));
    const isSameStep = typing && typing === this.typing && performance.now() - this.at < TYPING_PAUSE;
    if (!isSameStep) this.past = [...this.past, this.now].slice(-MOST_STEPS);
    this.now = next;
    this.ahead = [];
    this.typing = typing;
    this.at = performance.now();
  }

  /** Goes back (or on) and returns the axes that changed; null where there is no such step. */
  go(isBack) {
    const [from, to] = isBack ? [this.past, this.ahead] : [this.ahead, this.past];
    if (!from.length) return null;
    const before = JSON.parse(this.now);
    to.push(this.now);
    const answers = JSON.parse(from.pop());
    this.apply(answers);
    this.now = JSON.stringify(this.read());
    this.typing = null;
    return Object.keys(answers).filter((axis) => JSON.stringify(answers[axis]) !== JSON.stringify(before[axis]));
  }
}

/** Whether keys go into a text just now: then the focus stays there, or the next letters would do something else. */
export function isTyping() {
  return document.activeElement?.matches("textarea, input[type=text]") ?? false;
}

// A page that is loaded anew in its tab goes on as the same one, so that the save it sent while it went is no stranger's.
// The name lies in the store only between two pages: a copied tab gets one of its own.
function takeTab() {
  try {
    const tab = sessionStorage.getItem("qsave:tab");
    sessionStorage.removeItem("qsave:tab");
    return tab;
  } catch {
    return null;
  }
}

function passTab(tab) {
  try {
    sessionStorage.setItem("qsave:tab", tab);
  } catch {
    // a store that is off costs a question about two pages, never work
  }
}

// The axis on which nothing but the words differs; null when more than that does.
function typedOn(before, after) {
  const rest = ({ reason, confirm_ms: _ms, confirmed: _confirmed, ...others }) => JSON.stringify(others);
  const changed = Object.keys(after).filter((axis) => JSON.stringify(after[axis]) !== JSON.stringify(before[axis]));
  const isTyped = changed.length === 1 && rest(before[changed[0]]) === rest(after[changed[0]]);
  return isTyped && before[changed[0]].reason !== after[changed[0]].reason ? changed[0] : null;
}

function said(answers) {
  return JSON.stringify(Object.entries(answers).sort().map(([axis, { score, no_defect, reason, evidence }]) => (
    [axis, score, no_defect, reason, marksText(evidence || [])]
  )));
}

function lines(answers) {
  return Object.entries(answers).map(([axis, answer]) => {
    const defects = (answer.evidence || []).map((piece) => piece.defect).join(", ");
    const score = answer.score ?? gettext("no score");
    return element("p", {}, element("strong", {}, `${axis}: ${score}`), ` ${defects} `, element("bdi", {}, answer.reason || gettext("no reason yet")));
  });
}

// crypto.randomUUID needs a secure origin; a studio on a closed network may have none.
function uuid4() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
