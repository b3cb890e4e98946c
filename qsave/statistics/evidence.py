"""Whether a figure rests on enough to be read. The one rule for every page, answer of the API and document.

A figure that cannot be (an ICC of -4.10) is undefined. One that rests on fewer than LEAST_CLIPS clips with two ratings,
or whose interval is wider than WIDEST of its scale, is thin: a sentence says so first, and the figure is folded behind
it. So is one that has no interval.
"""

from dataclasses import dataclass, replace
from math import ceil

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.figures import Estimate, Interval, Undefined

LEAST_CLIPS = 20
"""Clips with two ratings from which agreement can be read."""
WIDEST = 0.4
"""Widest interval that can be read, as a share of the figure's scale."""
_FLAT = 1e-9
_NO_WIDTH = Undefined("too few to say: an interval without width would claim certainty")


@dataclass(frozen=True, slots=True)
class Scale:
    """What a figure can be, `least` to `most`, and the `width` that its interval is held against."""

    least: float
    most: float
    width: float


RELIABILITY = Scale(-1.0, 1.0, 1.0)
"""Of alpha, ICC, correlations and ceilings."""
LEVELS = Scale(MIN_LEVEL, MAX_LEVEL, MAX_LEVEL - MIN_LEVEL)
"""Of a MOS."""
DIFFERENCE = Scale(MIN_LEVEL - MAX_LEVEL, MAX_LEVEL - MIN_LEVEL, MAX_LEVEL - MIN_LEVEL)
"""Of a difference of two MOS."""
RATIO = Scale(0.0, float("inf"), 2.0)
"""Of a ratio that is 1 where nothing differs: it hardly passes 2."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A figure as it may be shown: undefined where it cannot be. `thin` is the sentence that stands before it, and
    empty where the figure can be read."""

    estimate: Estimate
    thin: str

    @property
    def is_thin(self) -> bool:
        return bool(self.thin)


def weigh(estimate: Estimate, *, clips: int | None = None, kind: str = "", scale: Scale = RELIABILITY) -> Weighed:
    """Judge one figure. `clips` counts the clips with two counted ratings that it rests on; None where that does not
    matter (the MOS of a generator, say). `kind` names those ratings ("blind") where there are others too."""
    value, interval = estimate.value, estimate.interval
    few = count_in_words(clips, kind) if _few(clips) else ""
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


def count_in_words(clips: int | None, kind: str = "") -> str:
    """How many clips have two ratings, and how many that takes: `8 clips have two ratings; agreement can be read from
    about 20.`"""
    number = {None: "No clip has", 0: "No clip has", 1: "1 clip has"}.get(clips, f"{clips} clips have")
    return f"{number} two {f'{kind} ' if kind else ''}ratings; agreement can be read from about {LEAST_CLIPS}."


def compared_in_words(clips: int) -> str:
    """How many clips have ratings of both arms, and how many it takes to compare the arms."""
    number = {0: "No clip has", 1: "1 clip has"}.get(clips, f"{clips} clips have")
    return f"{number} blind and assisted ratings; the two can be compared from about {LEAST_CLIPS}."


def _few(clips: int | None) -> bool:
    return clips is not None and clips < LEAST_CLIPS
