"""Read the JSON export of Label Studio: a list of tasks with `data` and `annotations`, each of which has results.

An annotation becomes a row. Its fields are those of the task's data (`data.video`), the answers by the names of their
controls, and what is known of the annotation itself (`completed_by`, `lead_time`, ...). Regions of a video's timeline
become marks. Predictions are proposals of programs and no ratings, so they are left out.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from qsave.judgements.records import Mark, SourceRow
from qsave.tables.table import Row

CONDUCT = ("ground_truth", "lead_time", "created_at", "updated_at")
_ANSWERS = {"rating": "rating", "choices": "choices", "textarea": "text", "number": "number", "taxonomy": "taxonomy"}
"""The types of results that answer a question, and the key of their value."""
TIMELINE = "timelinelabels"


def is_task(cells: Mapping[str, object]) -> bool:
    """Return whether a row of a JSON file is a task of Label Studio."""
    return isinstance(cells.get("data"), dict) and isinstance(cells.get("annotations"), list)


def read_rows(tasks: Iterator[Row], notes: list[str]) -> Iterator[SourceRow]:
    """Yield a row for each annotation. Adds sentences on what is left out to `notes` once all are read."""
    left_out = Counter[str]()
    number = 0
    for task in tasks:
        annotations = task.cells.get("annotations")
        if task.problem or not is_task(task.cells) or not isinstance(annotations, list):
            number += 1
            yield SourceRow(number, problem=task.problem or "The task needs the object data and the list annotations.")
            continue
        predictions = task.cells.get("predictions")
        left_out["predictions"] += len(predictions) if isinstance(predictions, list) else 0
        left_out["tasks without annotations"] += not annotations
        for annotation in annotations:
            if isinstance(annotation, dict) and annotation.get("was_cancelled") is True:
                left_out["annotations that their annotators skipped"] += 1
                continue
            number += 1
            yield _read_annotation(number, task.cells, annotation, left_out)
    notes += [f"Left out: {kind}, {count}." for kind, count in sorted(left_out.items()) if count]


def _read_annotation(number: int, task: Mapping[str, object], annotation: object, left_out: Counter[str]) -> SourceRow:
    results = annotation.get("result") if isinstance(annotation, dict) else None
    if not isinstance(annotation, dict) or not isinstance(results, list):
        return SourceRow(number, problem="The annotation needs the list result.")
    fields = _read_task(task) | {name: annotation[name] for name in CONDUCT if name in annotation}
    fields["completed_by"] = _name_annotator(annotation.get("completed_by"))
    marks: list[Mark] = []
    for result in results:
        if not _read_result(result, fields, marks):
            kind = str(result.get("type"))[:40] if isinstance(result, dict) else "unknown"
            left_out[f"results of the type {kind}"] += 1
    return SourceRow(number, fields, tuple(marks))


def _read_task(task: Mapping[str, object]) -> dict[str, object]:
    data = task["data"]
    fields: dict[str, object] = (
        {f"data.{name}": value for name, value in data.items()} if isinstance(data, dict) else {}
    )
    if task.get("file_upload"):
        fields["file_upload"] = task["file_upload"]
    return fields


def _name_annotator(value: object) -> object:
    """Return who annotated: the e-mail address or the id of an object, else the value, which is an id."""
    if isinstance(value, dict):
        return value.get("email") or value.get("id")
    return value


def _read_result(result: object, fields: dict[str, object], marks: list[Mark]) -> bool:
    """Add one result to the fields or the marks. Return False if it is of another type."""
    value = result.get("value") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(value, dict):
        return False
    kind, name = result.get("type"), str(result.get("from_name") or "")
    if kind == TIMELINE:
        marks += _read_region(value)
        return True
    if kind not in _ANSWERS or not name:
        return False
    answer = value.get(_ANSWERS[kind])
    if kind == "textarea" and isinstance(answer, list):
        answer = "\n".join(map(str, answer))
    before = fields.get(name)
    fields[name] = [*before, *answer] if isinstance(before, list) and isinstance(answer, list) else answer
    return True


def _read_region(value: Mapping[str, object]) -> Iterator[Mark]:
    labels, ranges = value.get(TIMELINE) or value.get("labels"), value.get("ranges")
    for label in labels if isinstance(labels, list) else []:
        for part in ranges if isinstance(ranges, list) else []:
            yield Mark(str(label), _read_frames(part))


def _read_frames(part: object) -> tuple[float, float] | None:
    ends = (part.get("start"), part.get("end")) if isinstance(part, dict) else (None, None)
    start, end = ends
    if isinstance(start, int | float) and isinstance(end, int | float):
        return float(start), float(end)
    return None
