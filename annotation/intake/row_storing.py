"""The first step of a row: copy and probe its video, and create its clip with items and slots.

The clip is not ready then, so its items are not given out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.campaigns.campaigns import create_items
from annotation.campaigns.summaries import refresh_summaries
from annotation.corrections.correct import correct_clip
from annotation.corrections.differences import Difference, describe_differences, find_differences
from annotation.corrections.held_out import explain_hold_out
from annotation.intake.clip_files import has_lost_files, make_files
from annotation.intake.clip_records import StoredVideo, build_clip, choose_clip, find_clips
from annotation.intake.manifests import Row, RowRefused
from annotation.intake.media_store import choose_extension, copy_and_hash, move_into_store
from annotation.intake.prompt_groups import lock_clips
from annotation.intake.row_claims import State, select_own
from annotation.intake.staging import load_row
from annotation.intake.video_folder import BucketStopped, VideoSource
from annotation.models import Clip, ClipImport, ImportRow, Item
from operations.database import DATABASE_TROUBLE
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.probe import probe
from qsave.words import isolate

RESTORED = "Files of this clip were lost. They are stored again."


@dataclass(slots=True)
class ReadRow:
    """A claimed row with its values, and its video in the store unless another file of its clip is there."""

    stored: ImportRow
    row: Row
    video: StoredVideo
    differences: list[Difference] = field(default_factory=list)


def store_rows(clip_import: ClipImport, rows: Sequence[ImportRow], videos: VideoSource, work_folder: Path) -> None:
    """Read the videos of claimed rows and store their clips. A row with a problem is refused, and costs no other."""
    read: list[ReadRow] = []
    try:
        for stored in rows:
            row = load_row(stored)
            try:
                with guard_file(
                    output=Path(settings.MEDIA_ROOT), passing=(RowRefused, BucketStopped, *DATABASE_TROUBLE)
                ):
                    read.append(ReadRow(stored, row, _read_video(stored, row, videos, work_folder)))
            except (RowRefused, MediaError) as problem:
                refuse_row(stored, str(problem))
    finally:  # an error of the machine in the next video costs none of these
        _store(clip_import, read)
    for each in read:
        if each.differences and each.stored.state == State.WORKING:
            _apply_changes(clip_import, each, videos, work_folder)


def refuse_row(stored: ImportRow, reason: str) -> None:
    select_own(stored).update(state=State.REFUSED, reason=reason, worker="")
    stored.state = State.REFUSED


def _read_video(stored: ImportRow, row: Row, videos: VideoSource, work_folder: Path) -> StoredVideo:
    copy = work_folder / "original"
    sha256 = copy_and_hash(videos.find(row.video), copy, videos.open)
    clip = choose_clip(find_clips([(sha256, row)]), sha256, row)
    if clip is not None and (clip.sha256 != sha256 or (clip.is_ready and not has_lost_files(clip))):
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
    """Give stored clips their items, and write what became of each row. A row that is to change its clip waits."""
    clips = {each.stored.clip.pk: each.stored.clip for each in read if each.stored.clip is not None}
    items: dict[int, Item] = {}
    if clip_import.campaign is not None:
        create_items(campaign=clip_import.campaign, clips=list(clips.values()))
        _mark_golds(clip_import, read)
        items = {item.clip_id: item for item in Item.objects.filter(campaign=clip_import.campaign, clip__in=clips)}
    new = {each.stored.clip.pk for each in read if each.stored.clip is not None and each.stored.is_new}
    for each in read:
        _finish_row(clip_import, each, items, new)
    over = [each.stored for each in read if each.stored.state != State.WORKING]
    ImportRow.objects.bulk_update(over, ["state", "reason", "note", "clip", "is_new", "worker"])


def _finish_row(clip_import: ClipImport, each: ReadRow, items: Mapping[int, Item], new: Collection[int]) -> None:
    stored, clip = each.stored, each.stored.clip
    if clip is None:
        stored.worker = ""
        return
    stored.clip = clip  # it has its key now
    if not stored.is_new:
        each.differences = find_differences(clip, each.row, sha256=each.video.sha256, item=items.get(clip.pk))
    if not each.differences:
        stored.state = State.PRESENT if clip.is_ready else State.STORED
    elif clip.pk in new or clip_import.rows.filter(clip=clip, is_new=True).exists():
        stored.state, stored.clip = State.REFUSED, None
        stored.reason = f"Another row of this table has its clip_id with other values: {clip.clip_id!r}."
    elif not clip_import.applies_changes:
        stored.state, stored.reason = State.DIFFERS, " ".join(describe_differences(each.differences))
    stored.worker = stored.worker if stored.is_new or stored.state == State.WORKING else ""


def _apply_changes(clip_import: ClipImport, each: ReadRow, videos: VideoSource, work_folder: Path) -> None:
    """Give a clip the values of its row, all or none. Repeated after a kill, the row no longer differs."""
    stored, values = each.stored, {one.name: one.after for one in each.differences}
    words = " ".join(describe_differences(each.differences))
    assert stored.clip is not None  # only a row that names a clip differs from it
    try:
        if "video" in values:  # read again: the copy of this row is gone
            values["video"] = work_folder / "changed"
            copy_and_hash(videos.find(each.row.video), values["video"], videos.open)
        with transaction.atomic():
            clip = correct_clip(
                actor=clip_import.created_by,
                clip=stored.clip,
                values=values,
                reason=_("Import of %(name)s") % {"name": isolate(clip_import.name)},
                campaign=clip_import.campaign,
            )
            note = f"{words} {explain_hold_out(clip) if 'generator' in values else ''}".strip()
            select_own(stored).update(state=State.CHANGED, note=note, clip=clip, worker="")
    except (MediaError, RowRefused) as problem:
        refuse_row(stored, str(problem))
    except ValidationError as error:
        reason = " ".join([words, *error.messages])
        select_own(stored).update(state=State.DIFFERS, reason=reason, clip=stored.clip, worker="")


def _mark_golds(clip_import: ClipImport, read: Sequence[ReadRow]) -> None:
    """Store the known scores of clips at items that have none. The first row of a clip counts."""
    with_gold = [(each.stored.clip, each.row.gold) for each in reversed(read) if each.row.gold]
    golds = {clip.pk: gold for clip, gold in with_gold if clip is not None}
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
