"""The plots of the agreement page show the figures of the page, on honest scales."""

from dataclasses import replace

import pytest

from annotation.agreement import mos_curve, plots
from annotation.agreement.figures import Agreement, compute_agreement
from annotation.agreement.generator_table import list_generator_rows
from annotation.agreement.mos_curve import MosCurve, make_mos_curve
from annotation.agreement.mos_rows import read_mos_rows
from annotation.models import Campaign
from annotation.shared.plots import Plot
from qsave.axes import AXES, Axis
from qsave.statistics.figures import Interval, Undefined
from qsave.statistics.generators import GeneratorFigures
from tests.annotation.factories import make_clip
from tests.datasets.world import campaign_with, rate

pytestmark = pytest.mark.django_db
CLIPS = 24


@pytest.fixture(scope="module")
def agreement(module_db: None) -> Agreement:
    """Two generators with enough clips to be read, rated by three people."""
    clips = [make_clip(f"clip-{number:02}", generator=f"gen-{number % 2}") for number in range(CLIPS)]
    campaign = campaign_with(clips, assisted_share=0, overlap=3, is_simulated=True)
    rate(campaign, 3, lambda clip, rater: dict.fromkeys(AXES, 2 + clip.pk // 2 % 2 + (rater == 1)))
    return compute_agreement(campaign)


def make_curve(agreement: Agreement, axis: Axis) -> MosCurve | None:
    rated = agreement.rated[axis]
    return make_mos_curve(rated.item_keys, rated.mos)


def plot_first_mos(agreement: Agreement) -> Plot | None:
    return plots.plot_mos(agreement.campaign, Axis.VISUAL, make_curve(agreement, Axis.VISUAL))


def plot_generators(agreement: Agreement) -> Plot | None:
    return plots.plot_generators(agreement.campaign, list_generator_rows(agreement.generators))


def plot_biases(agreement: Agreement) -> Plot | None:
    return plots.plot_biases(agreement.campaign, agreement.raters)


def list_plots(agreement: Agreement) -> list[Plot | None]:
    campaign = agreement.campaign
    curves = [plots.plot_mos(campaign, axis, make_curve(agreement, axis)) for axis in AXES]
    levels = [plots.plot_levels(campaign, axis) for axis in agreement.axes]
    return [*curves, *levels, plot_generators(agreement), plot_biases(agreement)]


def test_each_plot_is_marked_simulated_names_itself_once_and_has_a_cell_for_each_column(agreement: Agreement) -> None:
    drawn = [plot for plot in list_plots(agreement) if plot]
    assert len(drawn) == len({plot.id for plot in drawn}) == 8
    for plot in drawn:
        assert plot.is_simulated
        assert plot.summary.endswith(".")
        assert {len(row) for row in plot.rows} == {len(plot.columns)}


def test_clips_are_in_rising_order_with_their_intervals_on_the_whole_scale(agreement: Agreement) -> None:
    plot = plot_first_mos(agreement)
    assert plot is not None
    mos = {row.clip_id: row.mos[Axis.VISUAL] for row in read_mos_rows(agreement.campaign)}
    for clip, *ends in plot.rows:
        one = mos[str(clip)]
        assert ends == pytest.approx([one.mos, one.low, one.high])
    assert [row[1] for row in plot.rows] == sorted(one.mos for one in mos.values())
    assert (plot.y.low, plot.y.high) == (1, 5)
    assert f"{CLIPS} clips" in plot.summary
    assert plot.caption == ""


def test_of_many_clips_some_are_drawn_and_the_caption_says_so(
    agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mos_curve, "MAX_MARKS", 10)
    plot = plot_first_mos(agreement)
    assert plot is not None
    assert plot.caption == f"10 of {CLIPS} clips, evenly spaced."


def test_counts_of_levels_are_those_of_the_scores_and_begin_at_zero(agreement: Agreement) -> None:
    plot = plots.plot_levels(agreement.campaign, agreement.axes[0])
    assert plot is not None
    assert [row[0] for row in plot.rows] == ["1", "2", "3", "4", "5"]
    assert sum(int(row[1] or 0) for row in plot.rows) == 3 * CLIPS
    assert plot.y.low == 0


def test_generators_have_the_figures_of_their_table(agreement: Agreement) -> None:
    plot = plot_generators(agreement)
    assert plot is not None
    figures = {
        (AXES[at], row.name): one
        for row in list_generator_rows(agreement.generators)
        for at, one in enumerate(row.figures)
    }
    for axis, name, *ends in plot.rows:
        figure = figures[Axis(str(axis)), str(name)]
        assert figure is not None
        assert isinstance(figure.estimate.interval, Interval)
        assert ends == [figure.estimate.value, figure.estimate.interval.low, figure.estimate.interval.high]


def test_a_generator_that_cannot_be_read_on_an_axis_is_not_drawn(agreement: Agreement) -> None:
    """It is not in the table that the plot refers to."""

    def widen(line: GeneratorFigures) -> GeneratorFigures:
        if line.generator != "gen-0":
            return line
        return replace(line, mos=replace(line.mos, interval=Interval(1.0, 5.0)))

    wide = {Axis.DYNAMIC: tuple(map(widen, agreement.generators[Axis.DYNAMIC]))}
    agreement.__dict__["generators"] = agreement.generators | wide
    assert plot_generators(agreement) is None


def test_biases_are_those_of_raters_who_share_enough_clips(agreement: Agreement) -> None:
    plot = plot_biases(agreement)
    assert plot is not None
    biases = {rater.name: rater.axes[Axis.VISUAL].bias for rater in agreement.raters}
    assert {row[1]: row[2] for row in plot.rows if row[0] == "visual"} == biases
    assert (plot.x.low, plot.x.high) == (-2, 2)
    one = agreement.raters[0]
    few = {axis: replace(figures, shared=3, bias=Undefined("too few")) for axis, figures in one.axes.items()}
    less = replace(agreement, raters=(replace(one, axes=few), *agreement.raters[1:]))
    plot = plot_biases(less)
    assert plot is not None
    assert one.name not in {row[1] for row in plot.rows}
    assert plot_biases(replace(agreement, raters=less.raters[:2])) is None


def test_of_many_raters_those_with_the_largest_bias_are_drawn(
    agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "MAX_RATERS", 1)
    plot = plot_biases(agreement)
    assert plot is not None
    largest = max(agreement.raters, key=lambda rater: abs(float(str(rater.axes[Axis.VISUAL].bias))))
    assert {row[1] for row in plot.rows} == {largest.name}
    assert plot.caption == "The 1 of 3 raters with the largest bias."


def test_raters_of_one_name_stay_apart(agreement: Agreement) -> None:
    same = replace(agreement, raters=tuple(replace(rater, name="Ada") for rater in agreement.raters))
    plot = plot_biases(same)
    assert plot is not None
    assert plot.names == 3


def test_a_campaign_without_ratings_has_no_plots(campaign: Campaign) -> None:
    assert set(list_plots(compute_agreement(campaign))) == {None}
