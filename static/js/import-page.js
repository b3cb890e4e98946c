// The page that starts an import: shows what was chosen before anything is sent, then the progress of the upload.

import { findManifest, isHidden, listDrop, listInput, mayNeedGenerator, sumBytes, sumFolders } from "./import-files.js";
import { Sending } from "./import-sending.js";
import { element, find, gettext, isolate } from "./rate-site.js";

/** @typedef {import("./import-files.js").Chosen} Chosen */

const MOST_FOLDERS = 60; // shown by name
const PERIOD = 500; // milliseconds between two looks at the progress

const form = find(document, "form[data-import]", HTMLFormElement);
const drop = find(form, "[data-drop]");
const plain = find(form, "[data-plain]");
const chosenBox = find(form, "[data-chosen]");
const sendingBox = find(form, "[data-sending]");
const generator = find(form, "[data-generator]");
const problem = find(form, "[data-problem]");
const startButton = find(form, "[data-start]", HTMLButtonElement);
const pauseButton = find(form, "[data-pause]", HTMLButtonElement);
const clearButton = find(form, "[data-clear]", HTMLButtonElement);
const bar = find(form, "[data-bar]", HTMLProgressElement);
const figures = find(form, "[data-figures]");
const keys = find(form, "[name=uploads]", HTMLInputElement);
const known = JSON.parse(find(form, "#unfinished-uploads", HTMLScriptElement).textContent ?? "[]");

/** @type {Map<string, Chosen>} */
const chosen = new Map();
/** @type {Set<string>} */
const replaced = new Set(); // paths of which another file was chosen before
let hiddenCount = 0;
/** @type {Sending | null} */
let sending = null;

if ("tus" in globalThis) begin();

function begin() {
  const refusal = plain.querySelector("[role=alert]");
  if (refusal) plain.before(refusal);
  plain.hidden = true;
  drop.hidden = false;
  generator.hidden = !hasGeneratorText();
  for (const name of ["files", "folder"]) {
    const input = find(form, `[data-input=${name}]`, HTMLInputElement);
    find(form, `[data-pick=${name}]`).addEventListener("click", () => { input.click(); });
    input.addEventListener("change", () => {
      add(listInput(input));
      input.value = "";
    });
  }
  for (const input of form.querySelectorAll("input")) add(listInput(input)); // chosen before this script was here
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.toggleAttribute("data-over", true);
  });
  drop.addEventListener("dragleave", () => { drop.toggleAttribute("data-over", false); });
  drop.addEventListener("drop", (event) => void receiveDrop(event));
  form.addEventListener("submit", submit);
  pauseButton.addEventListener("click", togglePause);
  clearButton.addEventListener("click", clear);
  window.addEventListener("online", () => { if (sending?.isPaused && !problem.hidden) resume(); });
  window.addEventListener("beforeunload", (event) => { if (sending && !sending.isPaused) event.preventDefault(); });
  show();
}

// ---- choosing

/** @param {DragEvent} event */
async function receiveDrop(event) {
  event.preventDefault();
  drop.toggleAttribute("data-over", false);
  if (!event.dataTransfer || sending) return;
  try {
    add(await listDrop(event.dataTransfer));
  } catch {
    showProblem(gettext("Some of these files cannot be read. Check that you may open them, then drop them again."));
  }
}

/** @param {Chosen[]} files */
function add(files) {
  for (const one of files) {
    if (isHidden(one.path)) hiddenCount += 1;
    else {
      const earlier = chosen.get(one.path)?.file;
      if (earlier && !isSameFile(earlier, one.file)) replaced.add(one.path);
      chosen.set(one.path, one);
    }
  }
  show();
}

/**
 * @param {File} first
 * @param {File} second
 */
function isSameFile(first, second) {
  return first.size === second.size && first.lastModified === second.lastModified;
}

function clear() {
  chosen.clear();
  replaced.clear();
  hiddenCount = 0;
  keys.value = "";
  show();
}

function show() {
  const files = [...chosen.values()];
  const arrived = countArrived();
  const most = Number(form.dataset.maxFiles);
  showProblem(files.length > most ? gettext("These are more than %(most)s files. Send them as a zip.", { most }) : describeReplaced());
  chosenBox.hidden = !files.length && !arrived;
  clearButton.hidden = chosenBox.hidden;
  startButton.disabled = chosenBox.hidden || files.length > most;
  generator.hidden = !mayNeedGenerator(files) && !hasGeneratorText();
  chosenBox.replaceChildren(...describeChoice(files, arrived));
}

/** Count the uploads that a form which was refused brings back: they need not be sent again. */
function countArrived() {
  return keys.value.split(" ").filter(Boolean).length;
}

function describeReplaced() {
  const [name] = replaced;
  if (!name) return "";
  const values = { name: isolate(name), n: replaced.size };
  return gettext("Only the last file named %(name)s is chosen (names chosen twice: %(n)s). Clear the choice and choose the folder that holds all files: they keep their paths then.", values);
}

function hasGeneratorText() {
  return Boolean(generator.querySelector("[role=alert]") || find(generator, "input", HTMLInputElement).value);
}

