"""Read the regions of a video as Label Studio writes them: parts of its timeline, and rectangles that move.

Both have labels, and frames counted from 1. A rectangle is a list of key frames. It is shown from a key frame that is
enabled until one that is not, or until the end of the video; its place is the smallest box that holds all of these key
frames. A rectangle that is rotated has no place.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from qsave.judgements.records import Mark

LABEL_KEYS = ("timelinelabels", "labels", "videorectanglelabels")


def is_region(value: object) -> bool:
    """Return whether an object is the value of a region: it has the ranges of a timeline, or key frames."""
    return isinstance(value, Mapping) and any(isinstance(value.get(key), list) for key in ("ranges", "sequence"))


def read_region(value: Mapping[str, object], *, labels: Sequence[str] = (), name: str = "") -> Iterator[Mark]:
    """Yield the marks of a region. `labels` are those of a result beside it; without any, the control's name is one."""
    own = [str(label) for key in LABEL_KEYS for label in _list(value.get(key))]
    for label in dict.fromkeys(own or [*labels] or [name] * bool(name)):
        for part in _list(value.get("ranges")):
            yield Mark(label, _read_frames(part))
        yield from _read_rectangle(label, value)


def take_marks(fields: Mapping[str, object]) -> tuple[dict[str, object], tuple[Mark, ...]]:
    """Return the fields of a row of JSON-MIN without its regions, and their marks.

    There a control has a list of its answers; an answer that is one number stands for itself.
    """
    rest: dict[str, object] = {}
    marks: list[Mark] = []
    for name, value in fields.items():
        entries = value if isinstance(value, list) else []
        if entries and all(is_region(entry) for entry in entries):
            marks += [mark for entry in entries for mark in read_region(entry, name=name)]
        else:
            rest[name] = _unwrap(value)
    return rest, tuple(marks)


def _unwrap(value: object) -> object:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and len(value[0]) == 1:
        return value[0].get("rating", value[0].get("number", value))
    return value


def _read_rectangle(label: str, value: Mapping[str, object]) -> Iterator[Mark]:
    frames = [
        frame for frame in _list(value.get("sequence")) if isinstance(frame, dict) and _get_number(frame, "frame")
    ]
    frames.sort(key=lambda frame: _get_number(frame, "frame"))
    end = _get_number(value, "framesCount")
    while frames:
        if not frames[0].get("enabled", True):
            frames = frames[1:]
            continue
        span = list(takewhile(lambda frame: frame.get("enabled", True), frames))
        frames = frames[len(span) :]
        first, last = _get_number(span[0], "frame"), _get_number(span[-1], "frame")
        until = _get_number(frames[0], "frame") if frames else max(end, last)
        yield Mark(label, (first, until), _find_box(span))


def _find_box(frames: Sequence[Mapping[str, object]]) -> tuple[float, float, float, float] | None:
    """Return left, top, width and height of the box that holds all rectangles, as fractions of the frame."""
    if any(_get_number(frame, "rotation") for frame in frames):
        return None
    left, top = (min(_get_number(frame, key) for frame in frames) for key in ("x", "y"))
    right = max(_get_number(frame, "x") + _get_number(frame, "width") for frame in frames)
    bottom = max(_get_number(frame, "y") + _get_number(frame, "height") for frame in frames)
    left, top, right, bottom = (min(max(percent / 100, 0.0), 1.0) for percent in (left, top, right, bottom))
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def _read_frames(part: object) -> tuple[float, float] | None:
    if not isinstance(part, Mapping) or not all(isinstance(part.get(end), int | float) for end in ("start", "end")):
        return None
    return _get_number(part, "start"), _get_number(part, "end")


def _get_number(value: Mapping[str, object], key: str) -> float:
    """Return a number, 0 if it is missing."""
    number = value.get(key)
    return float(number) if isinstance(number, int | float) else 0.0


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
