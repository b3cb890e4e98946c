"""Describe what a toy clip shows, without judging it: for captions, and for the notes of simulated raters."""

import math
from collections.abc import Iterable, Iterator

from modelassist.toy.faults import Fault
from modelassist.toy.world import (
    COUNT_WORDS,
    MOTIONS,
    ClipSpec,
    Scene,
    Thing,
    compute_progress,
    compute_radius,
    compute_travel,
    find_frame_range,
    locate_thing,
    pluralise,
)
from qsave import scratch
from qsave.axes import Axis

_SIDE = 3
MOMENTS = 4
"""The number of vision runs of a fast video of eight frames: each run shows two frames."""
_NOTHING = "-"
_NONE = "none"
_STILL = 0.012
"""The least movement between the two frames of a moment, as a share of the picture; a slide moves 0.09."""
_NO_FLAW = {Axis.VISUAL: "clean", Axis.DYNAMIC: "steady"}


def write_caption(spec: ClipSpec, requested: Scene) -> str:
    """Describe how the clip looks, how it moves and what it shows; then compare it word by word with a prompt.

    Each description goes moment by moment before it sums up. A summary has few words, and an untrained vision tower
    needs long to learn what they refer to. The moments name what is visible at each position and time, so each clip has
    dozens of words that teach where to look, and the summary follows from them.
    """
    flaws = (
        f"{describe_moments(spec, axis)}. {capitalise(_describe_flaws(spec, axis))}"
        for axis in (Axis.VISUAL, Axis.DYNAMIC)
    )
    return ". ".join(
        [*flaws, write_map(spec), capitalise(describe_scene(spec)), f"{compare_with_prompt(spec, requested)}."]
    )


def describe_moments(spec: ClipSpec, axis: Axis) -> str:
    """Describe how the clip looks or moves at evenly spaced moments, with the strongest fault of each."""
    words = (_describe_moment(spec, axis, find_moment_frames(spec, number)) for number in range(MOMENTS))
    return f"{scratch.MOMENTS.format(MOMENTS)} {', '.join(words)}"


def _describe_moment(spec: ClipSpec, axis: Axis, frames: tuple[int, int]) -> str:
    """Describe one moment; all moments of an axis have the same number of words, so each has a fixed position."""
    flaw = _find_flaw(spec, axis, frames) or _NO_FLAW[axis]
    return flaw if axis is Axis.VISUAL else f"{name_direction(spec, frames)} {flaw}"


def name_direction(spec: ClipSpec, frames: tuple[int, int]) -> str:
    """Name the direction in which the things move between two frames, in one word, even if the clip has a fault."""
    gone = spec.find_fault("pops-in-or-out")
    if not spec.things or (gone and _is_visible(spec, gone, frames)):
        return _NOTHING
    before, after = (locate_thing(spec, 0, compute_progress(spec, frame), compute_travel(spec)) for frame in frames)
    across, down = after[0] - before[0], after[1] - before[1]
    if max(abs(across), abs(down)) < _STILL:
        return "still"
    if abs(across) > abs(down):
        return "right" if across > 0 else "left"
    return "down" if down > 0 else "up"


def write_map(spec: ClipSpec) -> str:
    """Write a map of the things, row by row: their colours at the first moment, their shapes at the second."""
    return f"{scratch.MAP} {_write_moment_map(spec, 0)}; then of shapes: {_write_moment_map(spec, 1)}"


def describe_scene(spec: ClipSpec) -> str:
    """Describe the things, their motion and the ground in the form of a prompt: "two red circles rise over sand"."""
    extra = f", a {name_thing(spec.extra, 1)} in the corner" if spec.extra else ""
    if not spec.things:
        return f"nothing but {spec.ground}{extra}"
    first, count = spec.things[0], len(spec.things)
    others = [thing for thing in spec.things if thing != first]
    among = f", {COUNT_WORDS[len(others)]} {name_thing(others[0], len(others))} among them" if others else ""
    verb = spec.motion if count == 1 else MOTIONS[spec.motion]
    return f"{COUNT_WORDS[count]} {name_thing(first, count)} {verb} over {spec.ground}{among}{extra}"