/**
 * @param {Chosen[]} files
 * @param {number} arrived
 */
function describeChoice(files, arrived) {
  const nodes = [];
  if (arrived) nodes.push(element("p", {}, gettext("Files that are uploaded already: %(n)s", { n: arrived })));
  if (!files.length) return nodes;
  const folders = [...sumFolders(files)].sort(([first], [second]) => (first < second ? -1 : 1));
  const total = { n: files.length.toLocaleString(), size: formatBytes(sumBytes(files)), folders: folders.length };
  nodes.push(element("p", {}, element("strong", {}, gettext("Files: %(n)s (%(size)s), in folders: %(folders)s", total))));
  nodes.push(element("p", { className: "muted" }, describeManifest(files)));
  nodes.push(element("ul", { className: "chosen-folders" }, ...folders.slice(0, MOST_FOLDERS).map(describeFolder)));
  if (folders.length > MOST_FOLDERS) {
    nodes.push(element("p", { className: "muted" }, gettext("and %(n)s more folders", { n: folders.length - MOST_FOLDERS })));
  }
  if (hiddenCount) nodes.push(element("p", { className: "muted" }, gettext("Hidden files that are left out: %(n)s", { n: hiddenCount })));
  return nodes;
}

/** @param {Chosen[]} files */
function describeManifest(files) {
  const name = findManifest(files);
  if (name) return gettext("Manifest: %(name)s", { name: isolate(name) });
  return gettext("No manifest: the folder of a video names its generator, and a text file or the file name its prompt.");
}

/** @param {[string, import("./import-files.js").Size]} folder */
function describeFolder([name, size]) {
  return element(
    "li",
    {},
    name ? element("bdi", {}, name) : gettext("in no folder"),
    element("span", { className: "chosen-size" }, `${size.count.toLocaleString()} · ${formatBytes(size.bytes)}`),
  );
}

// ---- sending

/** @param {SubmitEvent} event */
function submit(event) {
  if (!chosen.size) return; // uploads that a refused form brought back go with the form itself
  event.preventDefault();
  if (sending) {
    resume();
    return;
  }
  sending = new Sending([...chosen.values()], {
    endpoint: form.dataset.endpoint ?? "",
    token: find(form, "[name=csrfmiddlewaretoken]", HTMLInputElement).value,
    piece: Number(form.dataset.piece),
    known,
    onEnd: finish,
    onProblem: (words) => { showState(words); },
  });
  clearButton.hidden = true;
  drop.hidden = true;
  sendingBox.hidden = false;
  setInterval(showProgress, PERIOD);
  resume();
}

function togglePause() {
  if (sending?.isPaused) resume();
  else pause();
}

function pause() {
  sending?.pause();
  showState("");
}

function resume() {
  sending?.start();
  showState("");
}

/** @param {string} words */
function showState(words) {
  const isPaused = sending?.isPaused ?? true;
  showProblem(words);
  startButton.hidden = true;
  pauseButton.hidden = false;
  pauseButton.textContent = isPaused ? gettext("Resume") : gettext("Pause");
  form.setAttribute("aria-busy", String(!isPaused));
  showProgress();
}

function showProgress() {
  if (!sending) return;
  const { bytes, speed, left } = sending.measure();
  bar.value = sending.total ? bytes / sending.total : 1;
  const values = { sent: formatBytes(bytes), total: formatBytes(sending.total), done: sending.urls.length, n: sending.count };
  const words = [gettext("%(sent)s of %(total)s, files: %(done)s of %(n)s", values)];
  if (sending.isPaused) words.push(gettext("paused"));
  else if (left !== null) words.push(gettext("%(speed)s per second", { speed: formatBytes(speed) }), formatTime(left));
  else if (sending.isSilent) words.push(gettext("waiting for the site to answer"));
  figures.textContent = words.join(" · ");
}

/** @param {string[]} urls */
function finish(urls) {
  const arrived = urls.map((url) => url.split("/").at(-1) ?? "");
  keys.value = [...keys.value.split(" "), ...arrived].filter(Boolean).join(" ");
  if (sending) sending.isPaused = true; // nothing is lost any more when the page is left
  pauseButton.hidden = true;
  figures.textContent = gettext("Everything has arrived. The import is being made.");
  for (const input of form.querySelectorAll("input[type=file]")) input.toggleAttribute("disabled", true);
  form.submit();
}

/** @param {string} words */
function showProblem(words) {
  problem.textContent = words;
  problem.hidden = !words;
}

// ---- figures

/** @param {number} bytes */
function formatBytes(bytes) {
  const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log(bytes) / Math.log(1024)));
  const digits = power && bytes / 1024 ** power < 10 ? 1 : 0;
  return `${(bytes / 1024 ** power).toFixed(digits)}\u00a0${["B", "KB", "MB", "GB", "TB"][power]}`;
}

/** @param {number} seconds */
function formatTime(seconds) {
  if (seconds < 90) return gettext("%(n)s s left", { n: Math.ceil(seconds) });
  if (seconds < 5400) return gettext("%(n)s min left", { n: Math.ceil(seconds / 60) });
  return gettext("%(n)s h left", { n: (seconds / 3600).toFixed(1) });
}
