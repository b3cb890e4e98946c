// The critic's draft on one axis: whether it was confirmed, edited or cleared, and word by word what an edit changed.

import { element, gettext } from "./rate-site.js";

const STATES = {
  unconfirmed: () => gettext("unconfirmed"),
  confirmed: () => gettext("confirmed"),
  edited: () => gettext("edited by you"),
  cleared: () => gettext("cleared"),
};

/** Evidence as text that is the same for the same marks, whatever order a database keeps keys in. */
export function marksText(evidence) {
  return JSON.stringify(evidence.map(({ defect, time, box }) => [defect, time, box]));
}

export class DraftBar {
  /** `label(defect)` names a defect. */
  constructor(bar, label) {
    this.label = label;
    this.confirm = bar.querySelector('[name$="-confirm"]');
    this.cleared = bar.querySelector('[name$="-cleared"]');
    this.ms = bar.querySelector('[name$="-confirm_ms"]');
    this.state = bar.querySelector("[data-draft-state]");
    this.changes = bar.querySelector("[data-draft-changes]");
    this.proposal = JSON.parse(bar.dataset.draft);
    this.shownAt = performance.now();
    bar.querySelector("[data-axis-action=clear]").hidden = false;
  }

  /** Whether the axis still says what the critic wrote. */
  isOwn({ reason, evidence }) {
    return reason.trim() === this.proposal.reason.trim() && marksText(evidence) === marksText(this.proposal.evidence);
  }

  read() {
    return {
      drafted: true,
      confirmed: this.confirm.checked,
      cleared: this.cleared.value === "1",
      confirm_ms: Number(this.ms.value) || null,
    };
  }

  apply({ confirmed, cleared, confirm_ms: ms }) {
    this.confirm.checked = Boolean(confirmed);
    this.cleared.value = cleared ? "1" : "";
    this.ms.value = ms ?? "";
  }

  /** Notes how long it took to the first confirmation or edit. */
  clock({ again = false } = {}) {
    if (again || !this.ms.value) this.ms.value = String(Math.round(performance.now() - this.shownAt));
  }

  /** Shows the state of an axis and returns it. */
  paint(answer) {
    const isOwn = this.isOwn(answer);
    let state = "unconfirmed";
    if (!isOwn) state = this.cleared.value ? "cleared" : "edited";
    else if (this.confirm.checked) state = "confirmed";
    this.state.textContent = STATES[state]();
    this.confirm.disabled = !isOwn;
    this.paintChanges(isOwn || this.cleared.value ? null : answer);
    return state;
  }

  paintChanges(answer) {
    this.changes.hidden = !answer;
    if (!answer) return;
    const pieces = wordChanges(this.proposal.reason, answer.reason);
    const count = (kind) => pieces.filter((piece) => piece.kind === kind).reduce((sum, { words }) => sum + words.length, 0);
    const [summary, text] = [this.changes.querySelector("summary"), this.changes.querySelector("p")];
    summary.textContent = gettext("Changes: %(added)s in, %(removed)s out", { added: count("ins"), removed: count("del") });
    text.replaceChildren(...pieces.flatMap((piece) => shown(piece)), ...this.defectChanges(answer.evidence));
  }

  defectChanges(evidence) {
    const named = (pieces) => new Set(pieces.map(({ defect }) => defect));
    const [before, after] = [named(this.proposal.evidence), named(evidence)];
    const only = (kind, ones, others) => [...ones].filter((each) => !others.has(each)).map((each) => ({ kind, words: [this.label(each)] }));
    const pieces = [...only("del", before, after), ...only("ins", after, before)];
    if (pieces.length) return [element("br"), gettext("Defects: "), ...pieces.flatMap((piece) => shown(piece, (label) => element("bdi", {}, label)))];
    return marksText(evidence) === marksText(this.proposal.evidence) ? [] : [element("br"), gettext("Marks on the clip changed.")];
  }
}

// Inserted and removed words differ by a line under or through them, and are told apart by name too.
function shown({ kind, words }, asNode = (text) => text) {
  const text = asNode(words.join(" "));
  if (kind === "same") return [text, " "];
  const told = element("span", { className: "visually-hidden" }, kind === "ins" ? gettext("added: ") : gettext("removed: "));
  return [element(kind, {}, told, text), " "];
}

/** What became of the words of `before`: [{kind: "same" | "del" | "ins", words}], in reading order. */
export function wordChanges(before, after) {
  const [old, fresh] = [before, after].map((text) => text.split(/\s+/).filter(Boolean));
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start += 1;
  let end = 0;
  while (end < Math.min(old.length, fresh.length) - start && old.at(-1 - end) === fresh.at(-1 - end)) end += 1;
  const pieces = [
    { kind: "same", words: old.slice(0, start) },
    ...middle(old.slice(start, old.length - end), fresh.slice(start, fresh.length - end)),
    { kind: "same", words: old.slice(old.length - end) },
  ];
  return pieces.filter(({ words }) => words.length);
}

// The longest common run of words in order, from a table of what is common to the ends of both.
function middle(old, fresh) {
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(fresh.length + 1));
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      common[row][column] = old[row] === fresh[column]
        ? common[row + 1][column + 1] + 1
        : Math.max(common[row + 1][column], common[row][column + 1]);
    }
  }
  const pieces = [];
  const add = (kind, word) => {
    if (pieces.at(-1)?.kind !== kind) pieces.push({ kind, words: [] });
    pieces.at(-1).words.push(word);
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
  return pieces;
}
