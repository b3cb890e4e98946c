// The critic's draft on one axis: whether it was confirmed, edited or cleared, and word by word what an edit changed.

import { element, find, gettext } from "./rate-site.js";

/** @typedef {import("./rate-axis.js").Evidence} Evidence */
/** @typedef {{ kind: "same" | "del" | "ins", words: string[] }} Change what became of some words */
/** @typedef {{ confirmed?: boolean, cleared?: boolean, confirm_ms?: number | null }} DraftUse */

const STATES = {
  unconfirmed: () => gettext("unconfirmed"),
  confirmed: () => gettext("confirmed"),
  edited: () => gettext("edited by you"),
  cleared: () => gettext("cleared"),
};

/**
 * Write evidence as text that is the same for the same marks, in whatever order a database keeps the keys.
 * @param {Evidence[]} evidence
 */
export function writeMarks(evidence) {
  return JSON.stringify(evidence.map(({ defect, time, box }) => [defect, time, box]));
}

export class DraftBar {
  /**
   * @param {HTMLElement} bar
   * @param {(defect: string) => string} label names a defect
   */
  constructor(bar, label) {
    this.label = label;
    this.confirm = find(bar, '[name$="-confirm"]', HTMLInputElement);
    this.cleared = find(bar, '[name$="-cleared"]', HTMLInputElement);
    this.ms = find(bar, '[name$="-confirm_ms"]', HTMLInputElement);
    this.state = find(bar, "[data-draft-state]");
    this.changes = find(bar, "[data-draft-changes]");
    /** @type {{ reason: string, evidence: Evidence[] | null }} null where the critic says nothing of defects */
    this.proposal = JSON.parse(bar.dataset.draft ?? "");
    this.isAboutDefects = !this.proposal.reason.trim(); // the rater writes the reason
    this.shownAt = performance.now();
    find(bar, "[data-axis-action=clear]").hidden = false;
  }

  /**
   * Whether the axis still says what the critic wrote.
   * @param {{ reason: string, evidence: Evidence[] }} answer
   */
  isOwn({ reason, evidence }) {
    const hasOwnReason = this.isAboutDefects || reason.trim() === this.proposal.reason.trim();
    const { evidence: drafted } = this.proposal;
    return hasOwnReason && (drafted === null || writeMarks(evidence) === writeMarks(drafted));
  }

  read() {
    return {
      drafted: true,
      confirmed: this.confirm.checked,
      cleared: this.cleared.value === "1",
      confirm_ms: Number(this.ms.value) || null,
    };
  }

  /** @param {DraftUse} use */
  apply({ confirmed, cleared, confirm_ms: ms }) {
    this.confirm.checked = Boolean(confirmed);
    this.cleared.value = cleared ? "1" : "";
    this.ms.value = String(ms ?? "");
  }

  /** Note how long the first confirmation or edit took. */
  noteTime({ again = false } = {}) {
    if (again || !this.ms.value) this.ms.value = String(Math.round(performance.now() - this.shownAt));
  }

  /**
   * Show the state of an axis and return it.
   * @param {{ reason: string, evidence: Evidence[] }} answer
   */
  paint(answer) {
    const isOwn = this.isOwn(answer);
    /** @type {keyof typeof STATES} */
    let state = "unconfirmed";
    if (!isOwn) state = this.cleared.value ? "cleared" : "edited";
    else if (this.confirm.checked) state = "confirmed";
    this.state.textContent = STATES[state]();
    this.confirm.disabled = !isOwn;
    this.paintChanges(isOwn || this.cleared.value ? null : answer);
    return state;
  }

  /** @param {{ reason: string, evidence: Evidence[] } | null} answer null where there is nothing to compare */
  paintChanges(answer) {
    this.changes.hidden = !answer;
    if (!answer) return;
    const summary = find(this.changes, "summary");
    const text = find(this.changes, "p");
    const defects = this.renderDefectChanges(answer.evidence);
    if (this.isAboutDefects) {
      summary.textContent = gettext("Changes");
      text.replaceChildren(...defects);
      return;
    }
    const changes = compareWords(this.proposal.reason, answer.reason);
    /** @param {Change["kind"]} kind */
    const count = (kind) => changes.filter((change) => change.kind === kind).reduce((sum, { words }) => sum + words.length, 0);
    summary.textContent = gettext("Changes: %(added)s in, %(removed)s out", { added: count("ins"), removed: count("del") });
    const gap = defects.length ? [element("br")] : [];
    text.replaceChildren(...changes.flatMap((change) => renderChange(change)), ...gap, ...defects);
  }

