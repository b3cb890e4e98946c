"""A lead's decisions: the reviewed report card of an item, and verdicts on raters. The newest counts."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.agreement.replacements import close_reopened_slots
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, Item, Rating, Review, Screening, Slot
from annotation.rating.answers import AnswersRefused, Problems
from annotation.rating.validation import check_card
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from qsave.report_card import ReportCard, card_to_json
from qsave.words import isolate

NOTE_LIMIT = 4000


@transaction.atomic
def review(*, actor: User, item: Item, card: ReportCard, note: str, **data: object) -> Review:
    """Store a review of an item; raise AnswersRefused if the card does not fit the campaign and the clip.

    The audit entry gets `data` too.
    """
    require_role(actor, Role.LEAD)
    check_card(item.campaign, card, duration=item.clip.duration)
    note = clean_text(note)[:NOTE_LIMIT]
    decision = Review.objects.create(
        item=item, reviewer=actor, card=card_to_json(card), note=note, clip_version=item.clip.version
    )
    scores = {axis.value: score for axis, score in card.scores.items()}
    audit.record(
        actor=actor, action="item.reviewed", target=item, review=decision.pk, scores=scores, reason=note, **data
    )
    refresh_summaries([item.pk])
    return decision


@transaction.atomic
def undo_review(*, actor: User, item: Item, decision: Review, undoes: int) -> Review:
    """Put the review that was in force before this one in force again, by a new row; nothing is deleted.

    `undoes` is the audit entry of the review. Raise ValidationError if the review is not in force.
    """
    require_role(actor, Role.LEAD)
    rows = Review.objects.filter(item=item, clip_version=item.clip.version).order_by("-pk")
    if rows.first() != decision:
        raise ValidationError(_("This review is not in force any more, so it cannot be undone."))
    before = rows.filter(pk__lt=decision.pk).first()
    undone = Review.objects.create(
        item=item,
        reviewer=actor,
        card=before.card if before else None,
        note=before.note if before else "",
        undoes=decision,
        clip_version=item.clip.version,
    )
    audit.record(actor=actor, action="item.review_undone", target=item, review=undone.pk, undoes=undoes)
    refresh_summaries([item.pk])
    return undone


def read_reviews_in_force(item_ids: Iterable[int]) -> dict[int, Review]:
    """Return the review in force of each item that has one: the newest of the clip's current version. One query."""
    reviews = Review.objects.filter(item__in=list(item_ids), clip_version=F("item__clip__version")).order_by("pk")
    newest = {review.item_id: review for review in reviews.select_related("reviewer")}
    return {item: review for item, review in newest.items() if review.card is not None}


@transaction.atomic
def screen(*, actor: User, campaign: Campaign, rater: User, verdict: str, reason: str) -> Screening:
    """Store a verdict on a rater: kept or screened out. Raise AnswersRefused without a reason.

    When a rater counts again, the slots that were opened in their place close, if nobody has taken them.
    """
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
    closed = close_reopened_slots(campaign, rater) if verdict == Screening.Verdict.KEPT else []
    # With the slot that the rater holds: its submit may be under way, and then one of the two waits for the other.
    items = Slot.objects.filter(campaign=campaign, rater=rater).values_list("item", flat=True)
    refresh_summaries({*items, *closed})
    audit.record(actor=actor, action="rater.screened", target=rater, campaign=campaign.name, verdict=verdict)
    return screening
