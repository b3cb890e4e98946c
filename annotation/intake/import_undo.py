"""Undo an import: remove the clips that it made, while nobody was given one of them."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.campaigns import StateRefused
from annotation.corrections.removal import remove_clips
from annotation.intake.importing import find_state
from annotation.intake.upload_folders import delete_files
from annotation.models import Clip, ClipImport, ImportRow, Offer, Slot
from annotation.shared.permissions import require_role

_OVER = (ClipImport.State.DONE, ClipImport.State.CANCELLED, ClipImport.State.FAILED)


def may_undo(clip_import: ClipImport) -> bool:
    """Return whether an import made clips of which nobody was given one."""
    clips = _select_clips(clip_import)
    return clips.exists() and not _find_taken(clips)


@transaction.atomic
def undo_import(*, actor: User, clip_import: ClipImport) -> int:
    """Remove the clips of an import with their items and slots; return how many. Raises StateRefused.

    Prompts keep their groups, so that the same table gives the same splits again.
    """
    require_role(actor, Role.LEAD)
    current = ClipImport.objects.select_for_update().get(pk=clip_import.pk)
    if find_state(current) not in _OVER:
        raise StateRefused(_("Only an import that is over can be undone."))
    try:
        with transaction.atomic():
            count = remove_clips(actor=actor, clips=list(_select_clips(current)))
    except ValidationError as error:
        raise StateRefused(" ".join(error.messages)) from None
    current.rows.filter(is_new=True).update(state=ImportRow.State.CANCELLED, clip=None, is_new=False)
    current.state, current.finished_at = ClipImport.State.UNDONE, timezone.now()
    current.save(update_fields=["state", "finished_at"])
    target = current.campaign or actor
    audit.record(actor=actor, action="import.undone", target=target, manifest=current.name, count=count)
    transaction.on_commit(lambda: delete_files(current))
    return count


def _select_clips(clip_import: ClipImport) -> QuerySet[Clip]:
    return Clip.objects.filter(import_rows__clip_import=clip_import, import_rows__is_new=True)


def _find_taken(clips: QuerySet[Clip]) -> bool:
    taken = Slot.objects.filter(item__clip__in=clips).exclude(state=Slot.State.FREE, rater=None)
    return taken.exists() or Offer.objects.filter(item__clip__in=clips).exists()
