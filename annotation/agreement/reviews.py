"""A lead's decisions: the reviewed report card of an item, and verdicts on raters. The newest counts."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, Item, Rating, Review, Screening, Slot
from annotation.rating.answers import AnswersRefused, Problems
from annotation.rating.validation import explain_unknown_defects, list_defect_ids
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from qsave.axes import AXES
from qsave.report_card import ReportCard, card_to_json
from qsave.words import isolate

NOTE_LIMIT = 4000


@transaction.atomic
def review(*, actor: User, item: Item, card: ReportCard, note: str) -> Review:
    """Store a review of an item; raise AnswersRefused if the card names a defect that the campaign does not have."""
    require_role(actor, Role.LEAD)
    defects = list_defect_ids(item.campaign)
    problems: Problems = {
        f"{axis.value}.evidence": [unknown]
        for axis in AXES
        if (unknown := explain_unknown_defects(card.axis(axis).defects, defects[axis]))
    }
    if problems:
        raise AnswersRefused(problems)
    decision = Review.objects.create(
        item=item,
        reviewer=actor,
        card=card_to_json(card),
        note=clean_text(note)[:NOTE_LIMIT],
        clip_version=item.clip.version,
    )
    audit.record(actor=actor, action="item.reviewed", target=item, review=decision.pk)
    return decision


@transaction.atomic
def screen(*, actor: User, campaign: Campaign, rater: User, verdict: str, reason: str) -> Screening:
    """Store a verdict on a rater: kept or screened out. Raise AnswersRefused without a reason."""
    require_role(actor, Role.LEAD)
    reason = clean_text(reason)[:NOTE_LIMIT]
    problems: Problems = {}
    if verdict not in Screening.Verdict.values:
        problems["verdict"] = [_("A verdict is one of %(values)s.") % {"values": ", ".join(Screening.Verdict.values)}]
    if not reason:
        problems["reason"] = [_("Give a reason, so that the rater and other leads understand the verdict.")]
    if not Rating.objects.filter(rater=rater, slot__campaign=campaign).exists():
        problems["rater"] = [_("%(rater)s has rated nothing in this campaign.") % {"rater": isolate(rater)}]
    if problems:
        raise AnswersRefused(problems)
    screening = Screening.objects.create(
        campaign=campaign, rater=rater, verdict=verdict, reason=reason, decided_by=actor
    )
    # With the slot that the rater holds: its submit may be under way, and then one of the two waits for the other.
    refresh_summaries(Slot.objects.filter(campaign=campaign, rater=rater).values_list("item", flat=True))
    audit.record(actor=actor, action="rater.screened", target=rater, campaign=campaign.name, verdict=verdict)
    return screening
