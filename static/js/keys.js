// Which key was pressed, on any keyboard layout. Only this module reads keydown events.

const COMMANDS = ",.-+=?/"; // symbols that are commands of the desk wherever a layout has them
/** @type {Record<string, string>} */
const SYMBOLS = { Comma: ",<", Period: ".>", Slash: "/?", Minus: "-_", Equal: "=+" };

/**
 * Read the key of a keydown event: its name ("Enter"), or one character. "" while text is being composed.
 *
 * A Latin letter or digit is itself, on AZERTY too. Any other character counts as its position on a US keyboard, so that
 * Cyrillic, Greek, Hebrew and Arabic raters use the same keys. Shift makes a letter a capital; Caps Lock does not.
 * The keys that rate, 0 to 5, count by position even where they type a command (Czech has + at 1). What AltGr types is itself.
 * @param {KeyboardEvent} event
 */
export function readKey(event) {
  const { key, code, shiftKey } = event;
  if (event.isComposing || event.keyCode === 229) return "";
  const isAltGr = event.getModifierState?.("AltGraph");
  if (!shiftKey && !isAltGr && /^Digit[0-5]$/.test(code)) return code.slice(-1);
  if (/^[A-Z][A-Za-z0-9]+$/.test(key)) return key;
  if (/^[0-9]$/.test(key) || key === " ") return key;
  if (/^[A-Za-z]$/.test(key)) return setCase(key, shiftKey);
  if (COMMANDS.includes(key) || isAltGr) return key;
  return readPosition(code, shiftKey, /^[\x21-\x7e]$/.test(key)) ?? key;
}

/**
 * Return the character of a US keyboard at a position; punctuation only where the layout's own character is not ASCII.
 * @param {string} code
 * @param {boolean} shiftKey
 * @param {boolean} isAscii
 */
function readPosition(code, shiftKey, isAscii) {
  const [, letter, digit] = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(code) ?? [];
  if (letter) return setCase(letter, shiftKey);
  if (digit) return digit;
  if (isAscii) return null;
  return code === "Space" ? " " : SYMBOLS[code]?.[shiftKey ? 1 : 0];
}

/**
 * @param {string} letter
 * @param {boolean} shiftKey
 */
function setCase(letter, shiftKey) {
  return shiftKey ? letter.toUpperCase() : letter.toLowerCase();
}
