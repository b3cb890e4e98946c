"""Submit, edit and save what a rater answers.

A late submit counts for as long as the slot still carries the rater's lease, however late it is. Once the slot has gone
to another rater, the item is excluded or the campaign is closed, the answers become the rater's saved work, and the
queue offers the item again if it has a rating slot left. The same key is never stored twice.
"""

import math
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rapidfuzz.distance import Levenshtein

from accounts.models import User
from annotation.campaigns import overlap
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import (
    AxisAnswer,
    Campaign,
    Draft,
    Exposure,
    Item,
    Offer,
    Rating,
    RatingRevision,
    SavedWork,
    Slot,
)
from annotation.raters import panels
from annotation.rating.answers import Answer, AnswersRefused, Submission, answers_to_json
from annotation.rating.draft_use import decide_use_after_edit, decide_uses
from annotation.rating.drafts import list_visible_axes
from annotation.rating.qualification import decide_qualification
from annotation.rating.queue import TAKES_RATINGS, LeaseLost, make_lease_lost
from annotation.rating.queue_sql import HeldSlot, lock_held_slot
from annotation.rating.rating_sql import LARGEST_KEY, read_last_reasons, store_rating, store_revision
from annotation.rating.validation import (
    adding_problems,
    clean_viewing,
    validate_answers,
    validate_viewing,
)
from annotation.shared.text import clean_json, clean_text
from qsave.axes import AXES, Axis
from qsave.proposal import AxisProposal
from qsave.report_card import evidence_to_json

SAVED_BYTES = 65_536
LONGEST_SECONDS = 86_400.0


class EditRefused(ValueError):
    """A rating that may no longer be edited; the message says why."""


class SavedWorkConflict(ValueError):
    """Another tab has saved meanwhile. `saved` is its work; nothing was overwritten."""

    def __init__(self, saved: SavedWork) -> None:
        self.saved = saved
        super().__init__(_("Another tab has saved other answers for this clip. Both are kept; choose one."))


def submit(
    *, rater: User, lease: uuid.UUID, item_id: int, submission: Submission, campaign: Campaign | None = None
) -> Rating:
    """Store a rating and free the rater for the next clip. The same key again returns the same rating.

    The site has recorded which draft the rater was shown, and when. `annotation.rating.draft_use` compares the texts
    and decides how the rater used it; the client only reports whether they pressed "Confirm" or "Clear". A caller that
    has read the campaign may give it, so that it is not read again.

    Raises AnswersRefused when the answers break a rule (nothing is stored; the page still has them), and LeaseLost when
    the slot is gone, after the answers have become saved work for `item_id`.
    """
    submission = _clean_submission(submission)
    key = submission.key
    try:
        with transaction.atomic():
            rating = None
            held = lock_held_slot(rater, lease, campaign)
            if held is not None and held.slot.campaign.state in TAKES_RATINGS:
                rating = _store_first(rater, held, submission)
            # A repeated request finds its rating by the key. Of two at once, the second has waited above for the lock.
            rating = rating or _find_by_key(rater, key)
    except IntegrityError:
        rating = _find_by_key(rater, key)
        if rating is None:
            raise
    if rating is None:
        if _save_late_answers(rater, item_id, submission.answers):
            message = _("This clip is no longer yours: its lease ran out or it was rated. What you typed is kept.")
            raise make_lease_lost(rater, item_id, message)
        raise LeaseLost(_("This clip is not on your desk."))
    return rating


def _store_first(rater: User, held: HeldSlot, submission: Submission) -> Rating:
    campaign = held.slot.campaign
    draft = Draft.objects.get(pk=held.draft) if held.draft else None
    answers, unconfirmed = decide_uses(campaign, submission.answers, draft, held.exposure)
    validate_viewing(campaign, submission.viewing)
    with adding_problems(unconfirmed):
        _check(campaign, rater, answers, draft, prompt=held.prompt, duration=held.duration)
    rating = store_rating(held, rater, draft)
    _add_revision(rating, campaign, 1, replace(submission, answers=answers))
    _follow_up(held.slot, rating)
    return rating


