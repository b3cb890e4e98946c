// The rating page: holds the desk of the clip at hand, swaps in the next one, and opens the panels.

import { Desk } from "./rate-desk.js";
import { announce } from "./rate-dom.js";
import { post } from "./rate-http.js";
import { wireKeys, wireSwitch } from "./rate-keys.js";

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
  site.say(prompt ? `Next clip. Prompt: ${prompt}` : place.querySelector("h2")?.textContent ?? "");
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
    try {
      swap(await (await post(form.action, new FormData(form))).text());
    } catch (error) {
      site.showSaved(`${error.message} Try the button.`);
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
wireKeys(() => desk, open);
begin({ isFirst: true });
