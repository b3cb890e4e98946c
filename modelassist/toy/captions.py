"""What a toy clip shows, in words that judge nothing: for the describe stage, and for raters who say what they saw."""

import numpy as np

from modelassist.toy.world import COUNT_WORDS, MOTIONS, ClipSpec, Thing, moment, place, plural, radius, reach
from qsave.axes import Axis

_MAP_SIDE = 3
_MAPS = 4
_NOTHING = "-"


def caption(spec: ClipSpec) -> str:
    """The scene, then what disturbs its motion and its look, the strongest first, then where the things are.

    Few words tell what is there, and eyes that start from nothing are long in finding what they are of. Maps tell it
    place by place and time by time, so each clip teaches dozens of times where to look.
    """
    flaws = f"{_flaws(spec, Axis.DYNAMIC, 'steady')}. {_flaws(spec, Axis.VISUAL, 'clean')}"
    return f"{scene_words(spec)}. {flaws}. {maps(spec)}."


def maps(spec: ClipSpec) -> str:
    """The colours of the things on a grid, row by row, at even moments from the first frame to the last."""
    frames = np.linspace(0, spec.frames - 1, _MAPS)
    return "Map " + ", ".join(_map(spec, moment(spec, round(float(frame)))) for frame in frames)


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


def _map(spec: ClipSpec, progress: float) -> str:
    """One map: a cell holds the colour of the thing that has its middle there, or covers the middle of the cell."""
    cells = [_NOTHING] * _MAP_SIDE**2
    for number, thing in enumerate(spec.things):
        x, y = place(spec, number, progress, reach(spec))
        home = tuple(min(_MAP_SIDE - 1, max(0, int(side * _MAP_SIDE))) for side in (x, y))
        for cell in range(_MAP_SIDE**2):
            down, across = divmod(cell, _MAP_SIDE)
            away = ((across + 0.5) / _MAP_SIDE - x) * spec.width, ((down + 0.5) / _MAP_SIDE - y) * spec.height
            if (across, down) == home or np.hypot(*away) < radius(spec):
                cells[cell] = thing.colour
    return " ".join(cells)
