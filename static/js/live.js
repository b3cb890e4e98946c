// Pages that renew themselves: ask the site for the regions of this page, and change what differs in them.
//
// Nothing is asked while the tab is hidden or the reader has paused updates. Nothing changes while a hand is moving, in
// a region with selected text or an open dialog, or where it would take the focus away or move a control that the mouse
// points at: it changes afterwards.
//
// The page may be swapped by htmx, so every node is looked up when it is needed.

import { announce, find, findAll, findIfAny, gettext, recall, remember, send, SignedOut } from "./rate-site.js";

/**
 * What this script knows of the page. `due` is when to ask next, `updatedAt` when the page was last up to date.
 * `waiting` are regions that cannot be shown yet. `ending` says why nothing is asked any more.
 * @typedef {{
 *   bar: HTMLElement, etag: string, due: number, updatedAt: number, failures: number, isAsking: boolean,
 *   waiting: HTMLElement[], ending: "" | "signed-out" | "outdated", state: string,
 * }} View
 * @typedef {{ status: number, etag: string, text: string }} Answer
 * @typedef {{ beforeNodeMorphed: (part: Node) => boolean, beforeAttributeUpdated: (name: string, part: Element) => boolean }} Callbacks
 * @typedef {{ morph: (node: Element, fresh: Element, options: { callbacks: Callbacks }) => void }} Library
 */

const TICK = 1000;
const REST = 1000; // milliseconds without a movement after which a page may change
const MOUSE_REST = 10_000; // milliseconds after which nobody is about to press what the mouse points at
const MAX_PAUSE = 60_000;
const TIMEOUT = 20_000;
const SIGNED_OUT = 401;
const WARNINGS = new Set(["lost", "signed-out", "outdated"]);
const FIELDS = "input, select, textarea";
const CONTROLS = "a, button, summary, label, input, select, textarea";
const STORE = "live-paused";

/** @type {View | null} */
let current = null;
let lastMovement = 0;

function isPaused() {
  return recall(STORE, false);
}

/**
 * @param {HTMLElement} bar
 * @returns {View}
 */
function begin(bar) {
  const now = Date.now();
  const first = bar.dataset.live ? now + readPeriod(bar) : Infinity;
  return { bar, etag: "", due: first, updatedAt: now, failures: 0, isAsking: false, waiting: [], ending: "", state: "" };
}

/** @param {HTMLElement} bar */
function readPeriod(bar) {
  return Number(bar.dataset.every) * 1000;
}

function tick() {
  const bar = findIfAny(document, "[data-live]");
  if (!bar || document.hidden) return;
  if (current?.bar !== bar) current = begin(bar);
  showWaiting(current);
  if (isDue(current)) void renew(current);
  describe(current);
}

// ---- asking

/** @param {View} view */
function isDue(view) {
  return !isPaused() && !view.ending && !view.isAsking && Date.now() >= view.due;
}

/** @param {View} view */
async function renew(view) {
  view.isAsking = true;
  receive(view, await ask(view.bar.dataset.live ?? "", view.etag));
  if (view === current) describe(view);
}

/**
 * Ask for the regions. The site answers 304 if they still have this `etag`. The status is 0 if there is no answer.
 * @param {string} url
 * @param {string} etag
 * @returns {Promise<Answer>}
 */
