"""What a lead does with a disputed clip: take the consensus or a rater's card, write a card, ask for more ratings, mark
it as gold, exclude it, and undo.

Every act takes the version of the clip that the lead saw (`annotation.agreement.review_version`) and returns its audit
entry, by which it is undone. It raises Overtaken if the clip has changed since, and ValidationError or AnswersRefused
if a rule forbids it. The same act sent again, as after a lost answer, changes nothing and returns the first entry.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import AuditEntry, Role, User
from annotation.agreement.review_cards import Cards, read_cards
from annotation.agreement.review_version import Version, list_entries, make_overtaken, read_version
from annotation.agreement.reviews import NOTE_LIMIT, review, undo_review
from annotation.campaigns.item_acts import Outcome
from annotation.campaigns.locks import lock_campaign, lock_items, lock_slots
from annotation.campaigns.marking import Mark, mark_items
from annotation.campaigns.more_ratings import request_ratings
from annotation.campaigns.reports import MAX_REASON_LENGTH, exclude_items
from annotation.campaigns.undo import EXCLUSION_ACTIONS, undo_exclusions, withdraw_ratings
from annotation.models import LEFT_OUT, Campaign, Item, Review
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from qsave.report_card import ReportCard, card_to_json

REVIEWED, GOLD, EXCLUDED, MORE = "item.reviewed", "item.marked", "item.excluded", "item.more_ratings"
UNDOABLE = (REVIEWED, GOLD, EXCLUDED, MORE)
ACTIONS = (*UNDOABLE, *EXCLUSION_ACTIONS, "item.review_undone", "item.ratings_withdrawn", "clip.replaced")
"""Acts after which an earlier act on the clip cannot be undone any more."""


@transaction.atomic
def take_consensus(*, actor: User, item: Item, seen: Version, reason: str = "") -> AuditEntry:
    """Make the consensus of the raters the review. Refused if they have none on an axis."""
    data = {"act": "consensus", "reason": _clean(reason)}
    item, earlier = _lock(actor, item, seen, REVIEWED, data)
    if earlier:
        return earlier
    cards = _read_cards(item)
    if cards.agreed_card is None:
        message = _("Raters have no consensus on %(axes)s. Take the card of a rater, or write your own.")
        raise ValidationError(message % {"axes": ", ".join(cards.split_axes)})
    return _store_review(actor, item, cards.agreed_card, **data)


@transaction.atomic
def take_card(*, actor: User, item: Item, seen: Version, rating: int, reason: str = "") -> AuditEntry:
    """Make the card of a rater, whose rating has this key, the review. Their rating must count."""
    data = {"act": "card", "rating": rating, "reason": _clean(reason)}
    item, earlier = _lock(actor, item, seen, REVIEWED, data)
    if earlier:
        return earlier
    chosen = _read_cards(item).find(rating)
    if chosen is None:
        raise ValidationError({"rating": _("This is no rating of the clip that counts. Choose another card.")})
    return _store_review(actor, item, chosen.card, rater=chosen.name, **data)


@transaction.atomic
def write_card(*, actor: User, item: Item, seen: Version, card: ReportCard, reason: str) -> AuditEntry:
    """Make a card of the lead's own the review. It needs a reason."""
    data = {"act": "own", "reason": _clean(reason)}
    stored = card_to_json(card)
    item, earlier = _lock(actor, item, seen, REVIEWED, data, lambda entry: _read_review(entry).card == stored)
    if earlier:
        return earlier
    _require_reason(data["reason"], _("Write why you decide so. The reason is saved with your card."))
    _read_cards(item)
    return _store_review(actor, item, card, **data)


@transaction.atomic
def ask_for_ratings(*, actor: User, item: Item, seen: Version, ratings: int, reason: str) -> AuditEntry:
    """Open free rating slots until the clip has `ratings` of them, rated ones included. It needs a reason."""
    reason = _clean(reason)
    item, earlier = _lock(actor, item, seen, MORE, {"after": ratings, "reason": reason})
    if earlier:
        return earlier
    _require_reason(reason, _("Write why the clip needs more ratings. The reason is saved in the audit trail."))
    return _finish(item, request_ratings(actor=actor, items=[item], ratings=ratings, reason=reason))


@transaction.atomic
def make_gold(*, actor: User, item: Item, seen: Version, scores: Mapping[str, float], reason: str) -> AuditEntry:
    """Mark the clip as a gold with these known scores by axis. It needs a reason."""
    reason = _clean(reason)
    known = {axis: float(score) for axis, score in scores.items()}
    item, earlier = _lock(
        actor, item, seen, GOLD, {"reason": reason}, lambda entry: entry.data["after"].get("gold") == known
    )
    if earlier:
        return earlier
    _require_reason(reason, _("Write why these scores are known. The reason is saved in the audit trail."))
    if item.is_qualification:
        raise ValidationError({"mark": _("This is a qualification clip. Its page changes its mark.")})
    _refuse_left_out(item)
    recorded = {"reason": reason}
    return _finish(item, mark_items(actor=actor, items=[item], mark=Mark.GOLD, scores=known, recorded=recorded))


@transaction.atomic
def exclude(*, actor: User, item: Item, seen: Version, reason: str) -> AuditEntry:
    """Exclude the clip from the campaign, with a reason."""
    reason = _clean(reason)[:MAX_REASON_LENGTH]
    item, earlier = _lock(actor, item, seen, EXCLUDED, {"reason": reason})
    return earlier or _finish(item, exclude_items(actor=actor, items=[item], reason=reason))


