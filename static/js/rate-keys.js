// Keys of the desk. Single keys can be turned off (WCAG 2.1.4) and never work while somebody types.

import { recall, remember } from "./rate-prefs.js";

const PLAYER_KEYS = {
  p: "toggle", ",": "back", ".": "forward", "-": "slower", "+": "faster", "=": "faster", L: "loop", M: "mute", F: "fullscreen",
};
const TEXT_FIELDS = "textarea, select, input:not([type=radio], [type=checkbox], [type=range])";
const SPACE_IS_THEIRS = "button, a, summary, input[type=checkbox], input[type=radio]";

export function singleKeysOn() {
  return recall("single-keys", true);
}

export function wireSwitch(box) {
  box.checked = singleKeysOn();
  box.addEventListener("change", () => remember("single-keys", box.checked));
}

/** One listener for the page; `desk()` is the desk that is shown just now, or null. */
export function wireKeys(desk, open) {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.isComposing) return;
    const now = desk();
    const isHandled = chord(event, now) || (!isTyping(event.target) && single(event, now, open));
    if (isHandled) event.preventDefault();
  });
}

function isTyping(target) {
  return target.matches?.(TEXT_FIELDS) ?? false;
}

// Work everywhere, in a text box too.
function chord(event, desk) {
  if (!desk) return false;
  const isDown = event.key === "ArrowDown";
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) desk.submit();
  else if (event.altKey && (isDown || event.key === "ArrowUp")) desk.moveAxis(isDown ? 1 : -1);
  else if (event.key === "Escape") return desk.escape(event.target);
  else return false;
  return true;
}

function single(event, desk, open) {
  if (event.ctrlKey || event.metaKey || event.altKey || !singleKeysOn()) return false;
  if (event.key === "?") return open("keys");
  if (event.key === "G") return open("guidelines");
  if (!desk) return false;
  if (event.key === "B") return desk.box();
  if (event.target.matches?.("[data-seek]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    return desk.play(event.key === "ArrowLeft" ? "back" : "forward");
  }
  if (event.key === " ") return !event.target.matches(SPACE_IS_THEIRS) && desk.play("toggle");
  const player = PLAYER_KEYS[event.key];
  return player ? desk.play(player) : axisKey(event, desk);
}

function axisKey(event, desk) {
  const axis = desk.axis;
  const key = event.key;
  if (key === "Enter") {
    if (event.target.matches("button, a, summary")) return false;
    axis.reason.focus();
    axis.reason.setSelectionRange(axis.reason.value.length, axis.reason.value.length);
  } else if (/^[1-5]$/.test(key)) axis.setScore(Number(key));
  else if (key === "0") axis.toggleNone();
  else if (key === "i" || key === "o") desk.mark(key === "i" ? "in" : "out");
  else if (key === "y") axis.confirmDraft();
  else if (key === "x") axis.clearDraft();
  else return key.length === 1 && axis.toggleLetter(key.toLowerCase());
  return true;
}
