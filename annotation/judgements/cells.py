"""Read single cells of a row of ratings. Each function raises JudgementRefused, which names the field."""

from annotation.shared.text import clean_json, clean_text
from qsave.judgements.records import JudgementRefused, SourceRow
from qsave.parsing import parse_json
from qsave.report_card import Evidence, ReportCardError, evidence_from_json
from qsave.tables.values import is_blank, parse_number, parse_whole_number, write_name

MAX_TEXT = 20_000
MAX_COUNT = 2**31 - 1


def read_number(row: SourceRow, field: str) -> float | None:
    try:
        return parse_number(row.fields.get(field)) if field else None
    except ValueError:
        raise JudgementRefused(f"{field} must be a number, got {str(row.fields[field])[:40]!r}.") from None


def read_count(row: SourceRow, field: str) -> int | None:
    try:
        count = parse_whole_number(row.fields.get(field)) if field else None
    except ValueError:
        count = -1
    if count is not None and not 0 <= count <= MAX_COUNT:
        raise JudgementRefused(f"{field} must be a whole number from 0, got {str(row.fields[field])[:40]!r}.")
    return count


def read_spread(row: SourceRow, field: str) -> float | None:
    spread = read_number(row, field)
    if spread is not None and spread < 0:
        raise JudgementRefused(f"{field} is a standard deviation and cannot be below 0, got {spread:g}.")
    return spread


def read_name(row: SourceRow, field: str, most: int) -> str:
    """Return a cell that names something: 7 and 7.0 are "7"."""
    value = row.fields.get(field) if field else None
    if is_blank(value):
        return ""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    named = write_name(value)
    if not isinstance(named, str | int | float) or isinstance(named, bool):
        raise JudgementRefused(f"{field} must be text, got {type(value).__name__}.")
    text = clean_text(str(named))
    if len(text) > most:
        raise JudgementRefused(f"{field} has {len(text)} characters; at most {most} are allowed.")
    return text


def read_text(row: SourceRow, field: str) -> str:
    """Return the text of a cell; the texts of a list are joined by line breaks."""
    value = row.fields.get(field) if field else None
    if is_blank(value):
        return ""
    text = "\n".join(map(str, value)) if isinstance(value, list) else str(value)
    text = clean_text(text)
    if len(text) > MAX_TEXT:
        raise JudgementRefused(f"{field} has {len(text)} characters; at most {MAX_TEXT} are allowed.")
    return text


def read_evidence(row: SourceRow, field: str) -> tuple[Evidence, ...]:
    """Return the evidence of a cell: a list in our JSON, or its text."""
    value = row.fields.get(field) if field else None
    if is_blank(value):
        return ()
    try:
        return evidence_from_json(clean_json(_parse_list(value), max_bytes=MAX_TEXT))
    except (ValueError, ReportCardError) as error:
        raise JudgementRefused(f"{field} is no evidence: {error}.") from None


def _parse_list(value: object) -> object:
    return parse_json(value) if isinstance(value, str) else value
