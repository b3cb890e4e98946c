"""Read the raw annotations of VideoScore2 (`anno_raw`): items with `info.data`, the task, and `labels`, the answers.

An item becomes a row. A label's text is the name of a field and its value the answer: a number or words such as
"5-Very Good". Nobody is named, so the rater is unknown.
"""

from collections.abc import Iterator, Mapping

from qsave.judgements.records import SourceRow
from qsave.tables.table import Row

_ENGLISH = "English Prompt"


def is_item(cells: Mapping[str, object]) -> bool:
    """Return whether a row of a JSON file is an item of these annotations."""
    info = cells.get("info")
    return isinstance(cells.get("labels"), list) and isinstance(info, dict) and isinstance(info.get("data"), list)


def read_rows(items: Iterator[Row]) -> Iterator[SourceRow]:
    """Yield a row for each item."""
    for item in items:
        if item.problem or not is_item(item.cells):
            problem = item.problem or "The item needs the list labels and the object info with the list data."
            yield SourceRow(item.number, problem=problem)
        else:
            yield _read_item(item)


def _read_item(item: Row) -> SourceRow:
    labels, info = item.cells["labels"], item.cells["info"]
    assert isinstance(labels, list)
    assert isinstance(info, dict)
    if not labels:
        return SourceRow(item.number, problem="Nobody has annotated the item: its list labels is empty.")
    fields = _read_shown(info["data"])
    for label in labels:
        data = label.get("data") if isinstance(label, dict) else None
        if isinstance(data, dict) and isinstance(data.get("label"), str):
            fields[data["label"]] = data.get("value")
    return SourceRow(item.number, fields)


def _read_shown(parts: object) -> dict[str, object]:
    """Return the address of the video and the English prompt, or the first text if none is marked as English."""
    fields: dict[str, object] = {}
    for part in parts if isinstance(parts, list) else []:
        content = part.get("content") if isinstance(part, dict) else None
        if not isinstance(content, str):
            continue
        if part.get("type") == "VIDEO":
            fields.setdefault("video", content)
        elif part.get("type") == "TEXT" and _ENGLISH in content:
            fields["prompt"] = content.split(_ENGLISH, 1)[1].split("\n", 1)[0].strip(" .:：")
        elif part.get("type") == "TEXT":
            fields.setdefault("prompt", content)
    return fields
