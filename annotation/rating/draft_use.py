"""Decide how a rater used a critic's draft on an axis: by the texts and the marks, never by what a client says.

An unchanged draft counts once the rater has confirmed it. Emptying the axis clears the draft. Changed words or marks
are an edit, or cleared if the rater pressed "Clear" before writing their own. A client reports only "confirmed" and
"cleared", and each counts only where the texts agree.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy

from annotation.campaigns.taxonomy import list_offered_defects
from annotation.models import AxisAnswer, Campaign, Draft, Exposure
from annotation.rating.answers import Answer, Problems
from annotation.shared.text import clean_text
from qsave.axes import AXES, Axis
from qsave.report_card import card_from_json, evidence_to_json

Use = AxisAnswer.DraftUse
Proposal = dict[str, Any]
UNCONFIRMED = gettext_lazy("The draft is unconfirmed: confirm, edit or clear it.")


def make_proposals(campaign: Campaign, draft: Draft) -> dict[Axis, Proposal]:
    """Return what a draft puts into the form on each axis: reason and evidence with the campaign's defects."""
    card = card_from_json(draft.card)
    known = {axis: {defect["id"] for defect in list_offered_defects(campaign.taxonomy, axis)} for axis in AXES}
    return {
        axis: {
            "reason": card.axis(axis).reason,
            "evidence": evidence_to_json(
                tuple(piece for piece in card.axis(axis).evidence if piece.defect in known[axis])
            ),
            "no_defect": not card.axis(axis).evidence,
        }
        for axis in AXES
    }


def decide_uses(
    campaign: Campaign, answers: Mapping[Axis, Answer], draft: Draft | None, exposure: str
) -> tuple[dict[Axis, Answer], Problems]:
    """Return the answers with the use of the draft, and the axes on which it is unconfirmed."""
    proposals = make_proposals(campaign, draft) if draft else {}
    decided: dict[Axis, Answer] = {}
    problems: Problems = {}
    for axis, answer in answers.items():
        sent = {"reason": answer.reason, "evidence": evidence_to_json(answer.evidence), "draft_use": answer.draft_use}
        use = decide_use(sent, proposals.get(axis), exposure)
        if use is None:
            problems[f"{axis}.draft_use"] = [str(UNCONFIRMED)]
        decided[axis] = replace(answer, draft_use=use or Use.NONE.value)
    return decided, problems


def decide_use(sent: Mapping[str, Any], proposal: Proposal | None, exposure: str) -> str | None:
    """Return the use of the draft on an axis; None while it is unconfirmed.

    `sent` has the reason, the evidence as JSON, and the client's report `draft_use`. If the draft came late, an axis on
    which the rater had already written has no draft.
    """
    if proposal is None:
        return Use.NONE.value
    if clean_text(sent["reason"]) == clean_text(proposal["reason"]) and sent["evidence"] == proposal["evidence"]:
        return Use.CONFIRMED.value if sent["draft_use"] == Use.CONFIRMED else None
    if sent["draft_use"] == Use.NONE and exposure == Exposure.LATE:
        return Use.NONE.value
    is_cleared = sent["draft_use"] == Use.CLEARED or not (sent["reason"].strip() or sent["evidence"])
    return Use.CLEARED.value if is_cleared else Use.EDITED.value


def decide_use_after_edit(before: AxisAnswer, answer: Answer) -> str:
    """Return the use of the draft after an edit. An axis without a draft or with a cleared one stays so."""
    is_same = clean_text(answer.reason) == before.reason and evidence_to_json(answer.evidence) == before.evidence
    if is_same or before.draft_use in (Use.NONE, Use.CLEARED):
        return str(before.draft_use)
    return Use.CLEARED.value if is_empty(answer) else Use.EDITED.value


def has_own_words(answer: AxisAnswer) -> bool:
    """Return whether the rater wrote the reason: False for a draft that they confirmed or whose words are unchanged."""
    return answer.draft_use != Use.CONFIRMED and answer.draft_edit_distance != 0


def is_empty(answer: Answer) -> bool:
    """Return whether the axis has neither a reason nor evidence."""
    return not answer.reason.strip() and not answer.evidence
