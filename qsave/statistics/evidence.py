"""Decide whether a figure has enough evidence to be read: the one rule for all pages, API answers and documents.

A figure outside its scale (an ICC of -4.10) is undefined. A figure is thin if it rests on fewer than LEAST_CLIPS clips
with two ratings, if its interval is wider than WIDEST of its scale, or if it has no interval: pages show a sentence
that says so first, with the figure folded behind it.
"""

from dataclasses import dataclass, replace
from math import ceil

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.figures import Estimate, Interval, Undefined

LEAST_CLIPS = 20
"""Fewest clips with two ratings for which agreement can be read."""
WIDEST = 0.4
"""Widest interval that can be read, as a share of the figure's scale."""
_FLAT = 1e-9
_NO_WIDTH = Undefined("too few to say: an interval without width would claim certainty")


@dataclass(frozen=True, slots=True)
class Scale:
    """The possible values of a figure, `least` to `most`, and the `width` that its interval is compared with."""

    least: float
    most: float
    width: float


RELIABILITY = Scale(-1.0, 1.0, 1.0)
"""The scale of alpha, ICC, correlations and ceilings."""
LEVELS = Scale(MIN_LEVEL, MAX_LEVEL, MAX_LEVEL - MIN_LEVEL)
"""The scale of a MOS."""
DIFFERENCE = Scale(MIN_LEVEL - MAX_LEVEL, MAX_LEVEL - MIN_LEVEL, MAX_LEVEL - MIN_LEVEL)
"""The scale of a difference of two MOS."""
RATIO = Scale(0.0, float("inf"), 2.0)
"""The scale of a ratio that is 1 if nothing differs. It rarely exceeds 2."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A figure as pages show it: undefined outside its scale. `thin` is the sentence shown first, empty if the figure
    can be read."""

    estimate: Estimate
    thin: str

    @property
    def is_thin(self) -> bool:
        return bool(self.thin)


def weigh(estimate: Estimate, *, clips: int | None = None, kind: str = "", scale: Scale = RELIABILITY) -> Weighed:
    """Weigh the evidence for one figure. `clips` counts the clips with two counted ratings that it rests on; None if
    that does not matter (the MOS of a generator, say). `kind` names those ratings ("blind") if there are others too."""
    value, interval = estimate.value, estimate.interval
    few = describe_count(clips, kind) if _are_too_few(clips) else ""
    if isinstance(value, Undefined):
        return Weighed(estimate, few)
    if not scale.least <= value <= scale.most:
        cannot = "ratings of one clip differ more than those of different clips: there is too little to say"
        return Weighed(Estimate.undefined(cannot), few)
    if isinstance(interval, Interval) and interval.high - interval.low < _FLAT:
        interval = _NO_WIDTH
    if isinstance(interval, Undefined):
        return Weighed(Estimate(value, interval), few or f"There is no interval for this figure: {interval}.")
    width, limit = interval.high - interval.low, WIDEST * scale.width
    ends = replace(interval, low=max(interval.low, scale.least), high=min(interval.high, scale.most))
    rounded = ceil(100 * width - _FLAT) / 100  # up: never "0.40 wide" beside "at most 0.40"
    wide = f"The interval is {rounded:.2f} wide; this figure can be read where it is at most {limit:.2f}."
    return Weighed(Estimate(value, ends), few or (wide if width > limit + _FLAT else ""))


def describe_count(clips: int | None, kind: str = "") -> str:
    """Describe how many clips have two ratings, and how many are needed: `8 clips have two ratings; agreement can be
    read from about 20.`"""
    number = {None: "No clip has", 0: "No clip has", 1: "1 clip has"}.get(clips, f"{clips} clips have")
    return f"{number} two {f'{kind} ' if kind else ''}ratings; agreement can be read from about {LEAST_CLIPS}."


def describe_compared(clips: int) -> str:
    """Describe how many clips have ratings in both arms, and how many are needed to compare the arms."""
    number = {0: "No clip has", 1: "1 clip has"}.get(clips, f"{clips} clips have")
    return f"{number} blind and assisted ratings; the two can be compared from about {LEAST_CLIPS}."


def describe_shared(clips: int) -> str:
    """Describe how many clips are judged elsewhere and rated here, and how many a correlation needs."""
    number = {0: "No clip is", 1: "1 clip is"}.get(clips, f"{clips} clips are")
    return f"{number} judged there and rated here; a correlation can be read from about {LEAST_CLIPS}."


def describe_drafted(clips: int) -> str:
    """Describe how many clips have a drafted score and a blind rating, and how many a comparison needs."""
    number = {0: "No clip has", 1: "1 clip has"}.get(clips, f"{clips} clips have")
    return f"{number} a drafted score and a blind rating; the two can be compared from about {LEAST_CLIPS}."


def _are_too_few(clips: int | None) -> bool:
    return clips is not None and clips < LEAST_CLIPS
