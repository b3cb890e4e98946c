"""Remove clips of which nobody was given anything, with their items, slots and files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation.intake.prompt_groups import lock_clips
from annotation.judgements.storing import detach_clips
from annotation.models import Clip, ClipVersion, Item, Slot


def remove_unready(clips: Sequence[Clip]) -> None:
    """Remove clips that never became ready, with their items and slots. Nobody was given one of them."""
    lock_clips()
    remove_clips(Clip.objects.filter(pk__in=[clip.pk for clip in clips], is_ready=False).select_for_update())


def remove_clips(clips: Iterable[Clip]) -> None:
    """Remove clips, their items and their slots; delete their files when the transaction commits."""
    removed = list(clips)
    detach_clips(removed)
    Slot.objects.filter(item__clip__in=removed).delete()
    Item.objects.filter(clip__in=removed).delete()
    Clip.objects.filter(pk__in=[clip.pk for clip in removed]).delete()
    transaction.on_commit(lambda: _delete_files(removed))


def _delete_files(clips: Iterable[Clip]) -> None:
    """Delete the files of removed clips, unless another clip has or had the same bytes."""
    for clip in clips:
        if not any(model.objects.filter(sha256=clip.sha256).exists() for model in (Clip, ClipVersion)):
            for name in filter(None, (clip.original, clip.poster, clip.rendition)):
                (Path(settings.MEDIA_ROOT) / name).unlink(missing_ok=True)
