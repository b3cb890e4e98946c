"""The words of a text in any script, without case, punctuation and spacing.

Combining marks (category M: the vowel signs of Hindi, Tamil or Thai, an accent that has no composed letter) stay with
their letter, because they distinguish words. Invisible joiners and variation selectors do not.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby, pairwise

# Scripts written without spaces between words: Thai, Lao, Myanmar, Khmer, Tai Tham, Balinese, Javanese, kana, Han.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\ua980-\ua9ff\uaa60-\uaa7f"
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_SPACELESS_LETTER = re.compile(f"[{_SPACELESS}]")
_ASCII_WORD = re.compile("[0-9a-z]+")
_INVISIBLE = re.compile("[\u00ad\u034f\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")


def fold(text: str) -> str:
    """Return the words of `text` in one case and one Unicode form, with single spaces between them.

    Punctuation, symbols and marks without a letter count as spaces. Empty if there is no letter and no digit.
    """
    if text.isascii():
        return " ".join(_ASCII_WORD.findall(text.lower()))
    return " ".join("".join(_yield_letters(unify(text))).split())


def isolate(text: object) -> str:
    """Return `text` in Unicode isolates, so that it keeps its direction inside a sentence that is not HTML."""
    return f"\u2068{text}\u2069"


def split_tokens(text: str) -> frozenset[str]:
    """Return the tokens by which texts are compared: words, or letters and pairs of letters in scripts without spaces.

    Empty for a text without letters and digits.
    """
    words = fold(text).split()
    if text.isascii():
        return frozenset(words)
    return frozenset(part for word in words for part in _split_word(word))


def unify(text: str) -> str:
    """Return the text in one case and one Unicode form (NFKC, applied last, so that a second pass changes nothing)."""
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())


def _yield_letters(text: str) -> Iterator[str]:
    """Yield letters, digits and the marks that follow them; a space for everything else."""
    in_word = False
    for sign in text:
        in_word = sign.isalnum() or (in_word and unicodedata.category(sign).startswith("M"))
        yield sign if in_word else " "


def _split_word(word: str) -> Iterator[str]:
    if _SPACELESS_LETTER.search(word) is None:
        yield word
        return
    for spaceless, run in groupby(_split_clusters(word), key=lambda cluster: bool(_SPACELESS_LETTER.match(cluster))):
        letters = list(run)
        if spaceless:
            yield from letters
            yield from map("".join, pairwise(letters))
        else:
            yield "".join(letters)


def _split_clusters(word: str) -> list[str]:
    """Split a word into letters with their marks."""
    clusters: list[str] = []
    for sign in word:
        if clusters and unicodedata.category(sign).startswith("M"):
            clusters[-1] += sign
        else:
            clusters.append(sign)
    return clusters
