// The files that a person chose or dropped, each with its path in the chosen folder.

/** @typedef {{ file: File, path: string }} Chosen */
/** @typedef {{ count: number, bytes: number }} Size */

const VIDEO = /\.(avi|gif|m4v|mkv|mov|mp4|webm)$/i;
const MANIFEST = /\.(csv|tsv|json|jsonl|ndjson|parquet)$/i;
const ARCHIVE = /\.zip$/i;
const HIDDEN = /(^|\/)(\.|__MACOSX)|(^|\/)(thumbs\.db|desktop\.ini)$/i;

/**
 * List the files of an input. Only a folder has paths.
 * @param {HTMLInputElement} input
 * @returns {Chosen[]}
 */
export function listInput(input) {
  return [...(input.files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/**
 * List the dropped files, and those in dropped folders.
 * @param {DataTransfer} transfer
 * @returns {Promise<Chosen[]>}
 */
export async function listDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  /** @type {Chosen[]} */
  const chosen = [];
  for (const entry of entries) await collect(entry, chosen);
  return chosen;
}

/**
 * @param {FileSystemEntry} entry
 * @param {Chosen[]} chosen
 */
async function collect(entry, chosen) {
  if (entry.isDirectory) {
    const children = await listFolder(/** @type {FileSystemDirectoryEntry} */ (entry));
    for (const child of children) await collect(child, chosen);
  } else {
    const file = await readEntry(/** @type {FileSystemFileEntry} */ (entry));
    chosen.push({ file, path: entry.fullPath.replace(/^\//, "") });
  }
}

/**
 * @param {FileSystemFileEntry} entry
 * @returns {Promise<File>}
 */
function readEntry(entry) {
  return new Promise((resolve, reject) => { entry.file(resolve, reject); });
}

/**
 * List all entries of a folder; the browser gives some at a time.
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<FileSystemEntry[]>}
 */
async function listFolder(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const entries = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return entries;
    entries.push(...some);
  }
}

/** @param {string} path */
export function isHidden(path) {
  return HIDDEN.test(path);
}

/** @param {Chosen[]} chosen */
export function sumBytes(chosen) {
  return chosen.reduce((sum, { file }) => sum + file.size, 0);
}

/**
 * Count the files and bytes of each folder; "" is for files in none.
 * @param {Chosen[]} chosen
 * @returns {Map<string, Size>}
 */
export function sumFolders(chosen) {
  /** @type {Map<string, Size>} */
  const folders = new Map();
  for (const { file, path } of chosen) {
    const name = findFolder(path);
    const size = folders.get(name) ?? { count: 0, bytes: 0 };
    folders.set(name, { count: size.count + 1, bytes: size.bytes + file.size });
  }
  return folders;
}

/**
 * Return whether the site may have to ask for a generator: without a manifest, for a video in no folder or in a zip.
 * @param {Chosen[]} chosen
 */
export function mayNeedGenerator(chosen) {
  if (findManifest(chosen)) return false;
  if (chosen.some(({ path }) => ARCHIVE.test(path))) return true;
  const folders = chosen.filter(({ path }) => VIDEO.test(path)).map(({ path }) => findFolder(path));
  const shared = folders.reduce((common, folder) => findCommon(common, folder), folders[0] ?? "");
  return folders.some((folder) => folder === shared) && (shared === "" || folders.some((folder) => folder !== shared));
}

/**
 * Return the path of a manifest at the top, or in the only folder there.
 * @param {Chosen[]} chosen
 */
export function findManifest(chosen) {
  return chosen.find(({ path }) => MANIFEST.test(path) && path.split("/").length <= 2)?.path ?? "";
}

/** @param {string} path */
function findFolder(path) {
  return path.split("/").slice(0, -1).join("/");
}

/**
 * @param {string} first
 * @param {string} second
 */
function findCommon(first, second) {
  const [left, right] = [first.split("/"), second.split("/")];
  const end = left.findIndex((part, index) => part !== right[index]);
  return (end < 0 ? left : left.slice(0, end)).join("/");
}
