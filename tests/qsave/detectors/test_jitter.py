"""Which sequences of steps are uneven, from the readings alone: no clip is encoded here."""

from itertools import accumulate, cycle, islice

import numpy as np
import numpy.typing as npt
import pytest

from qsave.detectors.jitter import find_jitter
from qsave.detectors.propose import find_defects
from qsave.detectors.readings import SERIES, Readings

FRAMES = 33
Steps = list[float] | npt.NDArray[np.float64]


def make_readings(steps: Steps, rate: float = 16, gaps: Steps | None = None) -> Readings:
    """Make the readings of a bright clip in which the picture changes by these grey levels from frame to frame."""
    times = np.asarray(list(accumulate(gaps if gaps is not None else [1 / rate] * len(steps), initial=0.0)))
    values = {name: np.full(len(times), 20, np.float32) for name in SERIES}
    bright, change = np.full(len(times), 120, np.float32), np.asarray([0, *steps], np.float32)
    calm = {name: np.zeros(len(times), np.float32) for name in ("noise", "flash", "clipped_bright", "shift_trust")}
    sharp = {name: np.ones(len(times), np.float32) for name in ("steepness", "blockiness")}
    values |= calm | sharp | {"luma": bright, "brightest": bright, "change": change, "two_frame_change": change}
    return Readings(832, 480, float(times[-1]) + 1 / rate, times, **values)


def repeat(*steps: float) -> list[float]:
    return list(islice(cycle(steps), FRAMES - 1))


UNEVEN: dict[str, tuple[list[float], float]] = {
    "24 frames a second, a third of them dropped": (repeat(4, 7), 16),
    "the same while the camera gets faster": ([step * 1.03**i for i, step in enumerate(repeat(3, 5))], 16),
    "12 frames a second in 16": (repeat(6, 6, 6, 0.3), 16),
    "10 frames a second in 15": (repeat(6, 6, 0.3), 15),
    "a stop now and then": ([0.2 if i in (5, 12, 26) else 4 for i in range(FRAMES - 1)], 24),
    "half a second of it": ([*[4.0] * 12, *[7.0, 4.0] * 4, *[4.0] * 12], 16),
}


@pytest.mark.parametrize("kind", UNEVEN)
def test_uneven_steps_are_proposed_as_jitter_and_nothing_else(kind: str) -> None:
    steps, rate = UNEVEN[kind]
    (finding,) = find_defects(make_readings(steps, rate))
    assert finding.defect == "jitter"


EVEN: dict[str, tuple[Steps, float]] = {
    "even motion": (repeat(5), 16),
    "getting faster": (np.linspace(1, 12, FRAMES - 1), 16),
    "back and forth": (5 + 4 * np.sin(np.arange(FRAMES - 1) / 2), 16),
    "8 frames a second held twice": (repeat(6, 0.3), 16),
    "8 frames a second held three times": (repeat(6, 0.3, 0.3), 24),
    "24 frames a second in 30": (repeat(6, 6, 6, 6, 0.3), 30),
    "24 frames a second in 60": (repeat(6, 0, 6, 0, 0), 60),
    "a third dropped of 90": (repeat(4, 7), 60),
    "one stop": ([0.2 if i == 9 else 4 for i in range(FRAMES - 1)], 16),
    "too faint to see": (repeat(0.5, 1.0), 16),
    "one cut": ([60.0 if i == 9 else 4 for i in range(FRAMES - 1)], 16),
    "two steps": ([4, 7], 16),
}


@pytest.mark.parametrize("kind", EVEN)
def test_steps_that_are_even_or_irregular_only_once_are_not_proposed(kind: str) -> None:
    steps, rate = EVEN[kind]
    assert find_jitter(make_readings(steps, rate)) is None


def test_motion_that_is_even_in_time_is_no_jitter_at_a_variable_rate() -> None:
    gaps = repeat(1 / 24, 2 / 24)
    steps = np.asarray(gaps) * 100
    assert find_jitter(make_readings(steps, gaps=gaps)) is None
    assert find_jitter(make_readings(steps)) is not None


def test_motion_of_changing_speed_does_not_alternate_by_chance() -> None:
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(400):
        noise = random.normal(0, 0.15, FRAMES - 1)
        drift = np.convolve(random.normal(0, 0.5, FRAMES + 6), np.ones(8) / np.sqrt(8), "valid")[: FRAMES - 1]
        alarms += find_jitter(make_readings(6 * np.exp(drift + noise))) is not None
    assert alarms <= 2


def test_the_sentence_says_where_and_by_how_much() -> None:
    finding = find_jitter(make_readings(repeat(4, 6)))
    assert finding is not None
    assert finding.sentence.startswith(
        "Frames 2 to 32 (0.06-2.00 s): the motion goes in long and short steps in turn: every second frame changes the "
        "picture 1.5 times as much"
    )
    stops = find_jitter(make_readings(repeat(6, 6, 6, 0.3)))
    assert stops is not None
    assert stops.sentence.startswith("Frames 4 to 5 (0.19-0.31 s), frames 8 to 9 (0.44-0.56 s)")
    assert "and 2 more: the motion stops for one frame and resumes, 7 times" in stops.sentence
