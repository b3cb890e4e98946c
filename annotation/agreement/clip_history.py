"""Read the history of one item as sentences, newest first: offers, ratings and edits, reports, drafts, decisions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.utils.translation import gettext as _

from accounts.audit_trail import describe_entries
from accounts.models import AuditEntry
from annotation.agreement.clip_evidence import Evidence, ItemDraft, ItemRating
from annotation.models import Exposure, Item, Offer, RatingRevision, Review, Skip
from qsave.axes import AXES
from qsave.report_card import card_from_json
from qsave.words import isolate

FROM_OTHER_ROWS = {"item.reviewed"}
"""Acts in the audit trail whose own row says more."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the item: a sentence, and the words that a person wrote, if any."""

    at: datetime
    sentence: str
    words: str = ""


def read_history(item: Item, evidence: Evidence, skips: Iterable[Skip]) -> list[Event]:
    """Return everything that happened to the item, the newest first. Two or three queries."""
    events = [
        Event(item.created_at, _("The clip was added to the campaign.")),
        *(event for offer in item.offers.select_related("rater", "draft") for event in _describe_offer(offer)),
        *(event for rating in evidence.ratings for event in _describe_rating(rating)),
        *(event for skip in skips for event in _describe_skip(skip)),
        *(_describe_draft(draft) for draft in evidence.drafts),
        *(_describe_review(review.review) for review in evidence.reviews),
        *_describe_acts(item),
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _describe_offer(offer: Offer) -> Iterator[Event]:
    values = {"who": isolate(offer.rater), "critic": isolate(offer.draft.critic) if offer.draft else ""}
    sentences = {
        Exposure.NONE.value: _("%(who)s got the clip, without a draft."),
        Exposure.LATE.value: _("%(who)s got the clip; a draft of %(critic)s came later."),
        Exposure.FROM_START.value: _("%(who)s got the clip with a draft of %(critic)s."),
    }
    yield Event(offer.offered_at, sentences[offer.exposure] % values)
    if offer.handed_back_at is not None:
        yield Event(offer.handed_back_at, _("%(who)s handed the clip back.") % values)


def _describe_rating(rating: ItemRating) -> Iterator[Event]:
    first = rating.revisions[0]
    values = {"who": isolate(rating.opinion.name), "scores": _list_scores(first)}
    yield Event(first.created_at, _("%(who)s rated the clip: %(scores)s.") % values)
    for before, after in pairwise(rating.revisions):
        changes = "; ".join(_list_changes(before, after))
        values = {"who": isolate(rating.opinion.name), "number": str(after.number), "changes": changes}
        if changes:
            yield Event(after.created_at, _("%(who)s edited the rating (version %(number)s): %(changes)s.") % values)
        else:
            yield Event(after.created_at, _("%(who)s saved the rating again (version %(number)s).") % values)


def _list_scores(revision: RatingRevision) -> str:
    answers = {answer.axis: answer for answer in revision.answers.all()}
    return ", ".join(f"{axis} {answers[axis.value].score}" for axis in AXES if axis.value in answers)


def _list_changes(before: RatingRevision, after: RatingRevision) -> Iterator[str]:
    """Yield what differs between two revisions, by axis."""
    earlier = {answer.axis: answer for answer in before.answers.all()}
    later = {answer.axis: answer for answer in after.answers.all()}
    for axis in AXES:
        old, answer = earlier.get(axis.value), later.get(axis.value)
        if old is None or answer is None:
            continue
        if old.score != answer.score:
            values = {"axis": answer.axis, "before": old.score, "after": answer.score}
            yield _("%(axis)s from %(before)s to %(after)s") % values
        if old.evidence != answer.evidence:
            yield _("defects of %(axis)s") % {"axis": answer.axis}
        if old.reason != answer.reason:
            yield _("reason of %(axis)s, which was: %(words)s") % {"axis": answer.axis, "words": isolate(old.reason)}


def _describe_skip(skip: Skip) -> Iterator[Event]:
    who = {"who": isolate(skip.rater)}
    sentences = {
        Skip.Kind.SKIPPED.value: _("%(who)s skipped the clip."),
        Skip.Kind.BROKEN.value: _("%(who)s reported that the clip does not play."),
        Skip.Kind.FLAGGED.value: _("%(who)s reported the clip to the lead."),
    }
    yield Event(skip.created_at, sentences[skip.kind] % who, skip.reason)
    if skip.settled_at is not None:
        values = who | {"lead": isolate(skip.settled_by)}
        yield Event(skip.settled_at, _("%(lead)s settled the report of %(who)s.") % values)


def _describe_draft(draft: ItemDraft) -> Event:
    axes = [one.axis for one in draft.opinion.axes if one and one.is_proposed]
    if len(axes) == len(AXES):
        sentence = _("%(critic)s drafted a report card.")
    elif axes:
        sentence = _("%(critic)s drafted %(axes)s only.")
    else:
        sentence = _("%(critic)s saw the clip and proposed nothing.")
    return Event(draft.draft.created_at, sentence % {"critic": isolate(draft.opinion.name), "axes": ", ".join(axes)})


def _describe_review(review: Review) -> Event:
    scores = ", ".join(f"{axis} {score:g}" for axis, score in card_from_json(review.card).scores.items())
    values = {"lead": isolate(review.reviewer), "scores": scores}
    return Event(review.created_at, _("%(lead)s reviewed the clip: %(scores)s.") % values, review.note)


def _describe_acts(item: Item) -> Iterator[Event]:
    """Yield the acts of the audit trail, in its sentences."""
    entries = AuditEntry.objects.filter(target_type=item._meta.label_lower, target_id=str(item.pk))
    for row in describe_entries(
        entries.exclude(action__in=FROM_OTHER_ROWS).select_related("actor").order_by("at", "pk")
    ):
        yield Event(row.entry.at, row.sentence)