def revise(*, rater: User, rating_id: int, submission: Submission) -> Rating:
    """Add a revision to the rater's own rating; the earlier ones stay. The same key again changes nothing.

    The revision has its own seconds and viewing record beside those of the earlier ones (`annotation.rating.work`).
    The texts decide how the draft was used: `draft_use` and `confirm_ms` of the answers are ignored.

    Raises Rating.DoesNotExist for a rating that is not the rater's, EditRefused once the campaign is closed.
    """
    submission = _clean_submission(submission)
    with transaction.atomic():
        own = Rating.objects.select_related("item__campaign", "item__clip", "draft", "slot")
        rating = own.select_for_update(of=("self",)).get(pk=rating_id, rater=rater)
        if _find_by_key(rater, submission.key) is not None:
            return rating
        refusal = explain_no_edit(rating)
        if refusal:
            raise EditRefused(refusal)
        clip, campaign = rating.item.clip, rating.item.campaign
        none = AxisAnswer.DraftUse.NONE
        answers = {axis: replace(answer, draft_use=none) for axis, answer in submission.answers.items()}
        _check(campaign, rater, answers, rating.draft, prompt=clip.prompt, duration=clip.duration, before=rating.pk)
        answers = _decide_uses_after_edit(rating, answers)
        rating.revisions.filter(is_current=True).update(is_current=False)
        newest = rating.revisions.order_by("-number").values_list("number", flat=True).first() or 0
        _add_revision(rating, campaign, newest + 1, replace(submission, answers=answers))
        overlap.open_extra_slot(rating, campaign)
        refresh_summaries([rating.item_id])
    return rating


def _clean_submission(submission: Submission) -> Submission:
    return replace(submission, viewing=clean_viewing(submission.viewing))


def _decide_uses_after_edit(rating: Rating, answers: Mapping[Axis, Answer]) -> dict[Axis, Answer]:
    """Return the answers with the use of the draft after this edit, and the time that its confirmation took."""
    rows = AxisAnswer.objects.filter(revision__rating=rating, revision__is_current=True)
    before = {Axis(row.axis): row for row in rows}
    return {
        axis: replace(answer, draft_use=decide_use_after_edit(before[axis], answer), confirm_ms=before[axis].confirm_ms)
        for axis, answer in answers.items()
    }


def compute_edit_end(rating: Rating) -> datetime | None:
    """Return when the campaign's rule ends the editing of a rating; None if only the end of the campaign does."""
    hours = rating.item.campaign.edit_hours
    return None if hours is None else rating.created_at + timedelta(hours=hours)


def explain_no_edit(rating: Rating) -> str:
    """Return why a rating may no longer be edited; empty while it may.

    Load `item.campaign`, `item.clip` and `slot` with it.
    """
    until = compute_edit_end(rating)
    if rating.item.clip.is_withdrawn:
        return _("A lead has withdrawn this clip from the site, so your rating of it can no longer be edited.")
    if rating.slot.kind == Slot.Kind.EARLIER:
        return _("The video of this clip was replaced since. Your rating is of the earlier one and stays as it is.")
    if rating.item.campaign.state not in TAKES_RATINGS:
        return _("This campaign is closed: its ratings can no longer be edited.")
    if rating.slot.kind == Slot.Kind.QUALIFICATION:
        return _("You have seen the known scores of this clip, so your rating of it can no longer be edited.")
    if until is not None and timezone.now() >= until:
        return _("The time to edit this rating is over.")
    return ""


