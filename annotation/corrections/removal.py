"""Remove clips that no rater was ever given: the way back from an import."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.corrections.records import LockedClips, lock_all
from annotation.intake import clip_removal
from annotation.intake.prompt_groups import lock_clips
from annotation.models import Clip, Draft, GuidelineExample, Review
from annotation.shared.permissions import require_role
from qsave.words import isolate


@transaction.atomic
def remove_clips(*, actor: User, clips: Sequence[Clip]) -> int:
    """Delete the clips with their items, free slots, unseen drafts and files; return how many.

    Raises ValidationError, and removes nothing, if a rater was given one of them, or if guidelines, a review or another
    clip refer to one. The caller records the act.
    """
    require_role(actor, Role.LEAD)
    lock_clips()
    locked = lock_all(clips)
    if locked.is_taken():
        raise ValidationError({"clips": _("Raters were given some of these clips. Withdraw clips instead.")})
    referred = find_referred_clip(locked)
    if referred is not None:
        message = _("Guidelines, reviews or other clips refer to %(clip)s, so it cannot be removed.")
        raise ValidationError({"clips": message % {"clip": isolate(referred.clip_id)}})
    Draft.objects.filter(item__in=locked.items).delete()
    clip_removal.remove_clips(locked.clips)
    return len(locked.clips)


def find_referred_clip(locked: LockedClips) -> Clip | None:
    """Return a clip that must stay because a row outside of its campaigns' slots refers to it."""
    examples = set(GuidelineExample.objects.filter(clip__in=locked.clips).values_list("clip", flat=True))
    reviewed = set(Review.objects.filter(item__in=locked.items).values_list("item__clip", flat=True))
    succeeded = set(Clip.objects.filter(successor__in=locked.clips).values_list("successor", flat=True))
    keys = examples | reviewed | succeeded
    return next((clip for clip in locked.clips if clip.pk in keys), None)
