"""What became of a draft, decided from texts and marks."""

import pytest

from annotation.models import AxisAnswer
from annotation.services.answers import Answer
from annotation.services.draft_use import use_after_edit
from qsave.report_card import Evidence, evidence_to_json

BLUR = (Evidence("blur"),)


@pytest.mark.parametrize("claimed", AxisAnswer.DraftUse.values)
@pytest.mark.parametrize(
    ("before", "reason", "evidence", "after"),
    [
        ("confirmed", "The edges shimmer.", BLUR, "confirmed"),
        ("confirmed", "The edges shimmer a lot.", BLUR, "edited"),
        ("confirmed", "The edges shimmer.", (), "edited"),
        ("confirmed", "", (), "cleared"),
        ("edited", "The edges shimmer.", BLUR, "edited"),
        ("edited", "Other words.", BLUR, "edited"),
        ("cleared", "The edges shimmer.", BLUR, "cleared"),
        ("cleared", "Other words of mine.", (), "cleared"),
        ("none", "Other words of mine.", BLUR, "none"),
        ("none", "", (), "none"),
    ],
)
def test_the_use_after_an_edit(
    before: str, reason: str, evidence: tuple[Evidence, ...], after: str, claimed: str
) -> None:
    row = AxisAnswer(reason="The edges shimmer.", evidence=evidence_to_json(BLUR), draft_use=before)
    assert use_after_edit(row, Answer(3, evidence, reason, draft_use=claimed)) == after
