// The review queue: a form that opens gets the focus, Escape closes it, and keys work on the list too.

import { readKey } from "./keys.js";
import { find, findAll, findIfAny } from "./rate-site.js";
import { areSingleKeysOn } from "./single-keys.js";

const FIELDS = "textarea, input:not([type=hidden])";
const TEXT_FIELDS = "textarea, select, input:not([type=radio], [type=checkbox], [type=range])";

/** @param {HTMLElement} act a form in its disclosure */
function wireAct(act) {
  if (!(act instanceof HTMLDetailsElement)) return;
  act.addEventListener("toggle", () => {
    if (!act.open) return;
    focusOn(act);
    act.scrollIntoView({ block: "nearest" });
  });
  act.addEventListener("keydown", (event) => {
    if (readKey(event) !== "Escape") return;
    act.open = false;
    find(act, "summary").focus();
  });
}

/**
 * Focus the first field at fault, else the first one; of a score the level that is chosen.
 * @param {HTMLElement} act
 */
function focusOn(act) {
  const field = findIfAny(act, "[aria-invalid=true]") ?? findIfAny(act, FIELDS);
  const chosen = field instanceof HTMLInputElement && findIfAny(act, `input[name="${field.name}"]:checked`);
  (chosen || field)?.focus();
}

for (const act of findAll(document, ".review-act")) {
  wireAct(act);
  if (act instanceof HTMLDetailsElement && act.open) focusOn(act);
}

// On the list there is no player, whose script reads the keys elsewhere.
if (!findIfAny(document, "[data-single-keys]")) {
  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    const key = readKey(event);
    if (!key || event.ctrlKey || event.metaKey || event.altKey || target.matches(TEXT_FIELDS) || !areSingleKeysOn()) return;
    const control = findIfAny(document, `[data-key="${CSS.escape(key)}"]`);
    if (!control) return;
    event.preventDefault();
    control.click();
  });
}
