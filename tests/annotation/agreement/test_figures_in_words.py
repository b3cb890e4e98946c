"""How pages write figures: never a number that is not so."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from annotation.agreement.cards import any_of_these_raters, describe_screening, fold_arms
from annotation.agreement.figures import ArmRow
from annotation.agreement.rater_table import RaterRow
from annotation.templatetags import studio
from qsave.axes import AXES, Axis
from qsave.csv_rows import round_cell
from qsave.statistics.anchoring import Anchoring, summarise_edit_distances
from qsave.statistics.evidence import Weighed
from qsave.statistics.figures import THESE_RATERS, Estimate, Interval, Undefined
from qsave.statistics.screening import ScreenedRater


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (0.001, "<1%"),
        (0.004, "<1%"),
        (0.01, "1%"),
        (0.5, "50%"),
        (0.99, "99%"),
        (0.996, ">99%"),
        (1, "100%"),
    ],
)
def test_none_and_all_are_said_only_of_none_and_all(share: float, text: str) -> None:
    assert studio.percent(share) == text


@pytest.mark.parametrize(("value", "text"), [(-0.004, "0.00"), (-0.006, "−0.01"), (0.0, "0.00"), (2, "2.00")])
def test_nothing_is_never_minus_nothing(value: float, text: str) -> None:
    assert studio.figure(value) == text
    assert str(round_cell(value, 2)) == text.replace("−", "-")
    assert studio.estimate(Estimate(value, Undefined("no interval"))) == text


def make_rater_row(name: str, **verdicts: bool | Undefined) -> RaterRow:
    lines = {Axis(axis): ScreenedRater(name, 0, 0, 9, verdict) for axis, verdict in verdicts.items()}
    return cast(RaterRow, SimpleNamespace(name=name, bt500=lines))


def test_screening_speaks_of_all_raters_whoever_comes_first() -> None:
    no_verdict = Undefined("not applicable: no clip has 7 ratings or more")
    thin, out, accepted = (
        make_rater_row("Ana", visual=no_verdict),
        make_rater_row("Bo", visual=True, dynamic=False),
        make_rater_row("Cy", visual=False),
    )
    assert describe_screening([thin]) == "not applicable: no clip has 7 ratings or more."
    assert describe_screening([thin, out, accepted]) == "would reject \u2068Bo\u2069 (visual)."
    assert describe_screening([thin, accepted]) == "would reject nobody."
    assert describe_screening([make_rater_row("Di"), accepted]) == "would reject nobody."


def make_arm_row(axis: Axis, clips: int, *, is_proposed: bool = True) -> ArmRow:
    readable = Estimate(0.5, Interval(0.4, 0.6, THESE_RATERS))
    anchoring = Anchoring(clips, readable, readable, readable)
    return ArmRow(axis, anchoring, summarise_edit_distances([]), is_proposed=is_proposed)


@pytest.mark.parametrize(
    ("clips", "start"),
    [(0, "No clip has"), (1, "1 clip has"), (2, "2 clips have"), (19, "19 clips have")],
)
def test_arms_with_few_clips_in_both_say_so_first(clips: int, start: str) -> None:
    sentence = f"{start} blind and assisted ratings; the two can be compared from about 20."
    (only,) = fold_arms([make_arm_row(axis, clips) for axis in AXES])
    assert (only.sentence, len(only.lines)) == (sentence, 9)
    assert make_arm_row(Axis.VISUAL, clips).difference.thin == sentence


def test_arms_with_enough_clips_are_not_folded() -> None:
    assert fold_arms([make_arm_row(axis, 20) for axis in AXES]) == ()


def test_a_page_names_these_raters_where_any_interval_does() -> None:
    def weighed(**population: Any) -> Weighed:
        return Weighed(Estimate(0.5, Interval(0.4, 0.6, **population)), "")

    undefined = Weighed(Estimate.undefined("no clip has two ratings"), "")
    assert not any_of_these_raters([undefined, weighed()])
    assert any_of_these_raters([undefined, weighed(), weighed(population=THESE_RATERS)])


def test_an_axis_that_no_draft_proposed_says_so_instead_of_too_few() -> None:
    rows = [make_arm_row(axis, 30, is_proposed=axis != Axis.ALIGNMENT) for axis in AXES]
    (only,) = fold_arms(rows)
    assert (only.sentence[:35], len(only.lines)) == ("No rater was shown a draft of this ", 3)
