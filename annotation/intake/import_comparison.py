"""Compare the rows of an import with their files and with the clips that are here, before it starts.

A clip is found as the import finds it: by its clip_id, else by the bytes of the video, prompt and generator. A file is
hashed only if a clip of its size is here, and only the first MOST_HASHED_BYTES of an import: of the others the size
alone is compared, and the row says so.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from annotation.corrections.differences import OTHER_VIDEO, describe_differences, find_differences
from annotation.intake.archives import UploadRefused
from annotation.intake.arrived_files import ArrivedFile, ArrivedFiles, list_unnamed, open_files
from annotation.intake.clip_files import has_lost_files
from annotation.intake.clip_records import choose_clip, find_clips
from annotation.intake.manifests import Row, RowRefused
from annotation.intake.staging import Progress, ignore_progress, load_row, read_in_batches
from annotation.models import Clip, ClipImport, ClipVersion, ImportRow, Item
from qsave.groups import split_into_chunks

MOST_HASHED_BYTES = 4 * 1024**3
MOST_LISTED = 100
LOOKUP_SIZE = 500
MOST_HASHES = 50
"""Videos of one size that are tried for a row whose own video was not hashed."""
_STORE_NOTE = "UPDATE annotation_importrow SET note = %s WHERE id = %s"


@dataclass(slots=True)
class ComparedRow:
    """A waiting row and its file, if it is there. `sha256` is empty if the file was not hashed."""

    stored: ImportRow
    row: Row
    file: ArrivedFile | None = None
    hashes: Sequence[str] = ()
    """Those of clips with the size of the file."""
    sha256: str = ""
    refusal: str = ""

    @property
    def pairs(self) -> Iterator[tuple[str, Row]]:
        """What the import could look for: the row with the hash of its video, or with each that it may have."""
        if self.row.clip_id or self.sha256:
            yield self.sha256, self.row
        else:
            yield from ((sha256, self.row) for sha256 in self.hashes[:MOST_HASHES])


@dataclass(slots=True)
class Comparison:
    """What comes of the rows: how many in each way, the first that would be refused, and files that no row names."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[int, str]] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    hashed_bytes: int = 0
    unlisted: str = ""
    """Why the files could not be listed. Rows without a clip_id are not compared then."""

    def as_json(self) -> dict[str, Any]:
        """Return the counts that are not 0, and what else is not empty."""
        others = {
            "refusals": [list(entry) for entry in self.refusals],
            "unnamed_files": self.unnamed,
            "unlisted": self.unlisted,
        }
        return {**self.counts, **{name: value for name, value in others.items() if value}}


def compare_rows(clip_import: ClipImport, on_progress: Progress = ignore_progress) -> dict[str, Any]:
    """Note at each waiting row how it differs from its clip, or why it would be refused; return the comparison.

    Its counts: `present` and `differs` (clips that are here), `unread` (those of them whose video was compared by size
    alone), `missing` (rows without their file), `conflicts` (rows that contradict their clip), `unnamed` (files).
    """
    comparison = Comparison()
    try:
        files = open_files(clip_import)
    except UploadRefused as refusal:
        files, comparison.unlisted = None, str(refusal)
    waiting = clip_import.rows.filter(state=ImportRow.State.WAITING)
    total, done = waiting.count(), 0
    for batch in read_in_batches(waiting):
        rows = [ComparedRow(stored, load_row(stored)) for stored in batch]
        if files is not None:
            _find_files(comparison, files, rows)
        _compare_batch(clip_import, comparison, rows)
        done += len(rows)
        words = {"done": f"{done:,}", "total": f"{total:,}"}
        on_progress(done / total, _("%(done)s of %(total)s rows compared with their files") % words)
    if files is not None:
        for name in list_unnamed(clip_import, files, comparison.named):
            comparison.counts["unnamed"] += 1
            if len(comparison.unnamed) < MOST_LISTED:
                comparison.unnamed.append(name)
    return comparison.as_json()


def list_files_without_row(clip_import: ClipImport) -> Iterator[str]:
    """Return all files of a previewed import that no row names. Raises UploadRefused if its bucket does not answer."""
    files, named = open_files(clip_import), set[str]()
    waiting = clip_import.rows.filter(state=ImportRow.State.WAITING)
    for video in waiting.values_list("values__video", flat=True).iterator():
        with suppress(RowRefused):
            named.add(files.find(video).name)
    return list_unnamed(clip_import, files, named)


