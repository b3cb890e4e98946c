"""What a toy clip shows, in words that judge nothing: for the describe stage, and for raters who say what they saw."""

import math
from collections.abc import Iterable, Iterator

from modelassist.toy.world import COUNT_WORDS, MOTIONS, ClipSpec, Thing, moment, place, plural, radius, reach, span
from qsave.axes import Axis

_SIDE = 3
MOMENTS = 4
"""As many as a fast video of eight frames has vision runs: each run shows two frames."""
_NOTHING = "-"
_NO_FLAW = {Axis.VISUAL: "clean", Axis.DYNAMIC: "steady"}


def caption(spec: ClipSpec) -> str:
    """How the clip looks, how it moves and what it shows: each moment by moment first, then in all.

    Few words tell what there is in all, and eyes that start from nothing are long in finding what those are of. Moments
    tell it place by place and time by time: each clip teaches dozens of times where to look, and what there is in all
    can be read off them.
    """
    flaws = (f"{moments(spec, axis)}. {_sentence(_flaws(spec, axis))}" for axis in (Axis.VISUAL, Axis.DYNAMIC))
    return ". ".join([*flaws, sketch(spec), f"{_sentence(scene_words(spec))}."])


def moments(spec: ClipSpec, axis: Axis) -> str:
    """What is wrong with the look or the motion at even moments, the strongest fault of each."""
    found = (_flaw_at(spec, axis, _frames_of(spec, number)) or _NO_FLAW[axis] for number in range(MOMENTS))
    return f"At {MOMENTS} moments: {', '.join(found)}"


def sketch(spec: ClipSpec) -> str:
    """Where the things are, row by row: their colours at the first moment, their shapes at the second."""
    return f"Map of colours: {_map(spec, 0)}; then of shapes: {_map(spec, 1)}"


def scene_words(spec: ClipSpec) -> str:
    """What is there, how it moves and over what, as a prompt would say it: "two red circles rise over sand"."""
    extra = f", a {_named(spec.extra, 1)} in the corner" if spec.extra else ""
    if not spec.things:
        return f"nothing but {spec.ground}{extra}"
    first, count = spec.things[0], len(spec.things)
    others = [thing for thing in spec.things if thing != first]
    among = f", {COUNT_WORDS[len(others)]} {_named(others[0], len(others))} among them" if others else ""
    verb = spec.motion if count == 1 else MOTIONS[spec.motion]
    return f"{COUNT_WORDS[count]} {_named(first, count)} {verb} over {spec.ground}{among}{extra}"


def degree(strength: float) -> str:
    """A strength in (0, 1] as a word."""
    if strength < 0.4:
        return "slight"
    return "clear" if strength < 0.7 else "strong"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def _named(thing: Thing, count: int) -> str:
    return f"{thing.colour} {thing.shape if count == 1 else plural(thing.shape)}"


def _flaws(spec: ClipSpec, axis: Axis) -> str:
    faults = sorted((fault for fault in spec.faults if fault.axis is axis), key=lambda fault: -fault.strength)
    return ", ".join(f"{degree(fault.strength)} {fault.defect.replace('-', ' ')}" for fault in faults) or _NO_FLAW[axis]


def _frames_of(spec: ClipSpec, number: int) -> tuple[int, int]:
    """The two frames that the vision run of a moment shows."""
    first, second = (round((2 * number + half) / (2 * MOMENTS - 1) * (spec.frames - 1)) for half in (0, 1))
    return first, second


def _map(spec: ClipSpec, number: int) -> str:
    cells = _cells(spec, number)
    return " / ".join(" ".join(cells[start : start + _SIDE]) for start in range(0, len(cells), _SIDE))


def _cells(spec: ClipSpec, number: int) -> list[str]:
    progress = sum(moment(spec, frame) for frame in _frames_of(spec, number)) / 2
    cells = [_NOTHING] * _SIDE**2
    for order, thing in enumerate(spec.things):
        for cell in _covered(spec, order, progress):
            cells[cell] = thing.shape if number % 2 else thing.colour
    return cells


def _covered(spec: ClipSpec, order: int, progress: float) -> Iterator[int]:
    """The cells that hold the middle of a thing, or whose middle it covers."""
    x, y = place(spec, order, progress, reach(spec))
    home = tuple(min(_SIDE - 1, max(0, int(way * _SIDE))) for way in (x, y))
    for cell in range(_SIDE**2):
        down, across = divmod(cell, _SIDE)
        away = ((across + 0.5) / _SIDE - x) * spec.width, ((down + 0.5) / _SIDE - y) * spec.height
        if (across, down) == home or math.hypot(*away) < radius(spec):
            yield cell


def _flaw_at(spec: ClipSpec, axis: Axis, frames: Iterable[int]) -> str | None:
    """The strongest fault that shows in one of the frames."""
    shown = [
        fault
        for fault in spec.faults
        if fault.axis is axis and any(span(spec, fault).start <= frame < span(spec, fault).stop for frame in frames)
    ]
    return max(shown, key=lambda fault: fault.strength).defect if shown else None
