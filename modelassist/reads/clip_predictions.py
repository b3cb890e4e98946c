"""Read what critics predict of one clip, for its page. Leads alone see it."""

from dataclasses import dataclass, field

from annotation.agreement.clip_evidence import Opinion, make_labels, make_proposal_opinions
from annotation.agreement.reviews import read_reviews_in_force
from annotation.models import Item
from modelassist.models import Prediction
from qsave.proposal import proposal_from_json
from qsave.splits import HELD_OUT

MOST_PREDICTIONS = 20


@dataclass(frozen=True, slots=True)
class ClipPredictions:
    """The newest answer of each critic about the present file of a clip."""

    opinions: list[Opinion] = field(default_factory=list)
    are_hidden: bool = False
    """Whether there are some that a lead sees only after a review, so that no critic influences it."""


def read_clip_predictions(item: Item) -> ClipPredictions:
    """Return the predictions of a clip. On clips of val and test they are hidden before a review. Two queries."""
    rows = Prediction.objects.filter(item=item, clip_version=item.clip.version, proposal__isnull=False)
    newest: dict[str, Prediction] = {}
    for row in rows.select_related("prediction_set__critic").order_by("-pk")[:MOST_PREDICTIONS]:
        newest.setdefault(str(row.prediction_set.critic), row)
    if newest and item.clip.prompt_group.split in HELD_OUT and item.pk not in read_reviews_in_force([item.pk]):
        return ClipPredictions(are_hidden=True)
    labels = make_labels(list(newest))
    defects = {defect["id"]: defect["label"] for defect in item.campaign.taxonomy}
    return ClipPredictions(
        [_make_opinion(row, name, label, defects) for (name, row), label in zip(newest.items(), labels, strict=True)]
    )


def _make_opinion(row: Prediction, name: str, label: str, defects: dict[str, str]) -> Opinion:
    key = f"prediction-{row.pk}"
    axes = make_proposal_opinions(key, proposal_from_json(row.proposal or {}), defects)
    return Opinion(key, label, name, axes, is_draft=True, version=row.clip_version)
