"""Moments chosen as frames go by are those that would be chosen with the whole clip at hand."""

from collections.abc import Sequence
from itertools import pairwise

import av
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qsave.frames.choice import QUARTERS, FastChoice, Seen, SlowChoice, Why

FRAME = av.VideoFrame(16, 16, "gray8")
rising = st.lists(st.integers(0, 10_000), min_size=1, max_size=60, unique=True).map(
    lambda ticks: [(tick - min(ticks)) / 100 for tick in sorted(ticks)]
)
curves = st.dictionaries(st.integers(0, 5000), st.integers(0, 2550), min_size=1, max_size=40).map(
    lambda curve: [((tick - min(curve)) / 100, curve[tick] / 10) for tick in sorted(curve)]
)
Curve = Sequence[tuple[float, float]]


def chosen_fast(times: Sequence[float], count: int) -> list[float]:
    choice = FastChoice(times[-1], count)
    seen = [choice.take(Seen(time, 0.0, FRAME)) for time in times]
    return [each.time for each in (*seen, choice.end()) if each]


def chosen_slow(curve: Curve, count: int, min_distance: float) -> list[tuple[float, Why]]:
    choice = SlowChoice(curve[-1][0], count, min_distance, scale=id)
    for time, energy in curve:
        choice.take(Seen(time, energy, FRAME))
    return [(each.time, why) for each, why in choice.end()]


@given(rising, st.integers(1, 20))
def test_fast_frames_are_those_on_screen_at_even_moments(times: list[float], count: int) -> None:
    moments = np.linspace(0, times[-1], count) if count > 1 else [times[-1] / 2]
    on_screen = {max(time for time in times if time <= moment + 1e-6) for moment in moments}
    assert chosen_fast(times, count) == sorted(on_screen)


@given(rising, st.integers(2, 20), st.floats(0.1, 50))
def test_both_ends_are_seen_even_where_the_packets_told_another_end(
    times: list[float], count: int, last: float
) -> None:
    choice = FastChoice(last, count)
    seen = [*(choice.take(Seen(time, 0.0, FRAME)) for time in times), choice.end()]
    found = [each.time for each in seen if each]
    assert (found[0], found[-1]) == (times[0], times[-1])
    assert len(found) <= count


@given(curves, st.integers(1, 8), st.floats(0, 1))
def test_slow_frames_keep_their_distance_and_the_liveliest_is_among_them(
    curve: Curve, count: int, distance: float
) -> None:
    picked = [time for time, _ in chosen_slow(curve, count, distance)]
    assert 1 <= len(picked) <= count
    assert all(second - first >= distance * curve[-1][0] / count for first, second in pairwise(picked))
    assert max(curve, key=lambda pair: (pair[1], -pair[0]))[0] in picked


@given(curves, st.integers(3, 8), st.floats(0, 0.5))
def test_neither_end_is_left_unseen(curve: Curve, count: int, distance: float) -> None:
    picked = chosen_slow(curve, count, distance)
    spacing = curve[-1][0] / count
    assert picked[0][0] <= spacing / 4 + max(spacing / 4, spacing * distance)
    assert curve[-1][0] - picked[-1][0] <= spacing / 4 + max(spacing / 4, spacing * distance) + 1e-9


@given(curves, st.integers(1, 8))
def test_no_more_frames_are_kept_than_there_are_cells(curve: Curve, count: int) -> None:
    choice = SlowChoice(curve[-1][0], count, 0.5, scale=id)
    for time, energy in curve:
        choice.take(Seen(time, energy, FRAME))
    assert len(choice._cells) <= count * QUARTERS


def test_equal_energy_goes_to_the_earlier_frame() -> None:
    assert chosen_slow([(0, 0), (1, 9), (2, 9), (3, 9), (4, 0)], 1, 0.5) == [(1, Why.ENERGY)]


def test_anchors_come_after_the_liveliest_and_only_where_none_of_those_is() -> None:
    calm = [(tick / 10, 1.0) for tick in range(41)]
    early = [(time, 9.0 if time in (0.3, 0.8, 2.0) else energy) for time, energy in calm]
    assert chosen_slow(early, 4, 0.5) == [
        (0.3, Why.ENERGY), (0.8, Why.ENERGY), (2.0, Why.ENERGY), (3.5, Why.END)
    ]  # fmt: skip


def test_where_nothing_is_to_be_slow_nothing_is_kept() -> None:
    assert chosen_slow([(0, 0), (1, 5), (2, 0)], 0, 0.5) == []
