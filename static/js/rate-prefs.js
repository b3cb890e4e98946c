// What a rater likes (loop, speed, sound, shortcuts), kept in this browser. Storage may be full or switched off.

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
