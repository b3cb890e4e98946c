"""A report card of a local model is checked as an endpoint's answer is: against the campaign and the clip."""

from dataclasses import replace

import pytest

from qsave.answers.reading import AnswerError, check_card
from qsave.axes import Axis
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange
from qsave.taxonomy import Defect

TAXONOMY = (
    Defect("blur", Axis.VISUAL, "blur"),
    Defect("freeze", Axis.DYNAMIC, "freeze"),
    Defect("wrong-colour", Axis.ALIGNMENT, "wrong colour"),
)
CARD = ReportCard(AxisReport(2, (Evidence("blur", TimeRange(0.5, 1)),), "Soft."), AxisReport(4), AxisReport(5))
SECONDS = 5.0
WRONG = {
    "is outside the clip of 5 s": Evidence("blur", TimeRange(400, 1200)),
    "'blur' at 4-9 s is outside": Evidence("blur", TimeRange(4, 9)),
    "'rain' is not a defect of this campaign": Evidence("rain", TimeRange(0, 1)),
    "'freeze' is a defect of dynamic, not of visual": Evidence("freeze", TimeRange(0, 1)),
}


def give(*evidence: Evidence) -> ReportCard:
    return replace(CARD, visual=replace(CARD.visual, evidence=evidence))


def test_what_fits_stays_as_it_is() -> None:
    answer = check_card(CARD, TAXONOMY, SECONDS)
    assert answer.refused == {}
    assert answer.proposal.visual is not None
    assert (answer.proposal.visual.evidence, answer.proposal.visual.note) == (CARD.visual.evidence, "")
    assert answer.proposal.scores == {Axis.VISUAL: 2, Axis.DYNAMIC: 4, Axis.ALIGNMENT: 5}


@pytest.mark.parametrize(("why", "wrong"), WRONG.items())
def test_what_does_not_fit_is_left_out_and_noted(why: str, wrong: Evidence) -> None:
    visual = check_card(give(CARD.visual.evidence[0], wrong), TAXONOMY, SECONDS).proposal.visual
    assert visual is not None
    assert visual.evidence == CARD.visual.evidence
    assert why in visual.note


@pytest.mark.parametrize(("why", "wrong"), WRONG.items())
def test_an_axis_that_keeps_no_evidence_is_refused_alone(why: str, wrong: Evidence) -> None:
    answer = check_card(give(wrong), TAXONOMY, SECONDS)
    assert why in answer.refused[Axis.VISUAL]
    assert list(answer.proposal.axes) == [Axis.DYNAMIC, Axis.ALIGNMENT]


def test_a_time_just_behind_the_end_is_cut_to_it() -> None:
    visual = check_card(give(Evidence("blur", TimeRange(4, 5.2))), TAXONOMY, SECONDS).proposal.visual
    assert visual is not None
    assert visual.evidence == (Evidence("blur", TimeRange(4, 5)),)


def test_a_card_without_a_usable_axis_is_an_error() -> None:
    bad = AxisReport(2, (Evidence("rain"),))
    with pytest.raises(AnswerError, match="no usable axis"):
        check_card(ReportCard(bad, bad, bad), TAXONOMY, SECONDS)
