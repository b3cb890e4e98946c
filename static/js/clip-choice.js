// The clips that are chosen in a list, on all its pages. This tab keeps them, for each campaign and its filters.

const PLACES = ["after", "before", "at", "sort", "axis"]; // the same clips, in another order or on another page

export class Choice {
  /** @param {string} [query] of the list's address */
  constructor(query = "") {
    const filters = new URLSearchParams(query);
    for (const name of PLACES) filters.delete(name);
    const set = [...filters].filter(([, value]) => value);
    this.store = `qsave:chosen:${location.pathname}?${new URLSearchParams(set)}`;
    /** @type {Set<number>} */
    this.keys = new Set(this.read());
  }

  /** @returns {number[]} */
  read() {
    try {
      const stored = JSON.parse(sessionStorage.getItem(this.store) ?? "[]");
      return Array.isArray(stored) ? stored.filter(Number.isSafeInteger) : [];
    } catch {
      return [];
    }
  }

  save() {
    try {
      if (this.keys.size) sessionStorage.setItem(this.store, JSON.stringify([...this.keys]));
      else sessionStorage.removeItem(this.store);
    } catch {
      // a full or forbidden store: the choice then lasts as long as the page
    }
  }

  /**
   * @param {number[]} keys
   * @param {boolean} isChosen
   */
  set(keys, isChosen) {
    for (const key of keys) this.keys[isChosen ? "add" : "delete"](key);
    this.save();
  }

  /** @param {number[]} keys */
  add(keys) {
    this.set(keys, true);
  }

  clear() {
    this.keys.clear();
    this.save();
  }

  /**
   * Write the chosen keys that are not among `others` as the site reads many keys: the first, then the steps.
   * @param {Set<number>} others
   */
  write(others) {
    const keys = [...this.keys].filter((key) => !others.has(key)).sort((one, other) => one - other);
    return keys.map((key, index) => key - (keys[index - 1] ?? 0)).join(".");
  }
}
