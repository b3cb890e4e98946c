// Which key was pressed, on any keyboard layout: the one place in which keydown events are read.

const COMMANDS = ",.-+=?/"; // symbols that are commands of the desk wherever a layout has them
const SYMBOLS = { Comma: ",<", Period: ".>", Slash: "/?", Minus: "-_", Equal: "=+" };

/**
 * The key of a keydown event: its name ("Enter"), or one character. "" while text is being composed.
 *
 * A Latin letter or digit is itself, on AZERTY too. Any other character counts as its position on a US keyboard, so that
 * Cyrillic, Greek, Hebrew and Arabic raters use the same keys; a letter is a capital by Shift alone, never by Caps Lock.
 * The keys that rate, 0 to 5, are at their place even where they type a command (Czech has + at 1). What AltGr types is itself.
 */
export function keyOf(event) {
  const { key, code, shiftKey } = event;
  if (event.isComposing || event.keyCode === 229) return "";
  const isAltGr = event.getModifierState?.("AltGraph");
  if (!shiftKey && !isAltGr && /^Digit[0-5]$/.test(code)) return code.at(-1);
  if (/^[A-Z][A-Za-z0-9]+$/.test(key)) return key;
  if (/^[0-9]$/.test(key) || key === " ") return key;
  if (/^[A-Za-z]$/.test(key)) return cased(key, shiftKey);
  if (COMMANDS.includes(key) || isAltGr) return key;
  return atPosition(code, shiftKey, /^[\x21-\x7e]$/.test(key)) ?? key;
}

// The character of a US keyboard at a position; punctuation only where the layout's own character is not ASCII.
function atPosition(code, shiftKey, isAscii) {
  const [, letter, digit] = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(code) ?? [];
  if (letter) return cased(letter, shiftKey);
  if (digit) return digit;
  if (isAscii) return null;
  return code === "Space" ? " " : SYMBOLS[code]?.[shiftKey ? 1 : 0];
}

function cased(letter, shiftKey) {
  return shiftKey ? letter.toUpperCase() : letter.toLowerCase();
}