def _find_files(comparison: Comparison, files: ArrivedFiles, rows: Iterable[ComparedRow]) -> None:
    for each in rows:
        try:
            each.file = files.find(each.row.video)
        except RowRefused as refusal:
            each.refusal = str(refusal)
            comparison.counts["missing"] += 1
        else:
            comparison.named.add(each.file.name)


def _compare_batch(clip_import: ClipImport, comparison: Comparison, rows: Sequence[ComparedRow]) -> None:
    hashes = _find_hashes({each.file.size for each in rows if each.file is not None})
    for each in rows:
        if each.file is not None and each.file.size in hashes:
            each.hashes = hashes[each.file.size]
            each.sha256 = _hash_file(comparison, each.file)
    clips = _find_clips(rows)
    items = _find_items(clip_import, clips.values())
    for each in rows:
        _compare_row(comparison, each, clips, items)
    _store_notes([each.stored for each in rows if each.stored.note])


def _compare_row(comparison: Comparison, each: ComparedRow, clips: dict[str, Clip], items: dict[int, Item]) -> None:
    clip = None
    if not each.refusal:
        try:
            clip = _choose_clip(each, clips)
        except RowRefused as refusal:
            each.refusal = str(refusal)
            comparison.counts["conflicts"] += 1
    if each.refusal:
        each.stored.note = each.refusal
        if len(comparison.refusals) < MOST_LISTED:
            comparison.refusals.append((each.stored.number, each.refusal))
    if clip is not None:
        _note_differences(comparison, each, clip, items.get(clip.pk))


def _store_notes(rows: Sequence[ImportRow]) -> None:
    """Store the notes. `bulk_update` takes longer than all else that is done here."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_STORE_NOTE, [(row.note, row.pk) for row in rows])


def _choose_clip(each: ComparedRow, clips: dict[str, Clip]) -> Clip | None:
    chosen = (choose_clip(clips, sha256, row) for sha256, row in each.pairs)
    return next((clip for clip in chosen if clip is not None), None)


def _note_differences(comparison: Comparison, each: ComparedRow, clip: Clip, item: Item | None) -> None:
    is_other = each.file is not None and each.file.size != clip.bytes
    sha256 = OTHER_VIDEO if is_other else each.sha256
    differences = find_differences(clip, each.row, sha256=sha256, item=item)
    notes = describe_differences(differences)
    comparison.counts["differs" if differences else "present"] += 1
    if not sha256:
        comparison.counts["unread"] += 1
        notes.append(_("Whether its video is the clip's is known only when the import reads it."))
    if sha256 != OTHER_VIDEO and clip.is_ready and has_lost_files(clip):
        notes.append(_("Files of this clip are lost. The import stores them again."))
    each.stored.note = " ".join(notes)


def _hash_file(comparison: Comparison, file: ArrivedFile) -> str:
    """Return the SHA-256 of a file; empty in a bucket, for a file that cannot be read, and beyond the limit."""
    if file.open is None or comparison.hashed_bytes + file.size > MOST_HASHED_BYTES:
        return ""
    comparison.hashed_bytes += file.size
    try:
        with file.open() as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:  # the import refuses the row with this reason
        return ""


def _find_hashes(sizes: Collection[int]) -> dict[int, list[str]]:
    """Return the hashes of the videos here that have these sizes, earlier versions of clips too."""
    hashes: defaultdict[int, set[str]] = defaultdict(set)
    for part in split_into_chunks(sorted(sizes), LOOKUP_SIZE):
        for model in (Clip, ClipVersion):
            for size, sha256 in model._default_manager.filter(bytes__in=part).values_list("bytes", "sha256"):
                hashes[size].add(sha256)
    return {size: sorted(by_size) for size, by_size in hashes.items()}


def _find_clips(rows: Iterable[ComparedRow]) -> dict[str, Clip]:
    pairs = [pair for each in rows for pair in each.pairs]
    clips: dict[str, Clip] = {}
    for part in split_into_chunks(pairs, LOOKUP_SIZE):
        clips |= find_clips(part)
    return clips


def _find_items(clip_import: ClipImport, clips: Iterable[Clip]) -> dict[int, Item]:
    if clip_import.campaign is None:
        return {}
    keys = list({clip.pk for clip in clips})
    items = Item.objects.filter(campaign=clip_import.campaign)
    return {item.clip_id: item for part in split_into_chunks(keys, LOOKUP_SIZE) for item in items.filter(clip__in=part)}
