"""Simulated raters of the toy world. Each has a bias, some noise and a taste, and notices most faults.

`SimulatedRater.rate` depends on its arguments only. A rater sees the true faults, weights some more than others, gives
whole scores, and names the noticed faults with slightly inexact evidence and varying words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from modelassist.toy.captions import (
    capitalise,
    compare_with_prompt,
    describe_moments,
    describe_scene,
    name_degree,
    name_thing,
    write_map,
)
from modelassist.toy.faults import KINDS, Fault, compute_quality
from modelassist.toy.world import COUNT_WORDS, ClipSpec, Scene, Thing, pluralise
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import AxisReport, Box, Evidence, ReportCard, TimeRange

_NO_BIAS: Mapping[Axis, float] = dict.fromkeys(AXES, 0.0)
_MISSED_ALL_FROM = 4  # a rater who gives a lower score has noticed at least one fault


@dataclass(frozen=True, slots=True)
class SimulatedRater:
    """One rater. `bias` shifts an axis, `noise` is the SD of a score before rounding, `taste` multiplies the harm of a
    defect."""

    seed: int
    bias: Mapping[Axis, float] = field(default_factory=lambda: _NO_BIAS)
    noise: float = 0.3
    taste: Mapping[str, float] = field(default_factory=dict)

    def make_rng(self, spec: ClipSpec, attempt: int = 0) -> np.random.Generator:
        """Return this rater's generator for this clip; another `attempt` gives other words."""
        return np.random.default_rng([self.seed, spec.seed, spec.index, attempt])

    def rate(self, spec: ClipSpec, rng: np.random.Generator) -> ReportCard:
        """Make a report card with whole scores, noticed defects and reasons of at least 20 characters."""
        return ReportCard(**{axis.value: self._report(spec, axis, rng) for axis in AXES})

    def _report(self, spec: ClipSpec, axis: Axis, rng: np.random.Generator) -> AxisReport:
        opinion = compute_quality(spec.faults, axis, spec.duration, self.taste) + self.bias.get(axis, 0.0)
        score = int(np.clip(np.rint(opinion + rng.normal(0.0, self.noise)), MIN_LEVEL, MAX_LEVEL))
        noticed = _draw_noticed(spec, axis, score, rng)
        pieces = [(fault, _draw_evidence(spec, fault, rng)) for fault in noticed]
        reason = " ".join(_describe_fault(spec, fault, piece, rng) for fault, piece in pieces)
        reason = reason or _explain_no_defect(spec, axis, score, rng)
        reason = f"{_write_notes(spec, axis)}. {reason}"
        return AxisReport(score, tuple(piece for _, piece in pieces), reason)


def make_rater(seed: int) -> SimulatedRater:
    """Draw a rater by seed: most have a bias below half a level and noise of a third, and weight a few defects more."""
    rng = np.random.default_rng([seed, 7])
    defects = [kind.defect for kinds in KINDS.values() for kind in kinds]
    minded = rng.choice(len(defects), size=6, replace=False)
    return SimulatedRater(
        seed=seed,
        bias={axis: round(float(rng.normal(0.0, 0.25)), 3) for axis in AXES},
        noise=round(float(rng.uniform(0.2, 0.5)), 3),
        taste={defects[number]: round(float(rng.uniform(0.7, 1.4)), 3) for number in minded},
    )


def _draw_noticed(spec: ClipSpec, axis: Axis, score: int, rng: np.random.Generator) -> list[Fault]:
    """Draw the noticed faults: strong ones nearly always, weak ones often; with a low score always the strongest."""
    faults = sorted((fault for fault in spec.faults if fault.axis is axis), key=lambda fault: -fault.strength)
    noticed = [fault for fault in faults if rng.random() < min(0.98, 0.5 + 0.7 * fault.strength)]
    if score == MAX_LEVEL:
        return []
    return noticed or (faults[:1] if score < _MISSED_ALL_FROM else [])


def _draw_evidence(spec: ClipSpec, fault: Fault, rng: np.random.Generator) -> Evidence:
    time = _jitter_time(fault.time, spec.duration, rng) if fault.time and rng.random() < 0.85 else None
    box = _jitter_box(fault.box, rng) if fault.box and rng.random() < 0.5 else None
    return Evidence(fault.defect, time, box)


