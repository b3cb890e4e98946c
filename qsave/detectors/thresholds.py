"""The limits by which readings become defects, each with its source, and which detectors are on.

"Chosen" limits were set on 18 real clips of Wan 2.1 and 2.2 and on toy clips with known faults; docs/detectors.md has
the figures. They are not from a standard, and other generators may need others.
"""

from dataclasses import dataclass

THRESHOLDS_VERSION = 3
"""Increase it with every change of a limit or of the detectors that are on: drafts name it, as the version of their
critic. `test_thresholds` fails until it is increased."""

CHOSEN = "chosen on 18 real clips and the toy world"


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold with its unit and its source."""

    value: float
    unit: str
    source: str = CHOSEN


BLUR_STEEPNESS = Limit(0.355, "share of an edge within one pixel of a 960 pixel wide picture")
"""Blurred below it. The real clips have 0.385 and more, also in fast motion, and 0.28 to 0.37 after a Gaussian blur of
one to two pixels; an edge that is no steeper than a ramp of four pixels has 0.25."""
BLUR_CONTRAST = Limit(6.0, "grey levels")
"""Frames of less contrast are too flat to tell."""
NOISE_LEVEL = Limit(8.0, "grey levels")
"""Noisy above it. Strong film grain is below; denoising is commonly tested from 15 levels on."""
BLOCK_GRID = Limit(1.6, "times the change elsewhere")
"""Blocky above it. The real clips have at most 1.3; the same clips in MPEG-4 at the coarsest step have 1.6 to 3."""
BLOCK_SECONDS = Limit(0.4, "s")
"""A grid lasts at least as long: it is looked for five times a second and must be found twice."""
BANDING_FLAT = Limit(0.92, "share of pixels in eight bands of grey")
BANDING_CONTRAST = Limit(20.0, "grey levels")
"""Frames of less contrast have few levels without banding."""
BRIGHT_CLIPPED = Limit(0.25, "share of pixels")
"""Over-exposed above it: that many pixels are white without detail. The real clips have at most 0.11."""
DARK_BRIGHTEST = Limit(70.0, "grey levels")
"""Under-exposed below it: 99 % of the pixels are darker. A night scene with lights is far above it."""
CAST_STRENGTH = Limit(1.0, "mean colour over its spread")
"""After Gasparini and Schettini 2004, who judge the distance of the mean colour from grey by its spread."""
CAST_COLOUR = Limit(30.0, "levels")

FROZEN_CHANGE = Limit(0.12, "grey levels")
"""Frames are the same below it. Frozen frames that were encoded again differ by 0.01 to 0.1."""
FROZEN_LOCAL = Limit(1.0, "grey levels")
"""The same for the part of the picture that changes most, so that a small motion is no freeze."""
FROZEN_SECONDS = Limit(0.4, "s")
"""A freeze lasts at least as long. Pulldown and generators of 8 frames a second hold a frame for up to 0.13 s."""
STILL_SHARE = Limit(0.9, "share of the clip")
"""A clip that is frozen for a larger share has too little motion instead."""
FLASH_STEP = Limit(25.5, "grey levels", "WCAG 2.2, general flash: opposing changes of a tenth of the range")
FLICKER_STEP = Limit(4.0, "grey levels")
FLICKER_PAIRS = Limit(4, "opposing changes in a row")
"""A weaker flicker counts if it goes up and down that often."""
SHAKE_UNEVENNESS = Limit(0.02, "share of the picture's sides")
"""Shaken above it: the shift differs by that much from the mean of the shifts before and after. Pans, zooms and bounces
shift evenly."""
SHAKE_TRUST = Limit(0.3, "height of the correlation peak")
SHAKE_SECONDS = Limit(0.4, "s")
STILL_CHANGE = Limit(2.5, "grey levels at 16 frames a second")
"""Too little motion if nine of ten frames change less, in the part of the picture that changes most."""
STILL_SECONDS = Limit(1.0, "s")
"""Shorter clips are not judged for their amount of motion."""
GLITCH_CHANGE = Limit(6.0, "grey levels")
GLITCH_SPIKE = Limit(3.0, "times the median change")
GLITCH_RETURN = Limit(0.35, "share of the change")
"""A single frame is foreign if the frames on both sides of it differ from it, and from each other by less than this
share."""

JITTER_RATIO = Limit(1.2, "times the step before and the step after")
"""Steps of the motion are uneven above it. Clips from which a third of the frames was dropped move one and two parts in
turn, which changes the picture by 1.2 to 2 times."""
JITTER_STEPS = Limit(7, "uneven steps in a row")
"""The real clips with even steps have at most 4 by chance; those with dropped frames have 7 to 12."""
JITTER_CHANGE = Limit(1.2, "grey levels")
"""Smaller steps of the whole picture are not compared."""
HELD_SHARE = Limit(0.25, "share of the steps before and after")
"""A smaller step is a stop: the frame is repeated, though it may have been encoded again."""
JITTER_STOPS = Limit(3, "stops")
JITTER_SECONDS = Limit(0.08, "s", "the shortest stops that viewers notice last 80 to 200 ms (aveq.info/?p=4099)")
"""Two frames last at least as long. At more than 25 frames a second a repeated frame is not noticed."""

POP_FLASH = Limit(145.0, "grey levels")
"""Something pops in or out above it: a sixty-fourth of the picture gets that much brighter or darker and goes back
within a quarter of a second. The real clips without such a flash have up to 106; those with one have 178 and
more."""

VISUAL_SECONDS = Limit(0.2, "s")
"""A visual defect lasts at least as long."""
FADE_SECONDS = Limit(0.5, "s")
"""A dark beginning or end up to this long is taken for a fade."""

OFF: dict[str, str] = {
    "banding": "A flat cartoon has as few grey levels as a picture with bands.",
    "colour-cast": "A scene of one colour (sand, grass, a sunset) measures the same as a cast.",
}
"""The detectors that propose nothing unless they are asked for, with the reason."""
