// What the parts of the desk share: finding and building nodes, requests, and what this browser remembers.

/** @typedef {import("./rate-axis.js").Answers} Answers */

/**
 * @typedef {HTMLElementEventMap & WindowEventMap & DocumentEventMap & { moved: Event, shown: Event }} Events
 *   `moved` and `shown` are the player's own.
 */

/**
 * What a refusal says: words for the rater, the problems of each axis, that the lease is lost, or what another page saved.
 * @typedef {{ axes: Record<string, string[]>, general: string[] }} Problems
 * @typedef {{ message?: string, lost?: boolean, problems?: Problems } & Partial<Saved>} Refusal
 * @typedef {{ answers: Answers, version: number, saved_at: string }} Saved
 */

// ---- nodes that the template promises

/**
 * Return the first node that fits; throw if no node does.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [type] of a plain element, where left out
 * @returns {T}
 */
export function find(root, selector, type) {
  const node = findIfAny(root, selector, type);
  if (!node) throw new Error(`missing node ${selector}`);
  return node;
}

/**
 * Return the first node that fits, or null.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [type]
 * @returns {T | null}
 */
export function findIfAny(root, selector, type) {
  const node = root.querySelector(selector);
  return node instanceof (type ?? HTMLElement) ? /** @type {T} */ (node) : null;
}

/**
 * Return every node that fits, in the order of the page.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [type]
 * @returns {T[]}
 */
export function findAll(root, selector, type) {
  const nodes = [...root.querySelectorAll(selector)].filter((node) => node instanceof (type ?? HTMLElement));
  return /** @type {T[]} */ (nodes);
}

/**
 * Return the element that an event happened to.
 * @param {Event} event
 * @returns {HTMLElement}
 */
export function readTarget(event) {
  return event.target instanceof HTMLElement ? event.target : document.body;
}

/**
 * Listen until `signal` aborts; nothing happens where there is no target.
 * @template {keyof Events} K
 * @param {EventTarget | null} target
 * @param {K} event
 * @param {(event: Events[K]) => void} handler
 * @param {AddEventListenerOptions} options
 */
export function listen(target, event, handler, options) {
  target?.addEventListener(event, /** @type {EventListener} */ (handler), options);
}

// ---- nodes, from text and never from markup

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/**
 * Replace what a polite live region says. The same words twice are read twice.
 * @param {HTMLElement} region
 * @param {string} words
 */
export function announce(region, words) {
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = words; });
}

// ---- words, in the reader's language: Django's catalogue where the page has loaded one (docs/translating.md)

/** @typedef {{ gettext?: (words: string) => string }} Catalogue of Django */

/**
 * Translate a sentence: `gettext("%(defect)s marked", { defect })`. A sentence is one message; names are filled in afterwards.
 * @param {string} words
 * @param {Record<string, string | number>} [values]
 */
export function gettext(words, values = {}) {
  const { django } = /** @type {{ django?: Catalogue }} */ (globalThis);
  return fillNames(django?.gettext?.(words) ?? words, values);
}

/**
 * Keep a name's own direction inside a sentence that is seen. A sentence that is only heard does not need it.
 * @param {string} name
 */
export function isolate(name) {
  return `\u2068${name}\u2069`;
}

/**
 * @param {string} words
 * @param {Record<string, string | number>} values
 */
function fillNames(words, values) {
  return words.replace(/%\((\w+)\)s/g, (_whole, name) => String(values[name]));
}

// ---- requests: each answer that is not the expected one becomes one of four named errors

const BUSY_PAUSE = 5; // seconds

export class Unreachable extends Error {}
/** The site answers, and is too busy to take the request: send it again after `seconds`. */
export class Busy extends Unreachable {
  /**
   * @param {string} words
   * @param {number} seconds
   */
  constructor(words, seconds) {
    super(words);
    this.seconds = seconds;
  }
}
export class SignedOut extends Error {}
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {Refusal} data
   */
  constructor(status, data) {
    super(data.message || gettext("The site answered %(status)s.", { status }));
    this.status = status;
    this.data = data;
  }
}

/**
 * @param {string} url
 * @param {RequestInit} options
 */
export async function send(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", redirect: "error", ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable(gettext("The site cannot be reached."));
  }
  if (response.status === 503) throw new Busy(gettext("The site is busy."), readRetrySeconds(response));
  if (response.headers.has("HX-Redirect")) throw new SignedOut(gettext("You are signed out."));
  return response;
}

/**
 * Read Retry-After in seconds, as this site sends it. A proxy may send none, or a date.
 * @param {Response} response
 */
function readRetrySeconds(response) {
  const seconds = Number(response.headers.get("Retry-After") || BUSY_PAUSE);
  return Number.isFinite(seconds) ? Math.min(60, Math.max(1, seconds)) : BUSY_PAUSE;
}

/**
 * POST form data. Resolves with the response, or throws Unreachable (or Busy), SignedOut or Refused.
 * @param {string} url
 * @param {FormData} data
 * @param {{ keepalive?: boolean }} [options]
 */
export async function post(url, data, { keepalive = false } = {}) {
  const headers = { "HX-Request": "true", "X-CSRFToken": String(data.get("csrfmiddlewaretoken") ?? "") };
  const fields = [...data].map(([name, value]) => [name, String(value)]);
  const response = await send(url, { method: "POST", body: new URLSearchParams(fields), headers, keepalive });
  if (response.ok) return response;
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  throw new Refused(response.status, isJson ? await response.json() : {});
}

/**
 * GET JSON; null for an empty answer (204).
 * @param {string} url
 * @param {AbortSignal} signal
 */
export async function getJson(url, signal) {
  const response = await send(url, { headers: { "HX-Request": "true" }, signal });
  if (response.status === 204) return null;
  if (!response.ok) throw new Refused(response.status, {});
  return response.json();
}

// ---- what this browser keeps: the rater's choices (loop, speed, sound, keys) and what they typed. Its store may be full or off.

const PREFIX = "qsave:rate:";

/**
 * @param {string} name
 * @param {unknown} value
 */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A full or forbidden store costs comfort, never work: the server keeps the answers too.
  }
}

/**
 * Return what `remember` stored, or `otherwise`.
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {T}
 */
export function recall(name, otherwise) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** @param {string} name */
export function forget(name) {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // as above
  }
}

/**
 * Drop entries under `start` whose `at` is more than `days` ago.
 * @param {string} start
 * @param {number} days
 */
export function forgetOld(start, days) {
  /** @type {string[]} */
  const keys = [];
  try {
    for (let index = 0; index < localStorage.length; index += 1) keys.push(localStorage.key(index) ?? "");
  } catch {
    return;
  }
  for (const key of keys) {
    if (!key.startsWith(PREFIX + start)) continue;
    const name = key.slice(PREFIX.length);
    const entry = recall(name, /** @type {{ at?: number } | null} */ (null));
    if (!((entry?.at ?? 0) > Date.now() - days * 86400000)) forget(name);
  }
}