def _jitter_time(time: TimeRange, duration: float, rng: np.random.Generator) -> TimeRange:
    """Shift the edges a little, in tenths of a second; the result lasts at least one tenth."""
    last = int(duration * 10)
    first, end = (round(10 * (edge + rng.normal(0, 0.06))) for edge in (time.start, time.end))
    first = min(max(first, 0), last - 1)
    return TimeRange(first / 10, max(min(end, last), first + 1) / 10)


def _jitter_box(box: Box, rng: np.random.Generator) -> Box:
    """Shift the edges a little, on a grid of 5 per cent; the result is at least two steps wide and high."""

    def span(low: float, size: float) -> tuple[int, int]:
        first, last = (round(20 * (edge + rng.normal(0, 0.02))) for edge in (low, low + size))
        first = min(max(first, 0), 18)
        return first, max(min(last, 20) - first, 2)

    (left, width), (top, height) = span(box.x, box.width), span(box.y, box.height)
    return Box(left / 20, top / 20, width / 20, height / 20)


def _describe_fault(spec: ClipSpec, fault: Fault, piece: Evidence, rng: np.random.Generator) -> str:
    templates = _TEMPLATES[fault.defect]
    when = "at some point" if fault.time and not piece.time else _describe_time(piece.time)
    where = "part of the picture" if fault.box and not piece.box else _describe_place(piece.box)
    words = templates[rng.integers(len(templates))]
    return capitalise(words.format(degree=name_degree(fault.strength), where=where, when=when, **_list_names(spec)))


def _write_notes(spec: ClipSpec, axis: Axis) -> str:
    """Write the notes that precede the verdict: what each moment shows or, for alignment, the scene compared with the
    prompt."""
    if axis is Axis.ALIGNMENT:
        return f"{write_map(spec)}. {capitalise(describe_scene(spec))}. {compare_with_prompt(spec, spec.requested)}"
    return describe_moments(spec, axis)


def _describe_place(box: Box | None) -> str:
    if box is None or (box.width > 0.7 and box.height > 0.7):
        return "the whole picture"
    across, down = box.x + box.width / 2, box.y + box.height / 2
    side = "left" if across < 0.4 else "right" if across > 0.6 else "middle"
    return f"the {'upper' if down < 0.4 else 'lower' if down > 0.6 else 'central'} {side}"


def _describe_time(time: TimeRange | None) -> str:
    return f"from {time.start:g} to {time.end:g} s" if time else "all the time"


def _list_names(spec: ClipSpec) -> dict[str, str]:
    """Return words for the prompt and for what is visible."""
    requested, count = spec.requested, len(spec.things)
    thing = spec.things[0] if spec.things else None
    return {
        "asked": _name_group(requested),
        "thing": requested.shape if requested.count == 1 else pluralise(requested.shape),
        "asked_colour": requested.colour,
        "asked_count": _name_number(requested.count),
        "asked_shape": requested.shape,
        "asked_motion": requested.motion,
        "asked_ground": requested.ground,
        "shown_colour": thing.colour if thing else "nothing",
        "shown_shape": thing.shape if thing else "nothing",
        "shown_count": _name_number(count),
        "shown_motion": spec.motion,
        "shown_ground": spec.ground,
        "extra": f"{spec.extra.colour} {spec.extra.shape}" if spec.extra else "thing",
    }


def _name_group(scene: Scene) -> str:
    return f"{COUNT_WORDS[scene.count]} {name_thing(Thing(scene.colour, scene.shape), scene.count)}"


def _name_number(count: int) -> str:
    return ("none", "one", "two", "three")[count]


def _explain_no_defect(spec: ClipSpec, axis: Axis, score: int, rng: np.random.Generator) -> str:
    """Write the reason of a report without defects: the faults are minor, or the clip has no faults."""
    if any(fault.axis is axis for fault in spec.faults):
        templates = _MINOR[axis]
    else:
        templates = _CLEAN[axis] if score >= _MISSED_ALL_FROM else _DOUBTFUL[axis]
    return capitalise(templates[rng.integers(len(templates))].format(**_list_names(spec)))