def compare_with_prompt(spec: ClipSpec, requested: Scene) -> str:
    """Compare the prompt with what is visible, word by word: "Asked and seen: two two same; red blue other; ..".

    A model quickly learns whether two adjacent words are the same. With a comma between the words a tiny critic did not
    learn two of the five kinds in 3,800 steps (docs/engine/toy.md).
    """
    things = spec.things
    verb = MOTIONS.get if requested.count > 1 else lambda motion: motion
    pairs = (
        (COUNT_WORDS[requested.count], COUNT_WORDS.get(len(things), _NONE)),
        (requested.colour, _join_different(thing.colour for thing in things)),
        (requested.shape, _join_different(thing.shape for thing in things)),
        (verb(requested.motion), verb(spec.motion) if things else _NONE),
        (requested.ground, spec.ground),
    )
    words = (f"{wanted} {seen} {'same' if wanted == seen else 'other'}" for wanted, seen in pairs)
    besides = f"a {spec.extra.colour} {spec.extra.shape}" if spec.extra else "nothing"
    return f"{scratch.COMPARISON} {'; '.join(words)}; {besides} besides"


def name_degree(strength: float) -> str:
    """Return a strength in (0, 1] as a word."""
    if strength < 0.4:
        return "slight"
    return "clear" if strength < 0.7 else "strong"


def capitalise(words: str) -> str:
    """Capitalise the first letter."""
    return words[0].upper() + words[1:]


def name_thing(thing: Thing, count: int) -> str:
    """Name one thing, or several like it: "red circle", "red circles"."""
    return f"{thing.colour} {thing.shape if count == 1 else pluralise(thing.shape)}"


def _join_different(words: Iterable[str]) -> str:
    """Join the different words."""
    return " and ".join(dict.fromkeys(words)) or _NONE


def _describe_flaws(spec: ClipSpec, axis: Axis) -> str:
    faults = sorted((fault for fault in spec.faults if fault.axis is axis), key=lambda fault: -fault.strength)
    return (
        ", ".join(f"{name_degree(fault.strength)} {fault.defect.replace('-', ' ')}" for fault in faults)
        or _NO_FLAW[axis]
    )


def find_moment_frames(spec: ClipSpec, number: int) -> tuple[int, int]:
    """Return the two frames that the vision run of a moment shows."""
    first, second = ((2 * number + half) * (spec.frames - 1) // (2 * MOMENTS - 1) for half in (0, 1))
    return first, second


def _write_moment_map(spec: ClipSpec, number: int) -> str:
    cells = _find_cells(spec, number)
    return " / ".join(" ".join(cells[start : start + _SIDE]) for start in range(0, len(cells), _SIDE))


def _find_cells(spec: ClipSpec, number: int) -> list[str]:
    progress = sum(compute_progress(spec, frame) for frame in find_moment_frames(spec, number)) / 2
    cells = [_NOTHING] * _SIDE**2
    for order, thing in enumerate(spec.things):
        for cell in _list_covered(spec, order, progress):
            cells[cell] = thing.shape if number % 2 else thing.colour
    return cells


def _list_covered(spec: ClipSpec, order: int, progress: float) -> Iterator[int]:
    """Yield the cells that contain the centre of a thing, and the cells whose centre it covers."""
    x, y = locate_thing(spec, order, progress, compute_travel(spec))
    home = tuple(min(_SIDE - 1, max(0, int(way * _SIDE))) for way in (x, y))
    for cell in range(_SIDE**2):
        down, across = divmod(cell, _SIDE)
        away = ((across + 0.5) / _SIDE - x) * spec.width, ((down + 0.5) / _SIDE - y) * spec.height
        if (across, down) == home or math.hypot(*away) < compute_radius(spec):
            yield cell


def _find_flaw(spec: ClipSpec, axis: Axis, frames: Iterable[int]) -> str | None:
    """Return the strongest fault that is visible in one of the frames."""
    visible = [fault for fault in spec.faults if fault.axis is axis and _is_visible(spec, fault, frames)]
    return max(visible, key=lambda fault: fault.strength).defect if visible else None


def _is_visible(spec: ClipSpec, fault: Fault, frames: Iterable[int]) -> bool:
    """Whether a fault is visible in one of the frames."""
    frame_range = find_frame_range(spec, fault)
    return any(frame_range.start <= frame < frame_range.stop for frame in frames)
