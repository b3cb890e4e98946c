"""What a file calls the codec of a stream that FFmpeg knows no decoder for: FFmpeg itself keeps no name of it."""

import re
from mmap import ACCESS_READ, mmap
from pathlib import Path

_NAMES = {
    "mov": rb"stsd.{4}.{4}.{4}(.{4})",  # box name, version and flags, count of entries, size of the first, its name
    "matroska": rb"\x86([\x80-\xff][VAS]_[^\0]{1,32})",  # the element CodecID, its size, its text
    "avi": rb"strh.{4}(?:vids|auds)(.{4})",
}
"""By container: the bytes around the name of a codec, of each stream in turn."""


def codec_name(path: Path, form: str, index: int) -> str:
    """The name in the file of the codec of stream `index`; `unknown` where none is found."""
    pattern = _NAMES.get(form)
    if pattern is None:
        return "unknown"
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        names = [match.group(1) for match in re.finditer(pattern, content, re.DOTALL)]
    found = names[index] if index < len(names) else b""
    if form == "matroska" and found:
        found = found[1 : 1 + (found[0] & 0x7F)]
    name = found.decode("latin-1").rstrip("\0 ")
    return name if name.isascii() and name.isprintable() and name else "unknown"
