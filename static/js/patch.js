// Change a part of a page into a newer version of it, touching only what differs: what has not changed keeps its focus,
// its scroll position and whether it is open.

const OPENED = new Set(["DETAILS", "DIALOG"]);

/**
 * Make `node` and what it contains equal to `fresh`. Children with the same `data-key` or `id` are the same child.
 * @param {Element} node
 * @param {Element} fresh
 */
export function patch(node, fresh) {
  patchAttributes(node, fresh);
  patchChildren(node, fresh);
}

/**
 * Return the key by which an element is the same in two versions of a page; "" without one.
 * @param {Node} node
 */
export function readIdentity(node) {
  return node instanceof HTMLElement ? node.dataset.key ?? node.id : "";
}

/**
 * @param {Element} node
 * @param {Element} fresh
 */
function patchAttributes(node, fresh) {
  /** @param {string} name */
  const isReaders = (name) => name === "open" && OPENED.has(node.tagName);
  for (const { name, value } of fresh.attributes) {
    if (!isReaders(name) && node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  for (const { name } of [...node.attributes]) {
    if (!isReaders(name) && !fresh.hasAttribute(name)) node.removeAttribute(name);
  }
}

/**
 * @param {Element} parent
 * @param {Element} fresh
 */
function patchChildren(parent, fresh) {
  const keys = new Set([...fresh.childNodes].map(readIdentity));
  for (const child of [...parent.childNodes]) {
    if (readIdentity(child) && !keys.has(readIdentity(child))) child.remove();
  }
  let next = parent.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const match = findMatch(next, wanted);
    if (!match) {
      parent.insertBefore(wanted, next);
      continue;
    }
    next = removeUntil(next, match);
    if (next !== match) move(parent, match, next);
    patchNode(match, wanted);
    next = match.nextSibling;
  }
  while (next) next = removeAndContinue(next);
}

/**
 * Find the child from `next` on that a wanted one continues: the one with its key, else `next` itself if it is of the same kind.
 * @param {ChildNode | null} next
 * @param {Node} wanted
 */
function findMatch(next, wanted) {
  const key = readIdentity(wanted);
  if (!key) return next && !readIdentity(next) && next.nodeName === wanted.nodeName ? next : null;
  for (let node = next; node; node = node.nextSibling) {
    if (readIdentity(node) === key && node.nodeName === wanted.nodeName) return node;
  }
  return null;
}

/**
 * Remove what precedes `end` up to the first child with a key. Return that child, or `end`.
 * @param {ChildNode | null} node
 * @param {ChildNode} end
 */
function removeUntil(node, end) {
  while (node && node !== end && !readIdentity(node)) node = removeAndContinue(node);
  return node;
}

/**
 * Remove a child; return the one after it.
 * @param {ChildNode} node
 */
function removeAndContinue(node) {
  const { nextSibling } = node;
  node.remove();
  return nextSibling;
}

/**
 * Move a child. What is moved loses the focus, so it is given back.
 * @param {Element} parent
 * @param {ChildNode} child
 * @param {ChildNode | null} before
 */
function move(parent, child, before) {
  const focused = document.activeElement;
  parent.insertBefore(child, before);
  if (focused instanceof HTMLElement && child.contains(focused)) focused.focus({ preventScroll: true });
}

/**
 * @param {Node} node
 * @param {Node} wanted
 */
function patchNode(node, wanted) {
  if (node instanceof Element && wanted instanceof Element) patch(node, wanted);
  else if (node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
}
