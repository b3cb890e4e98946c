"""What became of a critic's draft on an axis, decided from the texts and the marks and never from what a client says.

An unchanged draft counts once the rater has confirmed it. Emptying the axis clears the draft; changed words or marks
are an edit, or cleared if the rater pressed "Clear" before writing their own. Those two acts are all that a client
reports, and each counts only where the texts agree.
"""

from annotation.models import AxisAnswer
from annotation.services.answers import Answer
from annotation.services.text import clean_text
from qsave.report_card import evidence_to_json

Use = AxisAnswer.DraftUse


def use_after_edit(before: AxisAnswer, answer: Answer) -> str:
    """Return the use of the draft after an edit: what was never drafted or was cleared stays so."""
    is_same = clean_text(answer.reason) == before.reason and evidence_to_json(answer.evidence) == before.evidence
    if is_same or before.draft_use in (Use.NONE, Use.CLEARED):
        return str(before.draft_use)
    return Use.CLEARED.value if is_empty(answer) else Use.EDITED.value


def is_empty(answer: Answer) -> bool:
    """Return whether nothing is said on the axis beside its score."""
    return not answer.reason.strip() and not answer.evidence
