import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.axes import AXES, Axis
from qsave.proposal import AxisProposal, Proposal, proposal_from_json, proposal_to_json
from qsave.report_card import ReportCard, ReportCardError, card_to_json
from tests.qsave.test_report_card import anything, cards, evidence

axis_proposals = st.builds(
    AxisProposal, st.none() | evidence.map(tuple), st.text(), st.none() | st.floats(1, 5) | st.integers(1, 5), st.text()
)
proposals = st.builds(Proposal, *[st.none() | axis_proposals] * len(AXES))


@given(proposals)
def test_a_proposal_comes_back_from_json_text(proposal: Proposal) -> None:
    assert proposal_from_json(json.loads(json.dumps(proposal_to_json(proposal)))) == proposal


@given(cards)
def test_the_json_of_a_card_is_that_of_its_proposal(card: ReportCard) -> None:
    proposal = Proposal.from_card(card)

    assert proposal_to_json(proposal) == card_to_json(card)
    assert proposal_from_json(card_to_json(card)) == proposal
    assert proposal.scores == card.scores


@pytest.mark.parametrize(
    ("stored", "evidence", "is_score_only"),
    [
        ({"score": 3, "evidence": [], "reason": ""}, (), False),
        ({"score": 3, "evidence": None, "reason": ""}, None, True),
        ({"score": 3, "evidence": None, "reason": " ", "note": "Measured."}, None, True),
        ({"score": 3, "evidence": None, "reason": "Soft."}, None, False),
        ({"score": 3}, None, True),
    ],
)
def test_no_defect_and_nothing_said_of_defects_differ(
    stored: object, evidence: tuple[()] | None, *, is_score_only: bool
) -> None:
    visual = proposal_from_json({"visual": stored}).visual
    assert visual is not None
    assert (visual.evidence, visual.is_score_only) == (evidence, is_score_only)


@given(proposals)
def test_only_what_is_proposed_is_in_it(proposal: Proposal) -> None:
    present = {Axis(name) for name in AXES if getattr(proposal, name) is not None}

    assert set(proposal.axes) == present == {Axis(name) for name in proposal_to_json(proposal)}
    assert set(proposal.scores) == {axis for axis in present if getattr(proposal, axis).score is not None}


@given(anything)
def test_any_json_is_a_proposal_or_a_report_card_error(value: object) -> None:
    try:
        proposal = proposal_from_json(value)
    except ReportCardError:
        return
    assert isinstance(proposal, Proposal)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "a proposal is an object with some of the axes, got list"),
        ({"sound": {}}, "only the axes visual, dynamic, alignment; got sound"),
        ({"visual": None}, "visual: expected an object, got NoneType"),
        ({"visual": {"score": True}}, "visual: score must be a number or null, got True"),
        ({"visual": {"score": 6}}, "visual: a score must be from 1 to 5, got 6"),
        ({"dynamic": {"note": 3}}, "dynamic: note must be text, got int"),
        ({"dynamic": {"evidence": [{}]}}, "dynamic: a piece of evidence names its defect"),
    ],
)
def test_a_wrong_proposal_is_refused_by_axis_and_field(value: object, message: str) -> None:
    with pytest.raises(ReportCardError, match=message):
        proposal_from_json(value)
