"""Which figures can be read, which are folded behind a sentence, and which cannot be."""

import pytest

from qsave.statistics.evidence import DIFFERENCE, LEVELS, RELIABILITY, Scale, weigh
from qsave.statistics.figures import Estimate, Interval, Undefined

TWENTY = "agreement can be read from about 20."
NARROW, WIDE = Interval(0.5, 0.8), Interval(0.2, 0.7)


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        (0, f"No clip has two ratings; {TWENTY}"),
        (1, f"1 clip has two ratings; {TWENTY}"),
        (8, f"8 clips have two ratings; {TWENTY}"),
        (19, f"19 clips have two ratings; {TWENTY}"),
        (20, ""),
        (None, ""),
    ],
)
def test_few_clips_are_said_first(clips: int | None, sentence: str) -> None:
    assert weigh(Estimate(0.7, NARROW), clips=clips).thin == sentence
    assert weigh(Estimate(0.7, NARROW), clips=clips).is_thin == bool(sentence)


def test_the_sentence_names_the_kind_of_ratings_where_there_are_others() -> None:
    assert weigh(Estimate(0.7, NARROW), clips=8, kind="blind").thin == f"8 clips have two blind ratings; {TWENTY}"


@pytest.mark.parametrize(
    ("interval", "scale", "thin"),
    [
        (WIDE, RELIABILITY, "The interval is 0.50 wide; this figure can be read where it is at most 0.40."),
        (
            Interval(0.3, 0.7004),
            RELIABILITY,
            "The interval is 0.41 wide; this figure can be read where it is at most 0.40.",
        ),
        (Interval(0.3, 0.7), RELIABILITY, ""),
        (NARROW, RELIABILITY, ""),
        (Interval(2.0, 3.5), LEVELS, ""),
        (Interval(2.0, 3.7), LEVELS, "The interval is 1.70 wide; this figure can be read where it is at most 1.60."),
        (Interval(-0.2, 0.4), DIFFERENCE, ""),
    ],
)
def test_a_wide_interval_is_said_first(interval: Interval, scale: Scale, thin: str) -> None:
    estimate = Estimate((interval.low + interval.high) / 2, interval)
    assert weigh(estimate, clips=100, scale=scale).thin == thin


def test_a_figure_without_an_interval_is_thin() -> None:
    assert weigh(Estimate(1.0, Undefined("too few to say")), clips=30).thin == (
        "There is no interval for this figure: too few to say."
    )


def test_an_interval_without_width_is_none() -> None:
    weighed = weigh(Estimate(1.0, Interval(1.0, 1.0)), clips=30)
    assert weighed.thin.startswith("There is no interval for this figure: too few to say")
    assert isinstance(weighed.estimate.interval, Undefined)


@pytest.mark.parametrize(("value", "scale"), [(-4.10, RELIABILITY), (1.2, RELIABILITY), (5.3, LEVELS)])
def test_what_cannot_be_is_undefined(value: float, scale: Scale) -> None:
    weighed = weigh(Estimate(value, NARROW), clips=50, scale=scale)
    assert isinstance(weighed.estimate.value, Undefined)
    assert isinstance(weighed.estimate.interval, Undefined)


def test_an_undefined_figure_stays_as_it_is() -> None:
    nothing = Estimate.undefined("no clip has two ratings")
    assert weigh(nothing, clips=30).estimate is nothing
    assert weigh(nothing, clips=0).thin.startswith("No clip has two ratings")


@pytest.mark.parametrize("clips", [8, 50])
def test_an_interval_ends_where_the_scale_does(clips: int) -> None:
    weighed = weigh(Estimate(-0.05, Interval(-2.39, 0.77)), clips=clips)
    assert weighed.estimate == Estimate(-0.05, Interval(-1.0, 0.77))
    assert weighed.is_thin
