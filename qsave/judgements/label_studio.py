"""Read the JSON export of Label Studio: a list of tasks with `data` and `annotations`, each of which has results.

An annotation becomes a row. Its fields are those of the task's data (`data.video`), the answers by the names of their
controls, and what is known of the annotation itself (`completed_by`, `lead_time`, ...). Regions of a
video become marks. Predictions are proposals of programs and no ratings, so they are left out.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from qsave.judgements.records import Mark, SourceRow
from qsave.judgements.video_regions import is_region, read_region
from qsave.tables.table import Row

CONDUCT = ("ground_truth", "lead_time", "created_at", "updated_at")
_ANSWERS = {"rating": "rating", "choices": "choices", "textarea": "text", "number": "number", "taxonomy": "taxonomy"}
"""The types of results that answer a question, and the key of their value."""
REGIONS = ("timelinelabels", "videorectangle", "videorectanglelabels")
LABELS = "labels"
"""The type of a result that labels the region with its id."""


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
    marks = list(_read_regions(results))
    for result in results:
        if not _is_region(result) and not _read_answer(result, fields):
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


def _read_regions(results: Sequence[object]) -> Iterator[Mark]:
    """Yield the marks of all regions. The labels of a region may be a result of their own with the same id."""
    beside: dict[object, list[str]] = {}
    for result in results:
        if isinstance(result, dict) and result.get("type") == LABELS and isinstance(result.get("value"), dict):
            beside[result.get("id")] = [str(label) for label in result["value"].get(LABELS) or ()]
    for result in results:
        if isinstance(result, dict) and result.get("type") in REGIONS and is_region(result.get("value")):
            labels, name = beside.get(result.get("id"), ()), str(result.get("from_name") or "")
            yield from read_region(result["value"], labels=labels, name=name)


def _is_region(result: object) -> bool:
    return isinstance(result, dict) and (result.get("type") in REGIONS or result.get("type") == LABELS)


def _read_answer(result: object, fields: dict[str, object]) -> bool:
    """Add one answer to the fields. Return False if the result is of another type."""
    value = result.get("value") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(value, dict):
        return False
    kind, name = result.get("type"), str(result.get("from_name") or "")
    if kind not in _ANSWERS or not name:
        return False
    answer = value.get(_ANSWERS[kind])
    if kind == "textarea" and isinstance(answer, list):
        answer = "\n".join(map(str, answer))
    before = fields.get(name)
    fields[name] = [*before, *answer] if isinstance(before, list) and isinstance(answer, list) else answer
    return True
