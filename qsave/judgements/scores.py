"""Read a score as tables and forms write it: a number, a word, or a label that begins with a number."""

import re
from collections.abc import Mapping

from qsave.axes import LEVEL_WORDS, MIN_LEVEL
from qsave.tables.values import is_blank, parse_number
from qsave.words import fold

WORDS: dict[str, float] = {
    **{word: float(level) for level, word in enumerate(LEVEL_WORDS, start=MIN_LEVEL)},
    "very poor": 1.0,
    "relatively poor": 2.0,
    "medium": 3.0,
    "relatively good": 4.0,
    "very good": 5.0,
}
"""Words that are a level unless a mapping says otherwise: those of P.910, and those of VideoScore2."""
_NUMBER_AND_WORDS = re.compile(r"([+-]?\d+(?:[.,]\d+)?)(?:\s+|\s*[-–—:=.)(]\s*)[^\W\d].*", re.DOTALL)


def parse_score(value: object, words: Mapping[str, float]) -> float | None:
    """Return a score, None if the cell is empty. `words` has the values of folded words. Raises ValueError.

    "5-Very Good" is 5 and a list of one answer is that answer.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if is_blank(value):
        return None
    try:
        return parse_number(value)
    except ValueError:
        if not isinstance(value, str):
            raise
    text = value.strip()
    if (folded := fold(text)) in words:
        return words[folded]
    match = _NUMBER_AND_WORDS.fullmatch(text)
    if match is None:
        raise ValueError("not a score")
    return parse_number(match[1])


def describe_answer(value: object) -> str:
    """Return a score in the words of its source; empty if it is a plain number."""
    answer = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(answer, str):
        return ""
    try:
        parse_number(answer)
    except ValueError:
        return answer.strip()
    return ""
