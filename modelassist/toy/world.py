"""Describe toy clips: what a clip should show, what it shows, and its true quality. `render` makes the pixels.

`make_spec(seed, index)` draws a clip at random. CLIPS_PER_PROMPT consecutive clips share a prompt, and each of them has
another generator. Each generator has its own weakness, so that both clips and generators differ in quality.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

import numpy as np

from modelassist.toy.faults import KINDS, Fault, Kind, compute_quality
from qsave.axes import AXES, Axis
from qsave.report_card import Box, TimeRange

COLOURS = ("red", "green", "blue", "yellow", "purple", "white")
SHAPES = ("circle", "square", "triangle", "cross")
GROUNDS = ("grass", "sand", "water", "stone")
MOTIONS = {"slides left": "slide left", "slides right": "slide right", "rises": "rise", "falls": "fall"}
MOTIONS |= {"bounces": "bounce", "circles": "circle"}
COUNT_WORDS = {1: "a", 2: "two", 3: "three"}
CLIPS_PER_PROMPT = 3

SIZES = ((96, 96), (112, 96), (96, 112), (128, 128))
"""Width and height in pixels. All sizes are nearly square and so have the same number of vision tokens: an untrained
vision tower then learns one grid."""
RATES = (12, 14, 15, 16)
"""Frames per second."""

# Chance of a fault and its mean strength, by axis: one generator is good, and each of the others is weak on one axis.
_GOOD, _FAIR, _WEAK = (0.3, 0.3), (0.5, 0.45), (0.9, 0.75)
GENERATORS: dict[str, dict[Axis, tuple[float, float]]] = {
    "toy-atlas": dict(zip(AXES, (_GOOD, _GOOD, _GOOD), strict=True)),
    "toy-birch": dict(zip(AXES, (_WEAK, _FAIR, _GOOD), strict=True)),
    "toy-comet": dict(zip(AXES, (_FAIR, _WEAK, _FAIR), strict=True)),
    "toy-dune": dict(zip(AXES, (_FAIR, _FAIR, _WEAK), strict=True)),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What a prompt asks for."""

    count: int
    colour: str
    shape: str
    motion: str
    ground: str

    @property
    def prompt(self) -> str:
        if self.count == 1:
            return f"A {self.colour} {self.shape} {self.motion} over {self.ground}"
        number = COUNT_WORDS[self.count].capitalize()
        return f"{number} {self.colour} {pluralise(self.shape)} {MOTIONS[self.motion]} over {self.ground}"


@dataclass(frozen=True, slots=True)
class Thing:
    """One moving shape."""

    colour: str
    shape: str


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """A clip to render: the requested scene, what is visible, and the faults, which determine the true quality."""

    seed: int
    index: int
    generator: str
    requested: Scene
    things: tuple[Thing, ...]
    motion: str
    ground: str
    extra: Thing | None
    width: int
    height: int
    rate: int
    frames: int
    pan: float
    """Camera travel to the right over the clip, as a share of the width."""
    faults: tuple[Fault, ...] = ()

    @property
    def prompt(self) -> str:
        return self.requested.prompt

    @property
    def visible(self) -> Scene:
        """The visible scene, as a prompt would ask for it."""
        first = self.things[0] if self.things else Thing(self.requested.colour, self.requested.shape)
        count = len(self.things) or self.requested.count
        return Scene(count, first.colour, first.shape, self.motion, self.ground)

    @property
    def clip_id(self) -> str:
        return f"toy-{self.seed}-{self.index:05d}"

    @property
    def duration(self) -> float:
        return self.frames / self.rate

    def compute_quality(self, axis: Axis) -> float:
        """Return the true quality of the axis, in [1, 5]."""
        return compute_quality(self.faults, axis, self.duration)

    def find_fault(self, defect: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.defect == defect), None)


