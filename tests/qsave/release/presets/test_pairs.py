"""Pairs: the rule, against every pair of clips of any scores and errors."""

import math
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsave.axes import AXES, Axis
from qsave.release.presets.pairs import Candidate, Pair, Z, find_pairs

_scores = st.tuples(st.integers(0, 40).map(lambda n: 1 + n / 10), st.integers(0, 20).map(lambda n: n / 10))


@st.composite
def _draw_candidates(draw: st.DrawFn) -> list[Candidate]:
    """Clips of one prompt with scores and errors on a grid; some are the same video."""
    count = draw(st.integers(0, 6))
    return [
        make_candidate(f"clip-{number}", {axis: draw(_scores) for axis in AXES}, draw(st.integers(0, 9)))
        for number in range(count)
    ]


def make_candidate(clip_id: str, scores: dict[Axis, tuple[float, float]], video: int) -> Candidate:
    return Candidate(clip_id, "toy", Path(f"{video}.mp4"), f"media/{video}.mp4", str(video), 1.0, False, scores)


def name_pairs(pairs: list[Pair]) -> set[tuple[Axis, str, str]]:
    return {(pair.axis, pair.chosen.clip_id, pair.rejected.clip_id) for pair in pairs}


@given(_draw_candidates())
def test_pairs_are_exactly_those_that_the_rule_accepts(candidates: list[Candidate]) -> None:
    expected = {
        (axis, better.clip_id, worse.clip_id)
        for axis in AXES
        for better, worse in permutations(candidates, 2)
        if better.sha256 != worse.sha256
        and better.scores[axis][0] - worse.scores[axis][0]
        > Z * math.sqrt(better.scores[axis][1] ** 2 + worse.scores[axis][1] ** 2)
    }
    pairs = list(find_pairs(candidates))
    assert name_pairs(pairs) == expected
    assert len(pairs) == len(expected)


@settings(max_examples=30)
@given(_draw_candidates(), st.randoms())
def test_the_order_of_the_clips_does_not_matter(candidates: list[Candidate], random: Random) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)
    assert list(find_pairs(shuffled)) == list(find_pairs(candidates))


@settings(max_examples=30)
@given(_draw_candidates(), st.floats(1, 3))
def test_larger_errors_never_add_a_pair(candidates: list[Candidate], factor: float) -> None:
    vaguer = [
        replace(one, scores={axis: (mos, error * factor) for axis, (mos, error) in one.scores.items()})
        for one in candidates
    ]
    assert name_pairs(list(find_pairs(vaguer))) <= name_pairs(list(find_pairs(candidates)))


@pytest.mark.parametrize(("difference", "is_pair"), [(Z * 0.5, False), (Z * 0.5 + 1e-6, True), (0.0, False)])
def test_a_difference_as_large_as_the_error_is_not_enough(difference: float, is_pair: bool) -> None:
    one = make_candidate("one", dict.fromkeys(AXES, (1.0 + difference, 0.3)), 1)
    other = make_candidate("other", dict.fromkeys(AXES, (1.0, 0.4)), 2)
    assert bool(list(find_pairs([one, other]))) == is_pair
