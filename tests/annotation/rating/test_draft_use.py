"""How a rater used a draft, decided from the texts and the evidence."""

import pytest

from annotation.models import AxisAnswer
from annotation.rating.answers import Answer
from annotation.rating.draft_use import decide_use, decide_use_after_edit, has_own_words
from qsave.report_card import Evidence, evidence_to_json

BLUR = (Evidence("blur"),)
UNCONFIRMING = ("none", "edited", "cleared")


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
    distance = None if before == "none" else 3
    row = AxisAnswer(
        reason="The edges shimmer.",
        evidence=evidence_to_json(BLUR),
        draft_use=before,
        draft_edit_distance=distance,
    )
    assert decide_use_after_edit(row, Answer(3, evidence, reason, draft_use=claimed)) == after


PROPOSAL = {"reason": "The edges shimmer.", "evidence": evidence_to_json(BLUR), "no_defect": False}
DEFECTS_ONLY = PROPOSAL | {"reason": ""}
OWN = ("It is sharp all over.", ())


@pytest.mark.parametrize(
    ("reason", "evidence", "claimed", "exposure", "use"),
    [
        ("The edges shimmer.", BLUR, "confirmed", "from_start", "confirmed"),
        (" The edges shimmer.\n", BLUR, "confirmed", "late", "confirmed"),
        *(("The edges shimmer.", BLUR, claim, seen, None) for claim in UNCONFIRMING for seen in ("from_start", "late")),
        *((*OWN, claim, "from_start", "edited") for claim in ("none", "edited", "confirmed")),
        (*OWN, "cleared", "from_start", "cleared"),
        (*OWN, "none", "late", "none"),
        (*OWN, "confirmed", "late", "edited"),
        ("The edges shimmer.", (), "confirmed", "from_start", "edited"),
        ("The edges shimmer", BLUR, "confirmed", "from_start", "edited"),
        *((" ", (), claim, "from_start", "cleared") for claim in AxisAnswer.DraftUse.values),
    ],
)
def test_the_use_of_a_draft_follows_from_the_texts(
    reason: str, evidence: tuple[Evidence, ...], claimed: str, exposure: str, use: str | None
) -> None:
    answer = {"reason": reason, "evidence": evidence_to_json(evidence), "draft_use": claimed}
    assert decide_use(answer, PROPOSAL, exposure) == use
    assert decide_use(answer, None, "none") == "none"


@pytest.mark.parametrize("reason", ["", "The edges shimmer.", "Any words at all."])
@pytest.mark.parametrize(
    ("evidence", "claimed", "use"),
    [
        (BLUR, "confirmed", "confirmed"),
        *((BLUR, claim, None) for claim in UNCONFIRMING),
        ((Evidence("noise"),), "confirmed", "edited"),
        ((Evidence("noise"),), "cleared", "cleared"),
    ],
)
def test_only_defects_decide_if_the_draft_has_no_reason(
    reason: str, evidence: tuple[Evidence, ...], claimed: str, use: str | None
) -> None:
    answer = {"reason": reason, "evidence": evidence_to_json(evidence), "draft_use": claimed}
    assert decide_use(answer, DEFECTS_ONLY, "from_start") == use


@pytest.mark.parametrize(("distance", "after"), [(0, "edited"), (None, "confirmed")])
def test_words_of_ones_own_may_change_beside_confirmed_defects(distance: int | None, after: str) -> None:
    row = AxisAnswer(
        reason="It blurs.", evidence=evidence_to_json(BLUR), draft_use="confirmed", draft_edit_distance=distance
    )
    assert decide_use_after_edit(row, Answer(3, BLUR, "It blurs in the middle.")) == after
    assert has_own_words(row.draft_use, row.draft_edit_distance) == (distance is None)