_TEMPLATES: dict[str, tuple[str, ...]] = {
    "blur": ("{degree} blur over {where} {when}.", "blur softens {where} {when}, a {degree} loss of detail."),
    "noise": ("{degree} noise covers {where} {when}.", "there is {degree} grain and noise in {where} {when}."),
    "blockiness": ("{degree} blockiness in {where} {when}.", "{where} breaks into blocks, {degree} blockiness {when}."),
    "banding": ("{degree} banding flattens {where} {when}.", "shades fall into steps, {degree} banding {when}."),
    "over-exposed": (
        "{where} is over-exposed {when}, {degree} glare.",
        "{degree} glare {when}: over-exposed and pale.",
    ),
    "under-exposed": ("{where} is under-exposed {when}, {degree} gloom.", "too dark {when}, {degree}ly under-exposed."),
    "colour-cast": ("{degree} colour cast over {where} {when}.", "a {degree} pink colour cast tints {where} {when}."),
    "watermark": ("a {degree} watermark sits on {where} {when}.", "{degree} watermark bars cover {where} {when}."),
    "frozen": ("everything is frozen {when}, then it jumps on.", "the picture stands frozen {when}."),
    "jitter": ("{degree} jitter of the {thing} {when}.", "{degree} jitter shakes the {thing} {when}."),
    "flicker": ("{degree} flicker of the light {when}.", "brightness goes up and down, {degree} flicker {when}."),
    "camera-shake": ("{degree} camera shake {when}.", "the view jolts, {degree} camera shake {when}."),
    "pops-in-or-out": (
        "a gap {when}: the motion pops in or out.",
        "nothing of the {thing} is there {when}, it pops in or out.",
    ),
    "implausible-physics": (
        "a leap aside of the {thing} {when}, implausible physics.",
        "implausible physics {when}: a {degree} leap out of the path.",
    ),
    "too-little-motion": (
        "too little motion of the {thing}, a {degree} lack.",
        "hardly any travel of the {thing}, too little motion.",
    ),
    "morphing": ("{degree} morphing of the {thing} {when}.", "a change of the shape {when}, {degree} morphing."),
    "missing-object": ("missing object: there is no {asked_shape} at all.", "{asked} was asked for: missing object."),
    "wrong-object": (
        "wrong object: a {shown_shape} instead of a {asked_shape}.",
        "a {shown_shape} is a wrong object here.",
    ),
    "wrong-colour": (
        "wrong colour: {shown_colour} instead of {asked_colour}.",
        "{shown_colour} is the wrong colour here.",
    ),
    "wrong-count": (
        "wrong count: {shown_count} instead of {asked_count}.",
        "{shown_count} {asked_shape} shown, a wrong count.",
    ),
    "wrong-action": (
        "wrong action: it {shown_motion}, not {asked_motion}.",
        "it {shown_motion}, which is a wrong action.",
    ),
    "wrong-setting": (
        "wrong setting: {shown_ground}, not {asked_ground}.",
        "{shown_ground} is the wrong setting here.",
    ),
    "extra-content": ("extra content: a {extra} nobody asked for.", "a {extra} in the corner is extra content."),
}
_CLEAN: dict[Axis, tuple[str, ...]] = {
    Axis.VISUAL: (
        "sharp and clean, {shown_colour} on {shown_ground}.",
        "clear edges and natural light on the {shown_ground}.",
        "the {shown_ground} and the shapes look crisp throughout.",
        "no visible flaw in the picture of the {shown_ground}.",
    ),
    Axis.DYNAMIC: (
        "smooth and steady, it {shown_motion} without a break.",
        "even motion from start to end: it {shown_motion}.",
        "it {shown_motion} fluidly over the {shown_ground}.",
        "nothing jumps or stops while it {shown_motion}.",
    ),
    Axis.ALIGNMENT: ("just as asked.", "all of the prompt is there."),
}
_MINOR: dict[Axis, tuple[str, ...]] = {
    Axis.VISUAL: ("hardly worth a mark, the {shown_ground} still looks fine.", "nothing there spoils the look of it."),
    Axis.DYNAMIC: (
        "hardly worth a mark, it {shown_motion} well enough.",
        "nothing there spoils how it {shown_motion}.",
    ),
    Axis.ALIGNMENT: ("near enough to the prompt.", "a small matter, it still serves the prompt."),
}
_DOUBTFUL: dict[Axis, tuple[str, ...]] = {
    Axis.VISUAL: (
        "nothing is broken, but the {shown_ground} looks plain.",
        "an ordinary look, {shown_colour} on {shown_ground}.",
    ),
    Axis.DYNAMIC: ("it {shown_motion}, but without any life.", "nothing is broken, yet it {shown_motion} stiffly."),
    Axis.ALIGNMENT: ("roughly as asked.", "nothing is wrong, though it does not quite convince."),
}
