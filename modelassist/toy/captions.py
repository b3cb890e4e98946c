"""What a toy clip shows, in words that judge nothing: for clips with captions, and for raters who say what they saw."""

import math
from collections.abc import Iterable, Iterator

from modelassist.toy.faults import Fault
from modelassist.toy.world import (
    COUNT_WORDS,
    MOTIONS,
    ClipSpec,
    Scene,
    Thing,
    moment,
    place,
    plural,
    radius,
    reach,
    span,
)
from qsave import scratch
from qsave.axes import Axis

_SIDE = 3
MOMENTS = 4
"""As many as a fast video of eight frames has vision runs: each run shows two frames."""
_NOTHING = "-"
_NONE = "none"
_STILL = 0.012
"""The least way between the two frames of a moment that is seen as one, as a share of the picture; a slide goes .09."""
_NO_FLAW = {Axis.VISUAL: "clean", Axis.DYNAMIC: "steady"}


def caption(spec: ClipSpec, asked: Scene) -> str:
    """How the clip looks, how it moves and what it shows, each moment by moment first, then in all; and that word by
    word beside what a prompt asks for.

    Few words tell what there is in all, and eyes that start from nothing are long in finding what those are of. Moments
    tell it place by place and time by time: each clip teaches dozens of times where to look, and what there is in all
    can be read off them.
    """
    flaws = (f"{moments(spec, axis)}. {sentence(_flaws(spec, axis))}" for axis in (Axis.VISUAL, Axis.DYNAMIC))
    return ". ".join([*flaws, sketch(spec), sentence(scene_words(spec)), f"{held_against(spec, asked)}."])


def moments(spec: ClipSpec, axis: Axis) -> str:
    """How the clip looks or moves at even moments, and what is wrong there: the strongest fault of each."""
    found = (_at(spec, axis, frames_of(spec, number)) for number in range(MOMENTS))
    return f"{scratch.MOMENTS.format(MOMENTS)} {', '.join(found)}"


def _at(spec: ClipSpec, axis: Axis, frames: tuple[int, int]) -> str:
    """As many words for each moment of an axis, so that each stands at a place of its own."""
    flaw = _flaw_at(spec, axis, frames) or _NO_FLAW[axis]
    return flaw if axis is Axis.VISUAL else f"{heading(spec, frames)} {flaw}"


def heading(spec: ClipSpec, frames: tuple[int, int]) -> str:
    """Where the things go between two frames: a word on motion for every moment of every clip, faulty or not."""
    gone = spec.fault("pops-in-or-out")
    if not spec.things or (gone and _shows(spec, gone, frames)):
        return _NOTHING
    before, after = (place(spec, 0, moment(spec, frame), reach(spec)) for frame in frames)
    across, down = after[0] - before[0], after[1] - before[1]
    if max(abs(across), abs(down)) < _STILL:
        return "still"
    if abs(across) > abs(down):
        return "right" if across > 0 else "left"
    return "down" if down > 0 else "up"


def sketch(spec: ClipSpec) -> str:
    """Where the things are, row by row: their colours at the first moment, their shapes at the second."""
    return f"{scratch.MAP} {_map(spec, 0)}; then of shapes: {_map(spec, 1)}"


def scene_words(spec: ClipSpec) -> str:
    """What is there, how it moves and over what, as a prompt would say it: "two red circles rise over sand"."""
    extra = f", a {named(spec.extra, 1)} in the corner" if spec.extra else ""
    if not spec.things:
        return f"nothing but {spec.ground}{extra}"
    first, count = spec.things[0], len(spec.things)
    others = [thing for thing in spec.things if thing != first]
    among = f", {COUNT_WORDS[len(others)]} {named(others[0], len(others))} among them" if others else ""
    verb = spec.motion if count == 1 else MOTIONS[spec.motion]
    return f"{COUNT_WORDS[count]} {named(first, count)} {verb} over {spec.ground}{among}{extra}"


def held_against(spec: ClipSpec, asked: Scene) -> str:
    """What was asked beside what is seen, word by word: "Asked and seen: two two same; red blue other; ..".

    Whether two words are the same is soon learnt where they touch. With a comma between them a tiny critic was blind to
    two of the five kinds after 3,800 steps (docs/engine/toy.md)."""
    things = spec.things
    verb = MOTIONS.get if asked.count > 1 else lambda motion: motion
    pairs = (
        (COUNT_WORDS[asked.count], COUNT_WORDS.get(len(things), _NONE)),
        (asked.colour, _all_of(thing.colour for thing in things)),
        (asked.shape, _all_of(thing.shape for thing in things)),
        (verb(asked.motion), verb(spec.motion) if things else _NONE),
        (asked.ground, spec.ground),
    )
    told = (f"{wanted} {seen} {'same' if wanted == seen else 'other'}" for wanted, seen in pairs)
    besides = f"a {spec.extra.colour} {spec.extra.shape}" if spec.extra else "nothing"
    return f"{scratch.COMPARISON} {'; '.join(told)}; {besides} besides"


def degree(strength: float) -> str:
    """A strength in (0, 1] as a word."""
    if strength < 0.4:
        return "slight"
    return "clear" if strength < 0.7 else "strong"


def sentence(words: str) -> str:
    """The words with a capital."""
    return words[0].upper() + words[1:]


def named(thing: Thing, count: int) -> str:
    """One thing or several like it: "red circle", "red circles"."""
    return f"{thing.colour} {thing.shape if count == 1 else plural(thing.shape)}"


def _all_of(words: Iterable[str]) -> str:
    """The different ones among some words."""
    return " and ".join(dict.fromkeys(words)) or _NONE


def _flaws(spec: ClipSpec, axis: Axis) -> str:
    faults = sorted((fault for fault in spec.faults if fault.axis is axis), key=lambda fault: -fault.strength)
    return ", ".join(f"{degree(fault.strength)} {fault.defect.replace('-', ' ')}" for fault in faults) or _NO_FLAW[axis]


def frames_of(spec: ClipSpec, number: int) -> tuple[int, int]:
    """The two frames that the vision run of a moment shows."""
    first, second = ((2 * number + half) * (spec.frames - 1) // (2 * MOMENTS - 1) for half in (0, 1))
    return first, second


def _map(spec: ClipSpec, number: int) -> str:
    cells = _cells(spec, number)
    return " / ".join(" ".join(cells[start : start + _SIDE]) for start in range(0, len(cells), _SIDE))


def _cells(spec: ClipSpec, number: int) -> list[str]:
    progress = sum(moment(spec, frame) for frame in frames_of(spec, number)) / 2
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
    shown = [fault for fault in spec.faults if fault.axis is axis and _shows(spec, fault, frames)]
    return max(shown, key=lambda fault: fault.strength).defect if shown else None


def _shows(spec: ClipSpec, fault: Fault, frames: Iterable[int]) -> bool:
    """Whether a fault shows in one of the frames."""
    shown = span(spec, fault)
    return any(shown.start <= frame < shown.stop for frame in frames)
