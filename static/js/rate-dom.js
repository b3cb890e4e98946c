// Building nodes from text, never from markup.

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
