"""Find the name of a codec for which FFmpeg has no decoder. FFmpeg then reports no name, but the file contains one."""

import re
from mmap import ACCESS_READ, mmap
from pathlib import Path

_NAMES = {
    "mov": rb"stsd.{4}.{4}.{4}(.{4})",  # box name, version and flags, count of entries, size of the first, its name
    "matroska": rb"\x86([\x80-\xff][VAS]_[^\0]{1,32})",  # the element CodecID, its size, its text
    "avi": rb"strh.{4}(?:vids|auds)(.{4})",
}
"""Container -> pattern of the bytes around a codec's name; there is a match for each stream, in order."""


def find_codec_name(path: Path, form: str, index: int) -> str:
    """Return the name in the file of the codec of stream `index`, or `unknown`."""
    pattern = _NAMES.get(form)
    if pattern is None:
        return "unknown"
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        names = [match.group(1) for match in re.finditer(pattern, content, re.DOTALL)]
    raw = names[index] if index < len(names) else b""
    if form == "matroska" and raw:
        raw = raw[1 : 1 + (raw[0] & 0x7F)]
    name = raw.decode("latin-1").rstrip("\0 ")
    return name if name.isascii() and name.isprintable() and name else "unknown"