def make_spec(seed: int, index: int) -> ClipSpec:
    """Draw the clip with number `index` of the world `seed`; the same arguments give the same clip on every machine."""
    rng = np.random.default_rng([seed, index])
    requested = _pick_scene(seed, index // CLIPS_PER_PROMPT)
    names = list(GENERATORS)
    Random(f"{seed}/{index // CLIPS_PER_PROMPT}").shuffle(names)
    generator = names[index % CLIPS_PER_PROMPT]
    width, height = SIZES[rng.integers(len(SIZES))]
    rate = int(RATES[rng.integers(len(RATES))])
    spec = ClipSpec(
        seed=seed,
        index=index,
        generator=generator,
        requested=requested,
        things=(Thing(requested.colour, requested.shape),) * requested.count,
        motion=requested.motion,
        ground=requested.ground,
        extra=None,
        width=width,
        height=height,
        rate=rate,
        frames=int(rate * rng.uniform(1.8, 2.2)),
        pan=float(rng.choice([0.0, 0.08, -0.08])),
    )
    for axis in (Axis.ALIGNMENT, Axis.DYNAMIC, Axis.VISUAL):
        spec = _draw_faults(spec, axis, rng)
    return spec


def draw_other_prompt(spec: ClipSpec) -> Scene:
    """Draw a prompt with which a captioned clip is compared: each word is the clip's own or, half of the time, random.

    The clip mostly matches the prompt that it was made for, so that prompt seldom teaches what a mismatch is.
    """
    rng = np.random.default_rng([spec.seed, spec.index, 2])
    visible = spec.visible
    words = (
        (tuple(COUNT_WORDS), visible.count),
        (COLOURS, visible.colour),
        (SHAPES, visible.shape),
        (tuple(MOTIONS), visible.motion),
        (GROUNDS, visible.ground),
    )
    count, colour, shape, motion, ground = (
        word if rng.random() < 0.5 else choices[rng.integers(len(choices))] for choices, word in words
    )
    return Scene(int(count), str(colour), str(shape), str(motion), str(ground))


def pluralise(shape: str) -> str:
    return shape + ("es" if shape.endswith("s") else "s")


def locate_thing(spec: ClipSpec, number: int, progress: float, reach: float = 1.0) -> tuple[float, float]:
    """Return the centre of thing `number` (fractions of the frame) at `progress` 0..1; `reach` scales its travel."""
    lane = (number + 0.5) / len(spec.things)
    swing = (progress - 0.5) * reach
    turn = 2 * math.pi * progress * reach
    if spec.motion in ("slides left", "slides right"):
        return 0.5 + 0.6 * (swing if spec.motion == "slides right" else -swing), lane
    if spec.motion in ("rises", "falls"):
        return lane, 0.5 + 0.6 * (swing if spec.motion == "falls" else -swing)
    if spec.motion == "bounces":
        return lane, 0.75 - 0.5 * abs(math.sin(turn)) * min(1.0, reach)
    return lane + 0.12 * math.cos(turn) * min(1.0, reach), 0.5 + 0.25 * math.sin(turn) * min(1.0, reach)


def find_frame_range(spec: ClipSpec, fault: Fault) -> slice:
    """Return the frames in which a fault is visible."""
    if fault.time is None:
        return slice(0, spec.frames)
    return slice(round(fault.time.start * spec.rate), round(fault.time.end * spec.rate))


def compute_progress(spec: ClipSpec, number: int) -> float:
    """Return the progress of the clip at a frame, 0..1; it stops during a freeze and jumps after it."""
    frozen = spec.find_fault("frozen")
    if frozen is not None and find_frame_range(spec, frozen).start <= number < find_frame_range(spec, frozen).stop:
        number = find_frame_range(spec, frozen).start
    return number / max(1, spec.frames - 1)


def compute_travel(spec: ClipSpec) -> float:
    """Return the share of its path that a thing travels."""
    fault = spec.find_fault("too-little-motion")
    return 0.45 * (1 - fault.strength) if fault else 1.0


def compute_radius(spec: ClipSpec) -> float:
    """Return the radius of a thing, in pixels; the more things, the smaller."""
    return (0.2, 0.2, 0.18, 0.15)[len(spec.things)] * min(spec.width, spec.height)


def compute_things_box(spec: ClipSpec, time: TimeRange | None, numbers: range | None = None) -> Box:
    """Return the smallest box around the things during `time` (None: the whole clip), rounded to whole per cent."""
    begin, end = (time.start / spec.duration, time.end / spec.duration) if time else (0.0, 1.0)
    steps = [begin + (end - begin) * step / 8 for step in range(9)]
    centres = [locate_thing(spec, number, step) for number in numbers or range(len(spec.things)) for step in steps]
    across, down = compute_radius(spec) / spec.width, compute_radius(spec) / spec.height
    left, right = min(x for x, _ in centres) - across, max(x for x, _ in centres) + across
    top, bottom = min(y for _, y in centres) - down, max(y for _, y in centres) + down
    left, top, right, bottom = (round(min(1.0, max(0.0, side)), 2) for side in (left, top, right, bottom))
    return Box(left, top, round(right - left, 2), round(bottom - top, 2))


@lru_cache(maxsize=8)
def _shuffle_scenes(seed: int) -> tuple[int, ...]:
    numbers = list(range(len(COUNT_WORDS) * len(COLOURS) * len(SHAPES) * len(MOTIONS) * len(GROUNDS)))
    Random(seed).shuffle(numbers)
    return tuple(numbers)


def _pick_scene(seed: int, number: int) -> Scene:
    order = _shuffle_scenes(seed)
    rest = order[number % len(order)]
    picks = []
    for choices in (tuple(COUNT_WORDS), COLOURS, SHAPES, tuple(MOTIONS), GROUNDS):
        rest, pick = divmod(rest, len(choices))
        picks.append(choices[pick])
    count, colour, shape, motion, ground = picks
    return Scene(int(count), str(colour), str(shape), str(motion), str(ground))


def _draw_faults(spec: ClipSpec, axis: Axis, rng: np.random.Generator) -> ClipSpec:
    chance, strength = GENERATORS[spec.generator][axis]
    kinds = [kind for kind in KINDS[axis] if spec.things or not kind.needs_object]
    tries = 1 if axis is Axis.ALIGNMENT else 2
    for number in range(tries):
        if rng.random() < chance / (1 + 2 * number) and kinds:
            kind = kinds.pop(rng.integers(len(kinds)))
            power = round(float(np.clip(rng.normal(strength, 0.22), 0.15, 1.0)), 2)
            if axis is Axis.ALIGNMENT:
                spec = _draw_mismatch(spec, kind.defect, power, rng)
            else:
                fault = _draw_fault(spec, kind, power, rng)
                spec = replace(spec, faults=(*spec.faults, fault))
    return spec


def _draw_fault(spec: ClipSpec, kind: Kind, strength: float, rng: np.random.Generator) -> Fault:
    time = _draw_time(spec, kind, strength, rng) if rng.random() < kind.timed else None
    box = _draw_box(spec, kind, rng) if rng.random() < kind.boxed else None
    if kind.needs_object and kind.defect != "implausible-physics":  # that fault moves the thing out of this box
        box = compute_things_box(spec, time)
    return Fault(kind.defect, strength, time, box)


def _draw_time(spec: ClipSpec, kind: Kind, strength: float, rng: np.random.Generator) -> TimeRange:
    """Draw a time range of whole frames. Stronger freezes last longer; half of the brief faults last 2 or 3 frames."""
    if kind.brief and rng.random() < 0.5:
        frame_count = int(rng.integers(2, 4))
    else:
        share = 0.2 + 0.6 * strength if kind.defect == "frozen" else rng.uniform(0.25, 0.6)
        frame_count = max(3, round(share * spec.frames))
    first = int(rng.integers(1, spec.frames - frame_count)) if spec.frames - frame_count > 1 else 0
    return TimeRange(round(first / spec.rate, 2), round((first + frame_count) / spec.rate, 2))


def _draw_box(spec: ClipSpec, kind: Kind, rng: np.random.Generator) -> Box:
    if kind.defect == "watermark":
        return Box(float(rng.choice([0.05, 0.55])), float(rng.choice([0.05, 0.75])), 0.4, 0.2)
    width, height = (round(float(rng.uniform(0.35, 0.65)), 2) for _ in range(2))
    left, top = (round(float(rng.uniform(0, 1 - size)), 2) for size in (width, height))
    return Box(left, top, width, height)


def _draw_mismatch(spec: ClipSpec, defect: str, strength: float, rng: np.random.Generator) -> ClipSpec:
    """Make the clip differ from its prompt in one respect; the fault's strength is that of the resulting difference."""
    requested = spec.requested
    wrong = max(1, round(strength * requested.count))
    share = round(wrong / requested.count, 2)
    if defect == "missing-object":
        return _add_fault(replace(spec, things=()), Fault(defect, 1.0))
    if defect == "wrong-object":
        other = Thing(requested.colour, _pick_other(SHAPES, requested.shape, rng))
        return _add_fault(
            _replace_things(spec, other, wrong),
            Fault(defect, share, None, compute_things_box(spec, None, range(wrong))),
        )
    if defect == "wrong-colour":
        other = Thing(_pick_other(COLOURS, requested.colour, rng), requested.shape)
        return _add_fault(
            _replace_things(spec, other, wrong),
            Fault(defect, share, None, compute_things_box(spec, None, range(wrong))),
        )
    if defect == "wrong-count":
        count = int(rng.choice([number for number in COUNT_WORDS if number != requested.count]))
        things = spec.things[:1] * count
        return _add_fault(replace(spec, things=things), Fault(defect, min(1.0, abs(count - requested.count) / 2)))
    if defect == "wrong-action":
        return _add_fault(replace(spec, motion=_pick_other(tuple(MOTIONS), requested.motion, rng)), Fault(defect, 1.0))
    if defect == "wrong-setting":
        return _add_fault(replace(spec, ground=_pick_other(GROUNDS, requested.ground, rng)), Fault(defect, 1.0))
    extra = Thing(_pick_other(COLOURS, requested.colour, rng), _pick_other(SHAPES, requested.shape, rng))
    return _add_fault(
        replace(spec, extra=extra), Fault("extra-content", strength, None, compute_extra_box(spec, strength))
    )


def compute_extra_box(spec: ClipSpec, strength: float) -> Box:
    """Return the box of extra content: in the lower right corner, larger for a stronger fault."""
    side = (0.5 + 0.8 * strength) * compute_radius(spec)
    width, height = round(2 * side / spec.width, 2), round(2 * side / spec.height, 2)
    return Box(round(0.98 - width, 2), round(0.98 - height, 2), width, height)


def _add_fault(spec: ClipSpec, fault: Fault) -> ClipSpec:
    return replace(spec, faults=(*spec.faults, fault))


def _replace_things(spec: ClipSpec, other: Thing, count: int) -> ClipSpec:
    return replace(spec, things=(other,) * count + spec.things[count:])


def _pick_other(choices: tuple[str, ...], excluded: str, rng: np.random.Generator) -> str:
    return str(rng.choice([choice for choice in choices if choice != excluded]))
