"""Plots as the site describes them: rows, tables, and the JSON that scripts draw."""

import json
from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from annotation.shared.plots import (
    MAX_TABLE_ROWS,
    Mark,
    Plot,
    Row,
    Scale,
    Side,
    make_levels_side,
    plot_days,
    thin_evenly,
)

ROWS: tuple[Row, ...] = (("visual", "gen-1", 3.14159265, 2.0, None), ("dynamic", "gen-2", -2.5, 1.0, 4.0))


def make_plot(rows: tuple[Row, ...] = ROWS) -> Plot:
    return Plot(
        id="plot-generators",
        title="Mean MOS",
        summary="Mean MOS of two generators.",
        mark=Mark.POINT,
        columns={"series": "Axis", "label": "Generator", "x": "MOS", "low": "Low", "high": "High"},
        rows=rows,
        x=make_levels_side("MOS"),
        y=Side("", Scale.NAMES),
        is_simulated=True,
    )


@given(st.lists(st.integers(), max_size=60), st.integers(2, 20))
def test_a_thinned_list_keeps_its_order_its_first_and_its_last_row(numbers: list[int], limit: int) -> None:
    rows = list(enumerate(numbers))
    thinned = thin_evenly(rows, limit)
    assert len(thinned) == min(len(rows), limit)
    assert list(thinned) == sorted(set(thinned))
    assert thinned[:1] == tuple(rows[:1])
    assert thinned[-1:] == tuple(rows[-1:])
    gaps = {after[0] - before[0] for before, after in pairwise(thinned)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_the_json_has_the_figures_the_scales_and_the_mark_of_simulated_data() -> None:
    sent = json.loads(make_plot().as_json)
    assert sent["rows"] == [["visual", "gen-1", 3.14159, 2.0, None], ["dynamic", "gen-2", -2.5, 1.0, 4.0]]
    assert list(sent["columns"]) == ["series", "label", "x", "low", "high"]
    assert (sent["x"]["low"], sent["x"]["high"], sent["y"]["scale"]) == (1, 5, "names")
    assert sent["note"] == "simulated data"


def test_a_plot_has_room_for_each_name_once() -> None:
    assert make_plot().names == 2
    assert make_plot((*ROWS, ("alignment", "gen-1", 1.0, None, None))).names == 2


def test_the_own_table_shows_figures_as_people_read_them_and_not_thousands_of_rows() -> None:
    assert make_plot().table_rows[0] == ["visual", "gen-1", "3.142", "2", "–"]
    assert make_plot().table_rows[1][2] == "\N{MINUS SIGN}2.5"
    many = tuple(("visual", f"gen-{number}", 1.0, None, None) for number in range(1000))
    rows = make_plot(many).table_rows
    assert len(rows) == MAX_TABLE_ROWS
    assert (rows[0][1], rows[-1][1]) == ("gen-0", "gen-999")


def test_minutes_of_days_begin_at_zero_and_a_range_without_work_has_no_plot() -> None:
    days = [(date(2026, 3, 2), 0.5), (date(2026, 3, 3), 0.0), (date(2026, 3, 4), 1.0)]
    plot = plot_days(days)
    assert plot is not None
    assert plot.rows == (("2 Mar", 30.0), ("3 Mar", 0.0), ("4 Mar", 60.0))
    assert plot.y.low == 0
    assert "3 days" in plot.summary
    assert "60 minutes" in plot.summary
    assert plot_days([(day, 0.0) for day, _hours in days]) is None