  /**
   * @param {Evidence[]} evidence
   * @returns {(Node | string)[]}
   */
  renderDefectChanges(evidence) {
    const { evidence: drafted } = this.proposal;
    if (drafted === null) return [];
    /** @param {Evidence[]} marks */
    const readDefects = (marks) => new Set(marks.map(({ defect }) => defect));
    const [before, after] = [readDefects(drafted), readDefects(evidence)];
    /** @type {(kind: Change["kind"], ones: Set<string>, others: Set<string>) => Change[]} */
    const compare = (kind, ones, others) => (
      [...ones].filter((each) => !others.has(each)).map((each) => ({ kind, words: [this.label(each)] }))
    );
    const changes = [...compare("del", before, after), ...compare("ins", after, before)];
    if (changes.length) {
      const nodes = changes.flatMap((change) => renderChange(change, (label) => element("bdi", {}, label)));
      return [gettext("Defects: "), ...nodes];
    }
    const isSame = writeMarks(evidence) === writeMarks(drafted);
    return isSame ? [] : [gettext("Marks on the clip changed.")];
  }
}

/**
 * Mark inserted and removed words by a line under or through them, and by a word for screen readers.
 * @param {Change} change
 * @param {(text: string) => Node | string} [makeNode]
 * @returns {(Node | string)[]}
 */
function renderChange({ kind, words }, makeNode = (text) => text) {
  const text = makeNode(words.join(" "));
  if (kind === "same") return [text, " "];
  const name = element("span", { className: "visually-hidden" }, kind === "ins" ? gettext("added: ") : gettext("removed: "));
  return [element(kind, {}, name, text), " "];
}

/**
 * Return what became of the words of `before`, in reading order.
 * @param {string} before
 * @param {string} after
 * @returns {Change[]}
 */
export function compareWords(before, after) {
  const [old, fresh] = [before, after].map((text) => text.split(/\s+/).filter(Boolean));
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start += 1;
  let end = 0;
  while (end < Math.min(old.length, fresh.length) - start && old.at(-1 - end) === fresh.at(-1 - end)) end += 1;
  /** @type {Change[]} */
  const changes = [
    { kind: "same", words: old.slice(0, start) },
    ...compareMiddle(old.slice(start, old.length - end), fresh.slice(start, fresh.length - end)),
    { kind: "same", words: old.slice(old.length - end) },
  ];
  return changes.filter(({ words }) => words.length);
}

/**
 * Find the longest common subsequence of words, from a table of what the ends of both have in common.
 * @param {string[]} old
 * @param {string[]} fresh
 */
function compareMiddle(old, fresh) {
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(fresh.length + 1));
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      common[row][column] = old[row] === fresh[column]
        ? common[row + 1][column + 1] + 1
        : Math.max(common[row + 1][column], common[row][column + 1]);
    }
  }
  /** @type {Change[]} */
  const changes = [];
  /** @type {(kind: Change["kind"], word: string) => void} */
  const add = (kind, word) => {
    const last = changes.at(-1);
    if (last?.kind === kind) last.words.push(word);
    else changes.push({ kind, words: [word] });
  };
  let [row, column] = [0, 0];
  while (row < old.length || column < fresh.length) {
    if (row < old.length && column < fresh.length && old[row] === fresh[column]) {
      add("same", old[row]);
      [row, column] = [row + 1, column + 1];
    } else if (column >= fresh.length || (row < old.length && common[row + 1][column] >= common[row][column + 1])) {
      add("del", old[row]);
      row += 1;
    } else {
      add("ins", fresh[column]);
      column += 1;
    }
  }
  return changes;
}
