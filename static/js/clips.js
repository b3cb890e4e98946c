// The list of clips: keys that move over its rows, the clips that are chosen, and the dialog of an act on them.
//
// htmx swaps the list, so every node is looked up when it is needed.

import { Choice } from "./clip-choice.js";
import { stop, togglePlay } from "./clip-thumbs.js";
import { readKey } from "./keys.js";
import { find, findAll, findIfAny, getJson, gettext, readTarget } from "./rate-site.js";
import { areSingleKeysOn, wireSwitch } from "./single-keys.js";

const FIELDS = "textarea, select, input:not([type=radio], [type=checkbox], [type=range])";
const ANSWER_TIME = 30_000; // milliseconds
const STORE = `qsave:clips:${location.pathname}`;
/** @type {Record<string, () => void>} */
const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  x: () => toggleChoice(),
  e: () => askToExclude(),
  p: () => { const row = findCurrent(); if (row) togglePlay(row); },
  "/": () => find(document, "#filter-q", HTMLInputElement).select(),
  "?": () => find(document, "[data-show-keys]").click(),
};
let choice = new Choice();
/** The end of the next page to go to, once it is there: 0 for its first row, -1 for its last. @type {number | null} */
let waiting = null;

// ---- rows

function listRows() {
  return findAll(document, "[data-item]");
}

function findCurrent() {
  return findIfAny(document, "[data-item][aria-current]");
}

/** @param {HTMLElement | null | undefined} row */
function setCurrent(row) {
  findCurrent()?.removeAttribute("aria-current");
  if (!row) return;
  row.setAttribute("aria-current", "true");
  keep(row);
}

/** @param {HTMLElement | null | undefined} row */
function focusRow(row) {
  if (!row) return;
  find(row, "th a").focus();
  row.scrollIntoView({ block: "nearest" });
}

/** @param {number} step */
function move(step) {
  const rows = listRows();
  const current = findCurrent();
  const index = current ? rows.indexOf(current) + step : 0;
  if (rows[index]) return focusRow(rows[index]);
  const link = findIfAny(document, step > 0 ? "#clip-list a[rel=next]" : "#clip-list a[rel=prev]");
  if (!link) return;
  waiting = step > 0 ? 0 : -1;
  link.click();
}

// ---- this tab remembers the current row, so that one comes back to it from a clip

/**
 * Remember a row, or the row that takes its place once it is gone.
 * @param {HTMLElement} row
 * @param {boolean} [isLeft] True if the page is left for a clip or an act
 */
function keep(row, isLeft = false) {
  const value = { item: row.dataset.item, index: listRows().indexOf(row), isLeft };
  try {
    sessionStorage.setItem(STORE, JSON.stringify(value));
  } catch {
    // a full or forbidden store costs comfort only
  }
}

/** Go to the clip that the address names, or the row that took its place; else to where this tab was. */
function restore() {
  const place = findIfAny(document, "#clip-list [data-place]");
  const [visit] = performance.getEntriesByType("navigation");
  const isBack = visit instanceof PerformanceNavigationTiming && visit.type === "back_forward";
  if (place && !isBack) return focusRow(place);
  let stored = null;
  try {
    stored = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
  } catch {
    return;
  }
  if (!stored) return;
  const rows = listRows();
  const row = rows.find((one) => one.dataset.item === stored.item) ?? rows[Math.min(stored.index, rows.length - 1)];
  setCurrent(row);
  if (stored.isLeft) focusRow(row);
}

// ---- chosen clips

/** @param {string} [state] */
function listBoxes(state = "") {
  return findAll(document, `#clip-list .choose input${state}`, HTMLInputElement);
}

/** Read the choice of the list on the page, which may be another list now. */
function readChoice() {
  choice = new Choice(findIfAny(document, "#clip-acts [name=list]", HTMLInputElement)?.value);
  showChoice();
}

function toggleChoice() {
  const row = findCurrent();
  if (!row) return;
  find(row, ".choose input", HTMLInputElement).click();
}

/** Show the choice of this list: its boxes on this page, the count, and what a form sends of other pages. */
function showChoice() {
  const all = findIfAny(document, "[data-choose-all]", HTMLInputElement);
  const count = findIfAny(document, "[data-chosen-count]");
  find(document, "#clip-list").toggleAttribute("data-has-choice", choice.keys.size > 0);
  if (!all || !count) return;
  for (const box of listBoxes()) box.checked = choice.keys.has(Number(box.value));
  const here = listBoxes(":checked").length;
  all.checked = here > 0 && here === listBoxes().length;
  all.indeterminate = here > 0 && !all.checked;
  const keys = new Set(listBoxes().map((box) => Number(box.value)));
  find(document, "[data-chosen-elsewhere]", HTMLInputElement).value = choice.write(keys);
  count.textContent = describeChoice(choice.keys.size, here, Number(count.dataset.most));
}

