"""What a file calls the codec of a stream that FFmpeg knows no decoder for: FFmpeg itself keeps no name of it."""

import re
from mmap import ACCESS_READ, mmap
from pathlib import Path

_NAMES = {
    "mov": rb"stsd.{4}.{4}.{4}(.{4})",  # box name, version and flags, count of entries, size of the first, its name
    "matroska": rb"\x86(?:[\x80-\xff]|[\x40-\x7f].)([VAS]_[A-Za-z0-9/._]{1,32})",  # the element CodecID
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
    name = names[index].decode("latin-1").rstrip("\0 ") if index < len(names) else ""
    return name if name.isascii() and name.isprintable() and name else "unknown"