async function ask(url, etag) {
  const headers = { "HX-Request": "true", "HX-Target": "live", ...(etag && { "If-None-Match": etag }) };
  try {
    const response = await send(url, { headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
    return { status: response.status, etag: response.headers.get("ETag") ?? "", text: await response.text() };
  } catch (error) {
    return { status: error instanceof SignedOut ? SIGNED_OUT : 0, etag: "", text: "" };
  }
}

/**
 * @param {View} view
 * @param {Answer} answer
 */
function receive(view, { status, etag, text }) {
  view.isAsking = false;
  if (status === SIGNED_OUT) view.ending = "signed-out";
  if (status === 403 || status === 404) view.ending = "outdated";
  const isAnswered = status === 200 || status === 304;
  view.failures = isAnswered ? 0 : view.failures + 1;
  view.due = Date.now() + computePause(readPeriod(view.bar), view.failures);
  if (status === 200) {
    view.etag = etag;
    view.waiting = findAll(new DOMParser().parseFromString(text, "text/html"), "[data-live-region]");
  }
  if (isAnswered && view === current) showWaiting(view, true);
}

/**
 * Return the milliseconds until the next request: twice as many after each further failure, up to a minute.
 * @param {number} period
 * @param {number} failures
 */
function computePause(period, failures) {
  return failures > 1 ? Math.max(period, Math.min(MAX_PAUSE, period * 2 ** (failures - 1))) : period;
}

// ---- showing

/**
 * Show the regions that may change now.
 * @param {View} view
 * @param {boolean} [isNew] True if the site has just answered
 */
function showWaiting(view, isNew = false) {
  if (isPaused() || (!isNew && !view.waiting.length)) return;
  view.waiting = view.waiting.filter((fresh) => {
    const region = document.getElementById(fresh.id);
    if (!region || region.isEqualNode(fresh)) return false;
    if (isInUse(region, fresh)) return true;
    if (region.dataset.frame !== fresh.dataset.frame) view.ending = "outdated";
    show(region, fresh);
    return false;
  });
  if (!view.waiting.length) view.updatedAt = Date.now();
}

/**
 * @param {HTMLElement} region
 * @param {HTMLElement} fresh
 */
function show(region, fresh) {
  const before = new Set(listNews(region));
  morph(region, fresh);
  const news = listNews(region).filter((words) => !before.has(words));
  if (news.length) say(news.join(" "));
}

/**
 * Make `node` equal to `fresh`, touching only what differs. What has not changed keeps its focus and scroll position;
 * what the reader unfolded or typed stays. Elements with one id are the same element.
 * @param {HTMLElement} node
 * @param {HTMLElement} fresh
 */
export function morph(node, fresh) {
  const { Idiomorph } = /** @type {{ Idiomorph: Library }} */ (/** @type {unknown} */ (globalThis));
  Idiomorph.morph(node, fresh, {
    callbacks: {
      beforeNodeMorphed: (part) => !(part instanceof Element && part.matches(FIELDS)),
      beforeAttributeUpdated: (name, part) => name !== "open" || !part.matches("details, dialog"),
    },
  });
}

/**
 * List what is read aloud when it appears or changes.
 * @param {HTMLElement} region
 */
function listNews(region) {
  return findAll(region, "[data-announce]").map((node) => node.textContent.trim().replace(/\s+/g, " "));
}

/**
 * @param {HTMLElement} region
 * @param {HTMLElement} fresh
 */
function isInUse(region, fresh) {
  if (isMoving() || region.querySelector("dialog:is([open], :popover-open)")) return true;
  const selection = getSelection();
  if (selection && !selection.isCollapsed && selection.containsNode(region, true)) return true;
  return isFocusGone(region, fresh) || isMovedUnderMouse(region, fresh);
}

function isMoving() {
  return Date.now() - lastMovement < REST;
}

/**
 * Return whether the new version lacks what contains the focus.
 * @param {HTMLElement} region
 * @param {HTMLElement} fresh
 */
function isFocusGone(region, fresh) {
  if (!region.contains(document.activeElement)) return false;
  const ids = new Set(findAll(fresh, "[id]").map((part) => part.id));
  for (let node = document.activeElement; node && node !== region; node = node.parentElement) {
    if (node.id && !ids.has(node.id)) return true;
  }
  return false;
}

/**
 * Return whether the new version may move a control that the mouse points at: it has more or fewer elements before it.
 * A finger points at nothing.
 * @param {HTMLElement} region
 * @param {HTMLElement} fresh
 */
function isMovedUnderMouse(region, fresh) {
  if (Date.now() - lastMovement >= MOUSE_REST) return false;
  if (region.querySelectorAll("*").length === fresh.querySelectorAll("*").length) return false;
  const control = matchMedia("(hover: hover)").matches && document.querySelector(`main :is(${CONTROLS}):hover`);
  const { DOCUMENT_POSITION_CONTAINED_BY, DOCUMENT_POSITION_FOLLOWING } = Node;
  const after = DOCUMENT_POSITION_CONTAINED_BY | DOCUMENT_POSITION_FOLLOWING;
  return Boolean(control && region.compareDocumentPosition(control) & after);
}

// ---- what the bar says

/** @param {View} view */
function describe(view) {
  const paused = isPaused();
  const state = readState(view, paused);
  const label = find(view.bar, "[data-live-state]");
  const words = describeState(view, state);
  if (label.textContent !== words) label.textContent = words;
  for (const name of ["badge", "badge-warn"]) label.classList.toggle(name, WARNINGS.has(state));
  find(view.bar, "[data-live-sign-in]").hidden = state !== "signed-out";
  find(view.bar, "[data-live-reload]").hidden = state !== "outdated";
  const button = find(view.bar, "[data-live-pause]");
  const act = paused ? gettext("Resume updates") : gettext("Pause updates");
  if (button.textContent !== act) button.textContent = act;
  button.hidden = Boolean(view.ending);
  if (view.state !== state) sayState(view.state, state, words);
  view.state = state;
}

/**
 * @param {View} view
 * @param {boolean} paused
 */
function readState(view, paused) {
  if (view.ending) return view.ending;
  if (paused) return "paused";
  if (view.failures) return "lost";
  return view.waiting.length && !isMoving() ? "waiting" : "";
}

/**
 * @param {View} view
 * @param {string} state
 */
function describeState(view, state) {
  if (state === "signed-out") return gettext("You are signed out.");
  if (state === "outdated") return gettext("This page has changed.");
  if (state === "paused") return gettext("Updates are paused.");
  if (state === "lost") return gettext("Not connected. Trying again.");
  if (state === "waiting") return gettext("New figures wait until you move on.");
  const seconds = Math.floor((Date.now() - view.updatedAt) / 1000);
  return "checks" in view.bar.dataset ? describeCheck(seconds) : describeAge(seconds);
}

/** @param {number} seconds */
function describeCheck(seconds) {
  if (seconds < 10) return gettext("Checked just now");
  if (seconds < 60) return gettext("Checked %(n)s s ago", { n: Math.floor(seconds / 10) * 10 });
  return gettext("Checked %(n)s min ago", { n: Math.floor(seconds / 60) });
}

/** @param {number} seconds */
function describeAge(seconds) {
  if (seconds < 10) return gettext("Updated just now");
  if (seconds < 60) return gettext("Updated %(n)s s ago", { n: Math.floor(seconds / 10) * 10 });
  return gettext("Updated %(n)s min ago", { n: Math.floor(seconds / 60) });
}

/**
 * Say that the connection is lost or back, or that updates have ended.
 * @param {string} before
 * @param {string} state
 * @param {string} words
 */
function sayState(before, state, words) {
  if (WARNINGS.has(state)) say(words);
  else if (before === "lost") say(gettext("Connected again."));
}

/** @param {string} words */
function say(words) {
  const region = findIfAny(document, "[data-live-said]");
  if (region) announce(region, words);
}

// ---- events

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element) || !event.target.closest("[data-live-pause]")) return;
  remember(STORE, !isPaused());
  if (current && !isPaused()) current.due = Date.now();
  tick();
});
for (const name of ["pointermove", "pointerdown", "wheel", "keydown"]) {
  document.addEventListener(name, () => { lastMovement = Date.now(); }, { passive: true, capture: true });
}
document.addEventListener("visibilitychange", tick);
window.addEventListener("online", () => {
  if (current) current.due = Date.now();
  tick();
});
setInterval(tick, TICK);
tick();
