// The rating page: it holds the desk of the current clip, swaps in the next one, opens the panels, and handles the keys.

import { readKey } from "./keys.js";
import { Desk } from "./rate-desk.js";
import { Busy, announce, find, findAll, findIfAny, gettext, post, readTarget, recall, remember } from "./rate-site.js";
import { watchSitting } from "./rate-viewing.js";

/** @type {Record<string, import("./rate-player.js").Action>} */
const PLAYER_KEYS = {
  p: "toggle", ",": "back", ".": "forward", "-": "slower", "+": "faster", "=": "faster", L: "loop", M: "mute", F: "fullscreen", Z: "zoom",
};
const REPEATING = new Set([...",.-+=zU", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);
const TEXT_FIELDS = "textarea, select, input:not([type=radio], [type=checkbox], [type=range])";
const USES_SPACE = "button, a, summary, input[type=checkbox], input[type=radio]";

const container = find(document, "#desk");
const live = find(document, "[data-status]");
const saved = find(document, "[data-saved]");

/** @type {import("./rate-desk.js").Site} */
const site = {
  say: (words) => announce(live, words),
  showSaved: (words) => { saved.textContent = words; },
  swap,
};

/** @type {Desk | null} */
let desk = null;

/** @param {{ isFirst: boolean }} options */
function begin({ isFirst }) {
  for (const node of findAll(document, "[data-needs-script]")) node.hidden = false;
  const root = findIfAny(container, "[data-desk]");
  desk = root ? new Desk(root, site) : null;
  const start = findIfAny(container, "[data-start]", HTMLFormElement);
  if (start) startWith(start);
  if (isFirst) {
    desk?.axis.root.focus({ preventScroll: true });
    return;
  }
  const target = desk?.axis.root ?? findIfAny(container, "[data-state]");
  scrollTo(0, 0);
  target?.focus({ preventScroll: true });
  const prompt = container.querySelector("[data-prompt]")?.textContent;
  const warning = container.querySelector("[data-warning] p")?.textContent ?? "";
  site.say(prompt ? gettext("Next clip. %(warning)s Prompt: %(prompt)s", { warning, prompt }) : container.querySelector("h2")?.textContent ?? "");
}

/** @param {string} html */
function swap(html) {
  desk?.leave();
  container.innerHTML = html; // our own template, escaped there
  site.showSaved("");
  begin({ isFirst: false });
}

/**
 * Take the first clip by itself, with a POST: opening a page must not take a slot, but a person who looks at it does.
 * @param {HTMLFormElement} form
 */
function startWith(form) {
  const take = async () => {
    if (!form.isConnected) return; // an earlier request has taken a clip
    try {
      swap(await (await post(form.action, new FormData(form))).text());
    } catch (error) {
      if (error instanceof Busy) setTimeout(take, error.seconds * 1000);
      const { message } = /** @type {Error} */ (error);
      site.showSaved(error instanceof Busy ? message : `${message} ${gettext("Use the button.")}`);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
  if (document.hidden) document.addEventListener("visibilitychange", take, { once: true });
  else take();
}

/** @param {string} name */
function openDialog(name) {
  find(document, `#${name}`, HTMLDialogElement).showModal();
  return true;
}

// ---- keys: single keys can be turned off (WCAG 2.1.4) and do nothing while the rater types

function areSingleKeysOn() {
  return recall("single-keys", true);
}

/** @param {HTMLInputElement} box */
function wireSwitch(box) {
  box.checked = areSingleKeysOn();
  box.addEventListener("change", () => remember("single-keys", box.checked));
}

function wireKeys() {
  let done = ""; // the key that was handled: while held down it does nothing more, and does not type into a box it opened
  document.addEventListener("keydown", (event) => {
    const key = readKey(event);
    if (!key || document.querySelector("dialog[open]")) return;
    if (event.repeat && key === done) {
      event.preventDefault();
      return;
    }
    const isHandled = handleChord(event, key) || (!isTextField(event.target) && (handleUndo(event, key) || handleSingle(event, key)));
    if (isHandled) event.preventDefault();
    done = isHandled && !REPEATING.has(key) ? key : "";
  });
}

/** @param {EventTarget | null} target */
function isTextField(target) {
  return target instanceof Element && target.matches(TEXT_FIELDS);
}

/**
 * Handle the keys that work everywhere, also in a text box.
 * @param {KeyboardEvent} event
 * @param {string} key
 */
function handleChord(event, key) {
  if (!desk) return false;
  const isDown = key === "ArrowDown";
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) desk.submit();
  else if (event.altKey && (isDown || key === "ArrowUp")) desk.moveAxis(isDown ? 1 : -1);
  else if (key === "Escape") return desk.escape(readTarget(event));
  else return false;
  return true;
}

/**
 * Undo or redo. Not in a text box: there the browser undoes what was typed.
 * @param {KeyboardEvent} event
 * @param {string} key
 */
function handleUndo(event, key) {
  const isRedo = key === "y" || key === "Z";
  if (!desk || event.altKey || !(event.ctrlKey || event.metaKey) || !(isRedo || key === "z")) return false;
  return desk.step(!isRedo);
}

/**
 * @param {KeyboardEvent} event
 * @param {string} key
 */
function handleSingle(event, key) {
  if (event.ctrlKey || event.metaKey || event.altKey || !areSingleKeysOn()) return false;
  if (key === "?") return openDialog("keys");
  if (key === "G") return openDialog("guidelines");
  if (!desk) return false;
  if (key === "B") return desk.toggleBox();
  if (key === "z" || key === "U") return desk.step(key === "z");
  const target = readTarget(event);
  if (target.matches("[data-seek]") && ["ArrowLeft", "ArrowRight"].includes(key)) {
    return desk.play(key === "ArrowLeft" ? "back" : "forward");
  }
  if (key === " ") return !target.matches(USES_SPACE) && desk.play("toggle");
  const player = PLAYER_KEYS[key];
  return player ? desk.play(player) : handleAxisKey(desk, target, key);
}

/**
 * @param {Desk} current
 * @param {HTMLElement} target
 * @param {string} key
 */
function handleAxisKey(current, target, key) {
  const { axis } = current;
  if (key === "Enter") {
    if (target.matches("button, a, summary")) return false;
    axis.reason.focus();
    axis.reason.setSelectionRange(axis.reason.value.length, axis.reason.value.length);
  } else if (/^[1-5]$/.test(key)) axis.setScore(Number(key));
  else if (key === "0") axis.toggleNone();
  else if (key === "i" || key === "o") current.mark(key === "i" ? "in" : "out");
  else if (key === "y") axis.confirmDraft();
  else if (key === "x") axis.clearDraft();
  else if (key === "/") axis.openSearch();
  else return key.length === 1 && axis.toggleLetter(key.toLowerCase());
  return true;
}

// ---- begin

for (const opener of findAll(document, "[data-open]")) {
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    openDialog(opener.dataset.open ?? "");
  });
}
for (const closer of findAll(document, "[data-close]")) {
  closer.addEventListener("click", () => closer.closest("dialog")?.close());
}
wireSwitch(find(document, "[data-single-keys]", HTMLInputElement));
wireKeys();
watchSitting(find(document, "[data-sitting]"));
begin({ isFirst: true });
