// What the parts of the desk share: building nodes, requests, and what this browser remembers.

// ---- nodes, from text and never from markup

export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/** Replaces what a polite live region says; the same words twice are read twice. */
export function announce(region, words) {
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = words; });
}

// ---- words, in the reader's language: Django's catalogue where the page has loaded one (docs/translating.md)

/** `gettext("%(defect)s marked", { defect })`: a sentence is one message, and names in it are filled in afterwards. */
export function gettext(words, values = {}) {
  return filled(globalThis.django?.gettext?.(words) ?? words, values);
}

/** A name that keeps its own direction inside a sentence that is seen. A sentence that is only heard needs none of it. */
export function isolate(name) {
  return `\u2068${name}\u2069`;
}

function filled(words, values) {
  return words.replace(/%\((\w+)\)s/g, (_whole, name) => String(values[name]));
}

// ---- requests: every answer that is not the expected one becomes one of four named failures

const BUSY_PAUSE = 5; // seconds

export class Unreachable extends Error {}
/** The site is there and too busy to take it: to be sent again after so many `seconds`. */
export class Busy extends Unreachable {
  constructor(words, seconds) {
    super(words);
    this.seconds = seconds;
  }
}
export class SignedOut extends Error {}
export class Refused extends Error {
  constructor(status, data) {
    super(data.message || gettext("The site answered %(status)s.", { status }));
    this.status = status;
    this.data = data;
  }
}

async function send(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", redirect: "error", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable(gettext("The site cannot be reached."));
  }
  if (response.status === 503) throw new Busy(gettext("The site is busy just now."), pauseOf(response));
  if (response.headers.has("HX-Redirect")) throw new SignedOut(gettext("You are signed out."));
  return response;
}

// Retry-After in seconds, as this site sends it; a proxy may say nothing, or a date.
function pauseOf(response) {
  const seconds = Number(response.headers.get("Retry-After") || BUSY_PAUSE);
  return Number.isFinite(seconds) ? Math.min(60, Math.max(1, seconds)) : BUSY_PAUSE;
}

/** POSTs form data; resolves with the response, or throws Unreachable (or Busy), SignedOut or Refused. */
export async function post(url, data, { keepalive = false } = {}) {
  const headers = { "HX-Request": "true", "X-CSRFToken": data.get("csrfmiddlewaretoken") || "" };
  const response = await send(url, { method: "POST", body: new URLSearchParams(data), headers, keepalive });
  if (response.ok) return response;
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  throw new Refused(response.status, isJson ? await response.json() : {});
}

/** GETs JSON; null for an empty answer (204). */
export async function getJson(url, signal) {
  const response = await send(url, { headers: { "HX-Request": "true" }, signal });
  if (response.status === 204) return null;
  if (!response.ok) throw new Refused(response.status, {});
  return response.json();
}

// ---- what a rater likes (loop, speed, sound, keys) and has typed, kept in this browser; its store may be full or off

const PREFIX = "qsave:rate:";

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A full or forbidden store costs comfort, never work: the server keeps the answers too.
  }
}

export function recall(name, otherwise = null) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

export function forget(name) {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // as above
  }
}

/** Drops entries under `start` whose `at` lies more than `days` back. */
export function forgetOld(start, days) {
  const names = [];
  try {
    for (let index = 0; index < localStorage.length; index += 1) names.push(localStorage.key(index));
  } catch {
    return;
  }
  for (const key of names) {
    if (!key.startsWith(PREFIX + start)) continue;
    const name = key.slice(PREFIX.length);
    if (!(recall(name)?.at > Date.now() - days * 86400000)) forget(name);
  }
}
