"""The first step of a row: copy and probe its video, and create its clip with items and slots.

The clip is not ready then, so its items are not given out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation.campaigns.campaigns import create_items
from annotation.campaigns.summaries import refresh_summaries
from annotation.intake.clip_files import has_lost_files, make_files
from annotation.intake.clip_records import StoredVideo, build_clip, choose_clip, find_clips
from annotation.intake.manifests import Row, RowRefused
from annotation.intake.media_store import choose_extension, copy_and_hash, move_into_store
from annotation.intake.prompt_groups import lock_clips
from annotation.intake.row_claims import State, select_own
from annotation.intake.staging import load_row
from annotation.intake.video_folder import VideoFolder
from annotation.models import Clip, ClipImport, ImportRow, Item
from operations.database import DATABASE_TROUBLE
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.probe import probe

RESTORED = "Files of this clip were lost. They are stored again."


@dataclass(slots=True)
class ReadRow:
    """A claimed row with its values, and its video in the store if it was read."""

    stored: ImportRow
    row: Row
    video: StoredVideo


def store_rows(clip_import: ClipImport, rows: Sequence[ImportRow], videos: VideoFolder, work_folder: Path) -> None:
    """Read the videos of claimed rows and store their clips. A row with a problem is refused, and costs no other."""
    read: list[ReadRow] = []
    try:
        for stored in rows:
            row = load_row(stored)
            try:
                with guard_file(output=Path(settings.MEDIA_ROOT), passing=(RowRefused, *DATABASE_TROUBLE)):
                    read.append(ReadRow(stored, row, _read_video(stored, row, videos, work_folder)))
            except (RowRefused, MediaError) as problem:
                refuse_row(stored, str(problem))
    finally:  # an error of the machine in the next video costs none of these
        _store(clip_import, read)


def refuse_row(stored: ImportRow, reason: str) -> None:
    select_own(stored).update(state=State.REFUSED, reason=reason, worker="")
    stored.state = State.REFUSED


def _read_video(stored: ImportRow, row: Row, videos: VideoFolder, work_folder: Path) -> StoredVideo:
    copy = work_folder / "original"
    sha256 = copy_and_hash(videos.find(row.video), copy)
    clip = choose_clip(find_clips([(sha256, row)]), sha256, row)
    if clip is not None and clip.is_ready and not has_lost_files(clip):
        return StoredVideo(sha256, clip.original, probe(copy))
    facts = probe(copy)
    original = move_into_store(copy, "clips", sha256, choose_extension(facts))
    if clip is not None and clip.is_ready:
        make_files(Path(settings.MEDIA_ROOT) / original, sha256, work_folder)
        stored.note = RESTORED
    return StoredVideo(sha256, original, facts)


def _store(clip_import: ClipImport, read: Sequence[ReadRow]) -> None:
    """Store the rows in one transaction; if the database refuses a value in one of them, each in its own."""
    try:
        with guard_file(passing=DATABASE_TROUBLE):
            _store_together(clip_import, read)
    except MediaError as problem:
        if len(read) == 1:
            refuse_row(read[0].stored, str(problem))
            return
        for each in read:
            _store(clip_import, [each])


@transaction.atomic
def _store_together(clip_import: ClipImport, read: Sequence[ReadRow]) -> None:
    own = set(_lock_own(each.stored for each in read))
    read = [each for each in read if each.stored.pk in own]
    lock_clips()
    clips = find_clips((each.video.sha256, each.row) for each in read)
    splits = _find_splits(each.video.sha256 for each in read)
    new: list[Clip] = []
    for each in read:
        try:
            clip = choose_clip(clips, each.video.sha256, each.row)
        except RowRefused as refusal:
            each.stored.state, each.stored.reason = State.REFUSED, str(refusal)
            continue
        each.stored.is_new = clip is None
        if clip is None:
            of_video = splits[each.video.sha256]
            clip = build_clip(each.row, each.video, simulated=clip_import.is_simulated, splits_of_video=of_video)
            clips[clip.clip_id] = clip
            of_video.add(clip.prompt_group.split)
            new.append(clip)
        each.stored.clip = clip
    Clip.objects.bulk_create(new)
    _finish_rows(clip_import, read)


def _finish_rows(clip_import: ClipImport, read: Sequence[ReadRow]) -> None:
    for each in read:
        stored, clip = each.stored, each.stored.clip
        if clip is None:
            stored.worker = ""
            continue
        stored.clip = clip  # it has its key now
        stored.state = State.PRESENT if clip.is_ready else State.STORED
        stored.worker = stored.worker if stored.is_new else ""
    ImportRow.objects.bulk_update(
        [each.stored for each in read], ["state", "reason", "note", "clip", "is_new", "worker"]
    )
    if clip_import.campaign is not None:
        stored_clips = {each.stored.clip.pk: each.stored.clip for each in read if each.stored.clip is not None}
        create_items(campaign=clip_import.campaign, clips=list(stored_clips.values()))
        _mark_golds(clip_import, read)


def _mark_golds(clip_import: ClipImport, read: Sequence[ReadRow]) -> None:
    """Store the known scores of clips at items that have none. The first row of a clip counts."""
    golds = {each.stored.clip_id: each.row.gold for each in reversed(read) if each.row.gold and each.stored.clip_id}
    if not golds:
        return
    unmarked = Item.objects.filter(campaign=clip_import.campaign, gold__isnull=True, clip__in=golds).order_by("pk")
    keys = dict(unmarked.values_list("pk", "clip_id"))
    for pk, clip in keys.items():  # by key, the order of locks
        unmarked.filter(pk=pk).update(gold=dict(golds[clip]))
    refresh_summaries(keys)


def _lock_own(rows: Iterable[ImportRow]) -> list[int]:
    """Lock the rows that still belong to their worker, and return their keys."""
    by_key = {row.pk: row for row in rows}
    current = ImportRow.objects.filter(pk__in=by_key, state=State.WORKING).order_by("pk").select_for_update(no_key=True)
    return [pk for pk, worker in current.values_list("pk", "worker") if worker == by_key[pk].worker]


def _find_splits(hashes: Iterable[str]) -> defaultdict[str, set[str]]:
    """Return the splits of the stored clips with these bytes."""
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for sha256, split in Clip.objects.filter(sha256__in=set(hashes)).values_list("sha256", "prompt_group__split"):
        splits[sha256].add(split)
    return splits