/**
 * @param {number} n
 * @param {number} here on this page
 * @param {number} most that an act takes
 */
function describeChoice(n, here, most) {
  if (n > most) return gettext("%(n)s chosen, at most %(most)s at once", { n, most });
  return n === here ? gettext("%(n)s chosen", { n }) : gettext("%(n)s chosen, %(here)s on this page", { n, here });
}

/**
 * Choose all clips of the list, on every page, as many as an act takes.
 * @param {string} address of their keys
 */
async function chooseList(address) {
  try {
    const { items } = await getJson(address, AbortSignal.timeout(ANSWER_TIME));
    choice.add(items);
    showChoice();
  } catch {
    const error = find(document, "#page-error");
    error.textContent = error.dataset.unreachable ?? "";
    error.hidden = false;
  }
}

function clearChoice() {
  choice.clear();
  showChoice();
  find(document, "[data-choose-all]").focus(); // the bar with the button is gone
}

function askToExclude() {
  if (!choice.keys.size) toggleChoice();
  if (choice.keys.size) find(document, "#clip-acts [value=exclude]").click();
}

/** Remember the clip to continue from once the act is done: the one after the last excluded clip, else the present one. */
function leaveForAct() {
  const rows = listRows();
  const last = listBoxes(":checked").at(-1)?.closest("tr");
  const isExclusion = findIfAny(document, "#act-form")?.dataset.act === "exclude";
  const after = isExclusion && last ? rows[rows.indexOf(last) + 1] : null;
  const row = after ?? findCurrent() ?? last;
  if (row) keep(row, true);
}

// ---- events

document.addEventListener("focusin", (event) => {
  const row = readTarget(event).closest("[data-item]");
  if (row instanceof HTMLElement && row !== findCurrent()) setCurrent(row);
});

document.addEventListener("change", (event) => {
  const box = readTarget(event);
  if (!(box instanceof HTMLInputElement) || !box.matches("[data-choose-all], .choose input")) return;
  const boxes = box.matches("[data-choose-all]") ? listBoxes() : [box];
  choice.set(boxes.map((one) => Number(one.value)), box.checked);
  showChoice();
});

document.addEventListener("click", (event) => {
  const target = readTarget(event);
  const dialog = target.closest("dialog");
  const row = target.closest("[data-item]");
  if (dialog && target.closest("[data-cancel]")) {
    event.preventDefault();
    dialog.close();
  }
  if (row instanceof HTMLElement && target.closest("th a")) keep(row, true);
  if (target.closest("[data-clear-choice]")) clearChoice();
  const list = target.closest("[data-choose-list]");
  if (list instanceof HTMLElement) chooseList(list.dataset.chooseList ?? "");
  const chip = target.closest("[data-clear]");
  if (chip instanceof HTMLElement) clearFilter(event, chip.dataset.clear ?? "");
});

/**
 * Empty a field of the filters: the form then shows what the list does.
 * @param {Event} event
 * @param {string} name
 */
function clearFilter(event, name) {
  const form = find(document, "#clip-filter", HTMLFormElement);
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = false;
  else if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = "";
  event.preventDefault();
  form.requestSubmit();
}

document.addEventListener("submit", (event) => {
  if (readTarget(event).id !== "act-form") return;
  leaveForAct();
  choice.clear();
});

document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = event.target;
  if (!(dialog instanceof HTMLDialogElement)) return;
  dialog.showModal();
  (findIfAny(dialog, ".field input") ?? findIfAny(dialog, ".dialog-actions :last-child"))?.focus();
});

document.addEventListener("htmx:afterSettle", () => {
  readChoice();
  const rows = listRows();
  if (waiting === null || !rows.length) return;
  focusRow(rows.at(waiting));
  waiting = null;
});

document.addEventListener("keydown", (event) => {
  const key = readKey(event);
  const target = readTarget(event);
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (press(key, target)) event.preventDefault();
});

/**
 * @param {string} key
 * @param {HTMLElement} target
 */
function press(key, target) {
  if (key === "Escape") return stop() || leaveField(target);
  if (target.matches(FIELDS)) return false;
  if (key === "Enter" && target.matches("body, main")) {
    const row = findCurrent();
    if (row) find(row, "th a").click();
    return Boolean(row);
  }
  if (!areSingleKeysOn() || !Object.hasOwn(KEYS, key)) return false;
  KEYS[key]();
  return true;
}

/** @param {HTMLElement} target */
function leaveField(target) {
  if (!target.closest("#clip-filter")) return false;
  const row = findCurrent() ?? listRows()[0];
  if (row) focusRow(row);
  else target.blur();
  return true;
}

wireSwitch(find(document, "[data-single-keys]", HTMLInputElement));
restore();
readChoice();
