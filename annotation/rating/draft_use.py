"""Decide how a rater used a critic's draft on an axis: by the texts and the marks, never by what a client says.

An axis that the draft does not propose has no draft, as in the blind arm. On a proposed axis an unchanged draft counts
once the rater has confirmed it. Emptying the axis clears the draft. Changed words or marks are an edit, or cleared if
the rater pressed "Clear" before writing their own. A proposal without a reason is only about the defects: the reason is
always the rater's own and changes nothing. One that says nothing of defects is only about the reason, and a score alone
has no use: there is nothing to confirm, edit or clear. A client reports only "confirmed" and "cleared", and each counts
only where the texts agree.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy

from annotation.campaigns.taxonomy import list_offered_defects
from annotation.models import AxisAnswer, Campaign, Draft, Exposure
from annotation.rating.answers import Answer, Problems
from annotation.rating.drafts import read_proposal
from annotation.shared.text import clean_text
from qsave.axes import Axis
from qsave.proposal import AxisProposal
from qsave.report_card import evidence_to_json

Use = AxisAnswer.DraftUse
Prefill = dict[str, Any]
"""What a draft puts into the form on one axis: `reason`, `evidence` as JSON (None if it says nothing of defects), and
`no_defect`."""
UNCONFIRMED = gettext_lazy("The draft is unconfirmed: confirm, edit or clear it.")


def make_prefills(campaign: Campaign, draft: Draft) -> dict[Axis, Prefill]:
    """Return what a draft puts into the form on each axis that is more than a score: the campaign's defects only."""
    axes = read_proposal(draft).axes
    return {axis: _make_prefill(campaign, axis, one) for axis, one in axes.items() if not one.is_score_only}


def _make_prefill(campaign: Campaign, axis: Axis, proposed: AxisProposal) -> Prefill:
    known = {defect["id"] for defect in list_offered_defects(campaign.taxonomy, axis)}
    evidence = tuple(piece for piece in proposed.evidence or () if piece.defect in known)
    return {
        "reason": proposed.reason,
        "evidence": None if proposed.evidence is None else evidence_to_json(evidence),
        "no_defect": proposed.evidence == (),
    }


def decide_uses(
    campaign: Campaign, answers: Mapping[Axis, Answer], draft: Draft | None, exposure: str
) -> tuple[dict[Axis, Answer], Problems]:
    """Return the answers with the use of the draft, and the axes on which it is unconfirmed."""
    prefills = make_prefills(campaign, draft) if draft else {}
    decided: dict[Axis, Answer] = {}
    problems: Problems = {}
    for axis, answer in answers.items():
        sent = {"reason": answer.reason, "evidence": evidence_to_json(answer.evidence), "draft_use": answer.draft_use}
        use = decide_use(sent, prefills.get(axis), exposure)
        if use is None:
            problems[f"{axis}.draft_use"] = [str(UNCONFIRMED)]
        decided[axis] = replace(answer, draft_use=use or Use.NONE.value)
    return decided, problems


def decide_use(sent: Mapping[str, Any], prefill: Prefill | None, exposure: str) -> str | None:
    """Return the use of the draft on an axis; None while it is unconfirmed. `prefill` is None if none was proposed.

    `sent` has the reason, the evidence as JSON, and the client's report `draft_use`. If the draft came late, an axis on
    which the rater had already written has no draft.
    """
    if prefill is None:
        return Use.NONE.value
    if _is_as_drafted(sent, prefill):
        return Use.CONFIRMED.value if sent["draft_use"] == Use.CONFIRMED else None
    if sent["draft_use"] == Use.NONE and exposure == Exposure.LATE:
        return Use.NONE.value
    is_cleared = sent["draft_use"] == Use.CLEARED or not (sent["reason"].strip() or sent["evidence"])
    return Use.CLEARED.value if is_cleared else Use.EDITED.value


def _is_as_drafted(sent: Mapping[str, Any], prefill: Prefill) -> bool:
    has_same_reason = clean_text(sent["reason"]) == clean_text(prefill["reason"])
    has_same_evidence = prefill["evidence"] is None or sent["evidence"] == prefill["evidence"]
    return (has_same_reason or not prefill["reason"].strip()) and bool(has_same_evidence)


def decide_use_after_edit(before: AxisAnswer, answer: Answer) -> str:
    """Return the use of the draft after an edit. An axis without a draft or with a cleared one stays so."""
    has_same_reason = clean_text(answer.reason) == before.reason or not had_drafted_reason(before)
    is_same = has_same_reason and evidence_to_json(answer.evidence) == before.evidence
    if is_same or before.draft_use in (Use.NONE, Use.CLEARED):
        return str(before.draft_use)
    return Use.CLEARED.value if is_empty(answer) else Use.EDITED.value


def has_own_words(draft_use: str, draft_edit_distance: int | None) -> bool:
    """Return whether the rater wrote the reason: False for drafted words that they confirmed or left unchanged.

    The distance of an answer without a drafted reason is None.
    """
    return draft_edit_distance is None or (draft_use != Use.CONFIRMED and draft_edit_distance != 0)


def had_drafted_reason(answer: AxisAnswer) -> bool:
    """Return whether the rater was shown a drafted reason on the axis, and not only defects."""
    return answer.draft_edit_distance is not None


def is_empty(answer: Answer) -> bool:
    """Return whether the axis has neither a reason nor evidence."""
    return not answer.reason.strip() and not answer.evidence