def save_work(*, rater: User, item_id: int, answers: Mapping[str, Any], base_version: int, tab: uuid.UUID) -> SavedWork:
    """Save answers that are typed but not submitted. `base_version` is the last version that the page has, or 0.

    A tab may always save over its own save (the response to it may have been lost). The result has its `item` loaded.
    Raises SavedWorkConflict when another tab has saved since, ValueError when the answers are too large,
    PermissionDenied for an item that the rater was never offered.
    """
    offer = Offer.objects.filter(item=item_id, rater=rater).select_related("item").first()
    if offer is None:
        raise PermissionDenied(_("This clip was never on your desk."))
    cleaned = clean_json(dict(answers), max_bytes=SAVED_BYTES)
    with transaction.atomic():
        first = {"answers": cleaned, "tab": tab}
        saved, is_new = SavedWork.objects.select_for_update().get_or_create(
            item_id=item_id, rater=rater, defaults=first
        )
        saved.item = offer.item
        if is_new:
            return saved
        if saved.version != base_version and saved.tab != tab:
            raise SavedWorkConflict(saved)
        return _overwrite(saved, cleaned, tab)


def _overwrite(saved: SavedWork, answers: dict[str, Any], tab: uuid.UUID) -> SavedWork:
    saved.answers, saved.tab, saved.version = answers, tab, saved.version + 1
    saved.save(update_fields=["answers", "tab", "version", "saved_at"])
    return saved


def _save_late_answers(rater: User, item_id: int, answers: Mapping[Axis, Answer]) -> bool:
    """Turn answers that came too late into saved work; return False if the item was never on the rater's desk."""
    with transaction.atomic():
        item = Item.objects.filter(pk=item_id, offers__rater=rater).first()
        if item is None:
            return False
        cleaned = clean_json(answers_to_json(answers), max_bytes=SAVED_BYTES)
        first = {"answers": cleaned, "tab": uuid.uuid4()}
        saved, is_new = SavedWork.objects.select_for_update().get_or_create(item=item, rater=rater, defaults=first)
        if not is_new:
            _overwrite(saved, cleaned, uuid.uuid4())
    return True


def _find_by_key(rater: User, key: uuid.UUID) -> Rating | None:
    revision = RatingRevision.objects.filter(key=key).select_related("rating").first()
    if revision is None:
        return None
    if revision.rating.rater_id != rater.pk:
        raise AnswersRefused({"key": [_("This form belongs to another rating. Reload the page.")]})
    return revision.rating


def _follow_up(slot: Slot, rating: Rating) -> None:
    """Complete a panel, store the verdict of a finished qualification, or open another slot if raters disagree."""
    if rating.rater.is_guest:
        panels.complete_if_due(rating.rater)
    if slot.kind == Slot.Kind.QUALIFICATION:
        decide_qualification(rating.rater, slot.campaign)
    elif slot.kind == Slot.Kind.SEAT:
        overlap.open_extra_slot(rating, slot.campaign)
        refresh_summaries([rating.item_id])


def _check(
    campaign: Campaign,
    rater: User,
    answers: Mapping[Axis, Answer],
    draft: Draft | None,
    *,
    prompt: str,
    duration: float,
    before: int = LARGEST_KEY,
) -> None:
    last = read_last_reasons(rater, campaign.pk, before=before)
    validate_answers(campaign, answers, draft, prompt=prompt, duration=duration, last_reasons=last)


def _add_revision(rating: Rating, campaign: Campaign, number: int, submission: Submission) -> None:
    seconds = submission.seconds_spent
    seconds = min(max(float(seconds), 0.0), LONGEST_SECONDS) if math.isfinite(seconds) else 0.0
    visible = list_visible_axes(rating.draft, campaign) if rating.draft else {}
    rows = [_make_row(axis, submission.answers[axis], visible.get(axis), rating.exposure) for axis in AXES]
    store_revision(rating, number, rows, replace(submission, seconds_spent=seconds))


def _make_row(axis: Axis, answer: Answer, drafted: AxisProposal | None, exposure: str) -> AxisAnswer:
    reason = clean_text(answer.reason)
    drafted_reason = drafted.reason if drafted else ""
    return AxisAnswer(
        axis=axis.value,
        score=answer.score,
        evidence=evidence_to_json(answer.evidence),
        reason=reason,
        exposure=exposure if drafted else Exposure.NONE,
        draft_use=answer.draft_use,
        draft_edit_distance=Levenshtein.distance(drafted_reason, reason) if drafted_reason.strip() else None,
        confirm_ms=answer.confirm_ms,
    )