@transaction.atomic
def undo_act(*, actor: User, campaign: Campaign, entry: int) -> AuditEntry:
    """Undo the act of an audit entry by a new act, if nobody has acted on the clip since; returns the new entry.

    A review goes back to the one before it, opened slots that no rater has taken are closed, a mark is as it was, and
    an excluded clip is as it was, with its open reports. An act that is undone already stays so.
    """
    require_role(actor, Role.LEAD)
    act = find_undoable(campaign, entry)
    if act is None:
        raise ValidationError(_("There is no such act that can be undone."))
    item = _lock_item(Item.objects.get(pk=act.target_id, campaign=campaign))
    later = list(list_entries(item).filter(pk__gt=entry, action__in=ACTIONS).select_related("actor").order_by("pk"))
    undone = next((one for one in later if one.data.get("undoes") == entry), None)
    if undone is not None:
        return undone
    if later:
        raise make_overtaken(later)
    outcome = _UNDO[act.action](actor, item, act)
    return _finish(item, outcome)


def find_undoable(campaign: Campaign, entry: int) -> AuditEntry | None:
    """Return the audit entry of an act in this campaign that `undo_act` takes, or None."""
    entries = AuditEntry.objects.filter(pk=entry, action__in=UNDOABLE, campaign=campaign.name)
    return entries.filter(target_type=Item._meta.label_lower).select_related("actor").first()


def _undo_review(actor: User, item: Item, act: AuditEntry) -> Outcome:
    undo_review(actor=actor, item=item, decision=_read_review(act), undoes=act.pk)
    return Outcome([item])


def _undo_more_ratings(actor: User, item: Item, act: AuditEntry) -> Outcome:
    return withdraw_ratings(actor=actor, items=[item], entries={item.pk: act})


def _undo_mark(actor: User, item: Item, act: AuditEntry) -> Outcome:
    before = act.data["before"]
    return mark_items(
        actor=actor,
        items=[item],
        mark=before["mark"],
        scores=before["gold"],
        feedback=before["feedback"],
        recorded={"undoes": act.pk},
    )


def _undo_exclusion(actor: User, item: Item, act: AuditEntry) -> Outcome:
    return undo_exclusions(actor=actor, items=[item], entries={item.pk: act})


_UNDO: dict[str, Callable[[User, Item, AuditEntry], Outcome]] = {
    REVIEWED: _undo_review,
    MORE: _undo_more_ratings,
    GOLD: _undo_mark,
    EXCLUDED: _undo_exclusion,
}


def _lock(
    actor: User,
    item: Item,
    seen: Version,
    action: str,
    data: Mapping[str, Any],
    is_same: Callable[[AuditEntry], bool] = lambda _entry: True,
) -> tuple[Item, AuditEntry | None]:
    """Lock a clip as the lead saw it; with it the entry of this very act, if it was done since, else None.

    Raises Overtaken if anything else changed since.
    """
    require_role(actor, Role.LEAD)
    item = _lock_item(item)
    if read_version(item) == seen:
        return item, None
    since = list(list_entries(item).filter(pk__gt=seen.entry).select_related("actor").order_by("pk"))
    if since and _is_repeat(since, actor, action, data) and is_same(since[0]):
        return item, since[0]
    raise make_overtaken(since)


def _is_repeat(since: list[AuditEntry], actor: User, action: str, data: Mapping[str, Any]) -> bool:
    first, *later = since
    is_undone = any(entry.data.get("undoes") == first.pk for entry in later)
    same = {name: first.data.get(name) for name in data} == dict(data)
    return (first.actor, first.action) == (actor, action) and same and not is_undone


def _lock_item(item: Item) -> Item:
    """Lock a clip with its campaign and slots, in the order of `annotation.campaigns.locks`."""
    lock_campaign(item.campaign_id)
    lock_slots([item])
    (current,) = lock_items([item], no_key=False)
    return current


def _read_cards(item: Item) -> Cards:
    """Return the cards that count; raise ValidationError if the clip is left out."""
    _refuse_left_out(item)
    return read_cards(item)


def _refuse_left_out(item: Item) -> None:
    if item.availability == Item.Availability.EXCLUDED:
        raise ValidationError(_("This clip is excluded. Return it to the queue first."))
    if item.availability in LEFT_OUT:
        raise ValidationError(_("This clip is withdrawn. Restore it first."))


def _store_review(actor: User, item: Item, card: ReportCard, **data: Any) -> AuditEntry:
    review(actor=actor, item=item, card=card, note=data.pop("reason"), **data)
    return _finish(item, Outcome([item]))


def _finish(item: Item, outcome: Outcome) -> AuditEntry:
    """Return the entry of an act that was done; raise ValidationError if it left the clip as it was."""
    if item.pk in outcome.left:
        raise outcome.left[item.pk]
    if not outcome.changed:
        raise ValidationError(_("The clip is like this already."))
    return list_entries(item).select_related("actor").latest("pk")


def _read_review(entry: AuditEntry) -> Review:
    return Review.objects.get(pk=entry.data["review"])


def _clean(reason: str) -> str:
    return clean_text(reason)[:NOTE_LIMIT]


def _require_reason(reason: object, sentence: str) -> None:
    if not reason:
        raise ValidationError({"reason": sentence})
