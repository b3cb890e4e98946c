"""Decode text files as spreadsheets and scripts write them."""

import codecs
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SAMPLE = 4096
_OLD_WINDOWS = "cp1252"


def read_lines(file: BinaryIO) -> Iterator[str]:
    """Yield the lines of the file with their ends, from its beginning. The file stays open.

    The encoding is that of the byte order mark; without one it is UTF-16 if every other byte is NUL, UTF-8, or Windows'
    old one if no line outside ASCII is UTF-8. A byte that is not text becomes a lone surrogate (`has_bad_bytes`).
    """
    encoding = _find_encoding(file)
    file.seek(0)
    errors = "replace" if encoding.startswith("utf-16") else "surrogateescape"
    text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
    try:
        yield from text
    finally:
        with suppress(ValueError):  # the owner has closed the file already
            text.detach()


def has_bad_bytes(text: str) -> bool:
    """Return whether a text has lone surrogates: bytes of another encoding, or half of a pair in JSON."""
    return any("\ud800" <= char <= "\udfff" for char in text)


def _find_encoding(file: BinaryIO) -> str:
    sample = file.read(_SAMPLE)
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    if len(sample) > 1 and 0 in sample:
        if 0 not in sample[::2] and sample[1::2].count(0) * 2 > len(sample) // 2:
            return "utf-16-le"
        if 0 not in sample[1::2] and sample[::2].count(0) * 2 > len(sample) // 2:
            return "utf-16-be"
    return _OLD_WINDOWS if _is_old_windows(file) else "utf-8"


def _is_old_windows(file: BinaryIO) -> bool:
    """Return whether the file has lines outside ASCII and none of them is UTF-8."""
    file.seek(0)
    has_others = False
    for line in file:
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            has_others = True
        else:
            return False
    return has_others
