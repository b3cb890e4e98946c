"""Recognise files that are no tables, whatever their names say."""

from typing import BinaryIO

from qsave.tables.table import TableError

_SAMPLE = 4096
_PARQUET = b"PAR1"
_KINDS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format 3", "a database"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"RIFF", "a video or a sound"),
)
"""The first bytes of a file, and what it is."""
_PAGES = (b"<!doctype html", b"<html")


def refuse_other_files(file: BinaryIO, name: str) -> None:
    """Raise TableError if the content of the file is no table. The file is at its beginning afterwards."""
    sample = file.read(_SAMPLE)
    file.seek(0)
    kind = _name_kind(sample)
    if kind:
        raise TableError(f"{name} is {kind}, not a table. Save the table as CSV, TSV, JSON, JSONL or Parquet.")
    if sample.startswith(_PARQUET) and not name.lower().endswith(".parquet"):
        raise TableError(f"{name} is a Parquet file. Rename it, so that its name ends in .parquet.")


def _name_kind(sample: bytes) -> str:
    """Return what a file with these first bytes is, if it is certainly no table."""
    text = sample.removeprefix(b"\xef\xbb\xbf").lstrip()[:20].lower()
    if text.startswith(_PAGES):
        return "a web page"
    if sample and not sample.strip(b"\0"):
        return "a file of zero bytes"
    if sample[4:8] == b"ftyp":
        return "a video"
    return next((kind for start, kind in _KINDS if sample.startswith(start)), "")
