"""What a toy clip shows, in words that judge nothing: for the describe stage, and for raters who say what they saw."""

import math
from collections.abc import Iterable, Iterator

from modelassist.toy.world import COUNT_WORDS, MOTIONS, ClipSpec, Thing, moment, place, plural, radius, reach, span
from qsave.axes import Axis

_SIDE = 3
_MOMENTS = 4
"""As many as a fast video of eight frames has vision runs: each run shows two frames."""
_NOTHING = "-"


def captions(spec: ClipSpec) -> tuple[str, str]:
    """Two texts, each learnt alone: what one says must not be guessed from the other.

    Few words tell what is there, and eyes that start from nothing are long in finding what they are of. Moments tell
    it place by place and time by time, so each clip teaches dozens of times where to look.
    """
    return caption(spec), moments(spec)


def caption(spec: ClipSpec) -> str:
    """The scene, then what disturbs its motion and its look, the strongest first."""
    return f"{scene_words(spec)}. {_flaws(spec, Axis.DYNAMIC, 'steady')}. {_flaws(spec, Axis.VISUAL, 'clean')}."


def moments(spec: ClipSpec) -> str:
    """What is where, row by row, at even moments: colours and shapes in turn; then how it moves and looks just then."""
    return "; ".join(_moment_words(spec, number) for number in range(_MOMENTS))


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


def _named(thing: Thing, count: int) -> str:
    return f"{thing.colour} {thing.shape if count == 1 else plural(thing.shape)}"


def _flaws(spec: ClipSpec, axis: Axis, none: str) -> str:
    faults = sorted((fault for fault in spec.faults if fault.axis is axis), key=lambda fault: -fault.strength)
    return ", ".join(f"{degree(fault.strength)} {fault.defect.replace('-', ' ')}" for fault in faults) or none


def _moment_words(spec: ClipSpec, number: int) -> str:
    frames = [round((2 * number + half) / (2 * _MOMENTS - 1) * (spec.frames - 1)) for half in (0, 1)]
    progress = (moment(spec, frames[0]) + moment(spec, frames[1])) / 2
    cells = [_NOTHING] * _SIDE**2
    for order, thing in enumerate(spec.things):
        for cell in _covered(spec, order, progress):
            cells[cell] = thing.shape if number % 2 else thing.colour
    flaws = [_flaw_at(spec, axis, frames) for axis in (Axis.DYNAMIC, Axis.VISUAL)]
    return " ".join([*cells, flaws[0] or "steady", flaws[1] or "clean"])


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
