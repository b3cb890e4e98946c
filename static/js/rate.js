// The rating page: holds the desk of the clip at hand, swaps in the next one, opens the panels, and hears the keys.

import { keyOf } from "./keys.js";
import { Desk } from "./rate-desk.js";
import { Busy, announce, gettext, post, recall, remember } from "./rate-site.js";
import { watchSitting } from "./rate-viewing.js";

const PLAYER_KEYS = {
  p: "toggle", ",": "back", ".": "forward", "-": "slower", "+": "faster", "=": "faster", L: "loop", M: "mute", F: "fullscreen", Z: "zoom",
};
const REPEATING = new Set([...",.-+=zU", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);
const TEXT_FIELDS = "textarea, select, input:not([type=radio], [type=checkbox], [type=range])";
const SPACE_IS_THEIRS = "button, a, summary, input[type=checkbox], input[type=radio]";

const place = document.querySelector("#desk");
const status = document.querySelector("[data-status]");
const saved = document.querySelector("[data-saved]");

const site = {
  say: (words) => announce(status, words),
  showSaved: (words) => { saved.textContent = words; },
  swap,
};

let desk = null;

function begin({ isFirst }) {
  for (const node of document.querySelectorAll("[data-needs-script]")) node.hidden = false;
  const root = place.querySelector("[data-desk]");
  desk = root ? new Desk(root, site) : null;
  const start = place.querySelector("[data-start]");
  if (start) startBy(start);
  if (isFirst) {
    desk?.axis.root.focus({ preventScroll: true });
    return;
  }
  const target = desk?.axis.root ?? place.querySelector("[data-state]");
  scrollTo(0, 0);
  target?.focus({ preventScroll: true });
  const prompt = place.querySelector("[data-prompt]")?.textContent;
  const warning = place.querySelector("[data-warning] p")?.textContent ?? "";
  site.say(prompt ? gettext("Next clip. %(warning)s Prompt: %(prompt)s", { warning, prompt }) : place.querySelector("h2")?.textContent ?? "");
}

function swap(html) {
  desk?.leave();
  place.innerHTML = html; // our own template, escaped there
  site.showSaved("");
  begin({ isFirst: false });
}

// The first clip comes by itself, by a POST: opening a page must not take a seat, a person looking at it may.
function startBy(form) {
  const take = async () => {
    if (!form.isConnected) return; // another press of the button was quicker
    try {
      swap(await (await post(form.action, new FormData(form))).text());
    } catch (error) {
      if (error instanceof Busy) setTimeout(take, error.seconds * 1000);
      site.showSaved(error instanceof Busy ? error.message : `${error.message} ${gettext("Try the button.")}`);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
  if (document.hidden) document.addEventListener("visibilitychange", take, { once: true });
  else take();
}

function open(name) {
  const dialog = document.querySelector(`#${name}`);
  dialog.showModal();
  return true;
}

// ---- keys: single ones can be turned off (WCAG 2.1.4) and never work while somebody types

function singleKeysOn() {
  return recall("single-keys", true);
}

function wireSwitch(box) {
  box.checked = singleKeysOn();
  box.addEventListener("change", () => remember("single-keys", box.checked));
}

function wireKeys() {
  let done = ""; // the key that did something: held down it does no more, nor types into the box that it opened
  document.addEventListener("keydown", (event) => {
    const key = keyOf(event);
    if (!key || document.querySelector("dialog[open]")) return;
    if (event.repeat && key === done) {
      event.preventDefault();
      return;
    }
    const isHandled = chord(event, key) || (!isTyping(event.target) && (stepChord(event, key) || single(event, key)));
    if (isHandled) event.preventDefault();
    done = isHandled && !REPEATING.has(key) ? key : "";
  });
}

function isTyping(target) {
  return target.matches?.(TEXT_FIELDS) ?? false;
}

// Work everywhere, in a text box too.
function chord(event, key) {
  if (!desk) return false;
  const isDown = key === "ArrowDown";
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) desk.submit();
  else if (event.altKey && (isDown || key === "ArrowUp")) desk.moveAxis(isDown ? 1 : -1);
  else if (key === "Escape") return desk.escape(event.target);
  else return false;
  return true;
}

// Not in a text box: there the browser undoes what was typed.
function stepChord(event, key) {
  const isRedo = key === "y" || key === "Z";
  if (!desk || event.altKey || !(event.ctrlKey || event.metaKey) || !(isRedo || key === "z")) return false;
  return desk.step(!isRedo);
}

function single(event, key) {
  if (event.ctrlKey || event.metaKey || event.altKey || !singleKeysOn()) return false;
  if (key === "?") return open("keys");
  if (key === "G") return open("guidelines");
  if (!desk) return false;
  if (key === "B") return desk.box();
  if (key === "z" || key === "U") return desk.step(key === "z");
  if (event.target.matches?.("[data-seek]") && ["ArrowLeft", "ArrowRight"].includes(key)) {
    return desk.play(key === "ArrowLeft" ? "back" : "forward");
  }
  if (key === " ") return !event.target.matches(SPACE_IS_THEIRS) && desk.play("toggle");
  const player = PLAYER_KEYS[key];
  return player ? desk.play(player) : axisKey(event, key);
}

function axisKey(event, key) {
  const axis = desk.axis;
  if (key === "Enter") {
    if (event.target.matches("button, a, summary")) return false;
    axis.reason.focus();
    axis.reason.setSelectionRange(axis.reason.value.length, axis.reason.value.length);
  } else if (/^[1-5]$/.test(key)) axis.setScore(Number(key));
  else if (key === "0") axis.toggleNone();
  else if (key === "i" || key === "o") desk.mark(key === "i" ? "in" : "out");
  else if (key === "y") axis.confirmDraft();
  else if (key === "x") axis.clearDraft();
  else if (key === "/") axis.openSearch();
  else return key.length === 1 && axis.toggleLetter(key.toLowerCase());
  return true;
}

// ---- begin

for (const opener of document.querySelectorAll("[data-open]")) {
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    open(opener.dataset.open);
  });
}
for (const closer of document.querySelectorAll("[data-close]")) {
  closer.addEventListener("click", () => closer.closest("dialog").close());
}
wireSwitch(document.querySelector("[data-single-keys]"));
wireKeys();
watchSitting(document.querySelector("[data-sitting]"));
begin({ isFirst: true });
