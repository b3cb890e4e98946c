"""Figures on pages: a number with its interval, or the reason why there is none."""

import pytest

from modelassist.reads.evaluation import figure, headline


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"value": 0.714, "low": 0.52, "high": 0.831}, "0.71 (0.52 to 0.83)"),
        ({"value": 0.714, "interval": "too little varies"}, "0.71"),
        ({"undefined": "all clips have the same MOS"}, "undefined: all clips have the same MOS"),
        (None, "not measured"),
        ({}, "not measured"),
    ],
)
def test_a_figure_in_words(value: dict[str, object] | None, words: str) -> None:
    assert figure(value) == words


def axes(value: float) -> dict[str, object]:
    return {"axes": {axis: {"critic": {"srcc": {"value": value}}} for axis in ("visual", "dynamic", "alignment")}}


def test_the_headline_takes_test_before_val() -> None:
    evaluation = {"splits": {"val": axes(0.1), "test": axes(0.6)}}
    assert headline(evaluation) == {"visual": "0.60", "dynamic": "0.60", "alignment": "0.60"}


def test_a_critic_that_was_never_measured_says_so() -> None:
    assert set(headline({}).values()) == {"not measured"}
