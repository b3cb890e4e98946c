"""Read what the page and the API show of a clip that was sent to be scored."""

from typing import Any

from accounts.models import User
from annotation.agreement.clip_evidence import Opinion, make_labels, make_proposal_opinions
from annotation.agreement.clip_timeline import lay_out_timeline
from annotation.models import Clip
from annotation.rating.desk_presenter import compute_frame_rate, list_frame_gaps
from modelassist.models import Scoring
from modelassist.reads.trust import read_trust
from modelassist.services.scoring import compute_expiry
from qsave.axes import AXES
from qsave.proposal import proposal_from_json
from qsave.taxonomy import DEFAULT_TAXONOMY

NEWEST = 20
_LABELS = {defect.id: defect.label for defect in DEFAULT_TAXONOMY}


def list_scorings(user: User) -> list[Scoring]:
    """List the newest clips that this person sent. One query."""
    return list(Scoring.objects.filter(created_by=user).select_related("critic", "job").defer("facts", "text")[:NEWEST])


def read_page(scoring: Scoring) -> dict[str, Any]:
    """Return what the page of a scored clip shows."""
    clip = Clip(**scoring.facts, prompt=scoring.prompt) if scoring.facts else None
    opinion = read_opinion(scoring)
    return {
        "one": scoring,
        "expires_at": compute_expiry(scoring),
        "trust": read_trust(scoring.critic),
        "axes": AXES,
        "opinion": opinion,
        "pieces": [(opinion, piece) for piece in opinion.pieces] if opinion else [],
        "clip": clip,
        "lanes": lay_out_timeline([opinion], clip.duration) if clip and opinion and opinion.pieces else [],
        "fps": compute_frame_rate(clip) if clip else 0,
        "gaps": list_frame_gaps(clip) if clip else "",
    }


def read_opinion(scoring: Scoring) -> Opinion | None:
    """Return the answer as the pages of clips show an opinion; None before there is one."""
    if scoring.proposal is None:
        return None
    name = str(scoring.critic)
    axes = make_proposal_opinions("answer", proposal_from_json(scoring.proposal), _LABELS)
    return Opinion("answer", make_labels([name])[0], name, axes, is_draft=True)
