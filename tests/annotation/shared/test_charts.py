"""Geometry of charts."""

import math

from hypothesis import given
from hypothesis import strategies as st

from annotation.shared.charts import (
    HEIGHT,
    LEFT,
    MAX_MARKS,
    RIGHT,
    WIDTH,
    Estimate,
    draw_curve,
    draw_histogram,
    draw_mos_chart,
)

levels = st.floats(1, 5)
estimates = st.builds(lambda value, a, b: Estimate("clip", value, min(a, value), max(b, value)), levels, levels, levels)


@given(st.lists(estimates, min_size=1, max_size=300))
def test_marks_stand_inside_the_frame_in_rising_order_within_their_intervals(estimated_clips: list[Estimate]) -> None:
    chart = draw_mos_chart(estimated_clips)
    assert chart is not None
    assert len(chart.marks) == chart.shown <= MAX_MARKS
    assert chart.total == len(estimated_clips)
    heights = [mark.y for mark in chart.marks]
    assert heights == sorted(heights, reverse=True)
    for mark in chart.marks:
        assert LEFT <= mark.x <= WIDTH - RIGHT
        assert 0 <= mark.y_high <= mark.y <= mark.y_low <= HEIGHT


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_bars_are_as_high_as_their_counts(counts: list[int]) -> None:
    chart = draw_histogram([(str(i), count) for i, count in enumerate(counts)])
    if not any(counts):
        assert chart is None
        return
    assert chart is not None
    unit = max(bar.height for bar in chart.bars) / max(counts)
    assert all(math.isclose(bar.height, bar.count * unit, abs_tol=1e-6) for bar in chart.bars)
    assert all(bar.y >= 0 for bar in chart.bars)


numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(st.integers(0, 10**6).map(float), numbers), max_size=1000))
def test_a_curve_passes_over_what_is_no_number_and_stays_inside(points: list[tuple[float, float]]) -> None:
    finite = [point for point in points if math.isfinite(point[1]) and abs(point[1]) < 1e300]
    drawn = draw_curve(finite + [(x, y) for x, y in points if not math.isfinite(y)])
    assert (drawn is None) == (len(finite) < 2)
    if drawn is not None:
        for x, y in (map(float, pair.split(",")) for pair in drawn.points.split()):
            assert LEFT - 0.1 <= x <= WIDTH
            assert -0.1 <= y <= HEIGHT + 0.1


def test_nothing_gives_no_chart() -> None:
    assert draw_mos_chart([]) is None
    assert draw_histogram([]) is None
    assert draw_curve([(1, 2)]) is None
