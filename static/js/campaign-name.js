// A new campaign's short name follows its title until somebody edits the name.

import { find } from "./rate-site.js";

const MAX_LENGTH = 80;
const title = find(document, "[name=title]", HTMLInputElement);
const name = find(document, "[name=name]", HTMLInputElement);
let proposed = name.value;

/**
 * Make a short name from a title, by the rule of `propose_name` in annotation/campaigns/forms.py.
 * @param {string} text
 */
export function proposeName(text) {
  const letters = text.normalize("NFKD").replace(/\P{ASCII}/gu, "").toLowerCase();
  return letters.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, MAX_LENGTH).replace(/-+$/, "");
}

title.addEventListener("input", () => {
  if (name.value !== proposed) return;
  proposed = proposeName(title.value);
  name.value = proposed;
});
