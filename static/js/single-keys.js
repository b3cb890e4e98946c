// Whether single keys act on a page (WCAG 2.1.4): this browser remembers the choice for every page.

import { recall, remember } from "./rate-site.js";

export function areSingleKeysOn() {
  return recall("single-keys", true);
}

/** @param {HTMLInputElement} box */
export function wireSwitch(box) {
  box.checked = areSingleKeysOn();
  box.addEventListener("change", () => remember("single-keys", box.checked));
}
