// Sends chosen files in pieces by the tus protocol: some at a time, again after a failure, and on from where each ended.

import { gettext } from "./rate-site.js";

/** @typedef {import("./import-files.js").Chosen} Chosen */
/** @typedef {{ url: string, path: string, size: number, modified: string, offset: number }} Known an upload that is here */
/**
 * What tus-js-client has for us.
 * @typedef {{ getStatus: () => number, getBody: () => string, getHeader: (name: string) => string | undefined }} Answer
 * @typedef {Error & { originalResponse?: Answer | null }} Failure
 * @typedef {{ url: string | null, start: () => void, abort: () => Promise<void> }} Upload
 * @typedef {{ new (file: File, options: object): Upload }} UploadClass
 */

const AT_ONCE = 3;
const RETRY_DELAYS = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000, 60_000]; // milliseconds; a server restarts meanwhile
const FULL_DISK = 507;
const SILENCE = 4000; // milliseconds
const SPEED_WINDOW = 10_000; // milliseconds

export class Sending {
  /**
   * @param {Chosen[]} files
   * @param {{ endpoint: string, token: string, piece: number, known: Known[], onEnd: (urls: string[]) => void, onProblem: (words: string) => void }} options
   */
  constructor(files, options) {
    this.options = options;
    this.total = files.reduce((sum, { file }) => sum + file.size, 0);
    this.waiting = [...files];
    this.count = files.length;
    /** @type {Map<Chosen, Upload>} */
    this.running = new Map();
    /** @type {Map<string, number>} bytes of each file that have arrived, by path */
    this.sent = new Map();
    /** @type {string[]} */
    this.urls = [];
    /** @type {{ at: number, bytes: number }[]} */
    this.samples = [];
    this.isPaused = true;
    this.known = new Map(options.known.map((one) => [describe(one.path, one.size, one.modified), one]));
  }

  start() {
    this.isPaused = false;
    this.samples = [];
    for (const upload of this.running.values()) upload.start();
    this.fill();
  }

  pause() {
    this.isPaused = true;
    for (const upload of this.running.values()) void upload.abort();
  }

  get bytes() {
    return [...this.sent.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Return bytes per second over the last seconds, and the seconds that the rest takes; null while unknown. */
  measure() {
    const now = { at: Date.now(), bytes: this.bytes };
    this.samples = [...this.samples.filter(({ at }) => now.at - at < SPEED_WINDOW), now];
    const [first] = this.samples;
    const seconds = (now.at - first.at) / 1000;
    const speed = seconds >= 1 ? (now.bytes - first.bytes) / seconds : 0;
    return { bytes: now.bytes, speed, left: speed ? (this.total - now.bytes) / speed : null };
  }

  /** Return whether no byte has arrived for some seconds. */
  get isSilent() {
    const [first] = this.samples;
    return first !== undefined && Date.now() - first.at > SILENCE && first.bytes === this.bytes;
  }

  fill() {
    while (!this.isPaused && this.running.size < AT_ONCE) {
      const next = this.waiting.shift();
      if (!next) break;
      this.send(next);
    }
    if (!this.waiting.length && !this.running.size) this.options.onEnd(this.urls);
  }

  /** @param {Chosen} chosen */
  send(chosen) {
    const { file, path } = chosen;
    const known = this.known.get(describe(path, file.size, String(file.lastModified)));
    if (known && known.offset === file.size) {
      this.finish(chosen, known.url);
      return;
    }
    const { tus } = /** @type {{ tus: { Upload: UploadClass } }} */ (/** @type {unknown} */ (globalThis));
    const upload = new tus.Upload(file, {
      endpoint: this.options.endpoint,
      uploadUrl: known?.url ?? null,
      chunkSize: this.options.piece,
      uploadDataDuringCreation: true,
      storeFingerprintForResuming: false, // the site lists what it has
      retryDelays: RETRY_DELAYS,
      metadata: { filename: file.name, relativePath: path, modified: String(file.lastModified) },
      headers: { "X-CSRFToken": this.options.token, "HX-Request": "true" },
      onProgress: (/** @type {number} */ bytes) => { this.sent.set(path, bytes); },
      onShouldRetry: (/** @type {Failure} */ failure) => isWorthARetry(failure),
      onError: (/** @type {Failure} */ failure) => { this.stop(failure); },
      onSuccess: () => {
        this.running.delete(chosen);
        this.finish(chosen, upload.url ?? "");
        this.fill();
      },
    });
    this.running.set(chosen, upload);
    upload.start();
  }

  /**
   * @param {Chosen} chosen
   * @param {string} url
   */
  finish(chosen, url) {
    this.sent.set(chosen.path, chosen.file.size);
    this.urls.push(url);
  }

  /** @param {Failure} failure */
  stop(failure) {
    if (this.isPaused) return;
    this.pause();
    this.options.onProblem(explain(failure));
  }
}

/**
 * Describe a file, so that the same one is recognised later.
 * @param {string} path
 * @param {number} size
 * @param {string} modified
 */
function describe(path, size, modified) {
  return JSON.stringify([path, size, modified]);
}

/** @param {Failure} failure */
function isWorthARetry(failure) {
  const status = failure.originalResponse?.getStatus() ?? 0;
  return status === 0 || status === 409 || status === 423 || (status >= 500 && status !== FULL_DISK);
}

/** @param {Failure} failure */
function explain(failure) {
  const answer = failure.originalResponse;
  if (answer?.getHeader("HX-Redirect")) return gettext("You are signed out. Sign in again in another tab, then resume.");
  try {
    const { message } = JSON.parse(answer?.getBody() ?? "");
    if (message) return String(message);
  } catch {
    // A proxy answered, or nobody did.
  }
  if (answer) return gettext("The site answered %(status)s. Resume the upload, or reload the page.", { status: answer.getStatus() });
  return gettext("The site cannot be reached. What has arrived stays: resume the upload when the connection is back.");
}
