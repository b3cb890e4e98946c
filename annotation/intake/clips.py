"""Import clips: each row of a manifest becomes a clip with its files, facts, frame times, prompt group and split.

Rows are independent: a bad row is reported by its number and reason, and the others are imported. A clip that exists
already is not added again, so an import that is interrupted or repeated gives the same result as a single one.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.summaries import refresh_summaries
from annotation.intake.import_report import ImportReport, RowProblem
from annotation.intake.manifests import Row, RowRefused, parse_row, read_manifest
from annotation.intake.media_store import (
    choose_extension,
    copy_and_hash,
    move_into_store,
    open_incoming_folder,
)
from annotation.intake.prompt_groups import find_group, group_prompts, lock_clips
from annotation.intake.video_folder import VideoFolder
from annotation.models import Campaign, Clip, Item
from annotation.shared.permissions import require_role
from operations.database import DATABASE_TROUBLE
from qsave.frames.container import MediaError
from qsave.frames.guard import guard_file
from qsave.frames.poster import write_poster
from qsave.frames.probe import MediaFacts, probe
from qsave.frames.rendition import needs_rendition, write_rendition
from qsave.frames.slowfast import FrameConfig, choose
from qsave.frames.times import read_shown_times

BATCH_SIZE = 50
Progress = Callable[[float, str], None]


def import_manifest(
    *,
    actor: User,
    campaign: Campaign | None,
    manifest: Path,
    videos: Path | None = None,
    simulated: bool = False,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Import a manifest with the videos beside it, or in the operator's folder `videos`, whose links are followed.

    With a campaign, the clips become items there.

    `on_progress(share, message)` is called after every row. Raises TableError if no row can be read. Errors that no
    row causes, such as a full disk or a lost database, are raised as they are.
    """
    require_role(actor, Role.LEAD)
    table = read_manifest(manifest)
    rows = [parse_row(raw) for raw in table.rows]
    good_rows = [row for row in rows if isinstance(row, Row)]
    names = [row.video for row in good_rows]
    group_prompts(good_rows, seed=campaign.seed if campaign else 0)
    report = ImportReport(warnings=list(table.notes))
    with open_incoming_folder() as work_folder:
        current = _Import(VideoFolder(videos or manifest.parent, names, trusted=bool(videos)), work_folder, simulated)
        for start in range(0, len(rows), BATCH_SIZE):
            imported: list[tuple[Clip, Row]] = []
            try:
                for number, row in enumerate(rows[start : start + BATCH_SIZE], start=start + 1):
                    _import_row(current, number, row, report, imported)
                    if on_progress is not None:
                        on_progress(number / len(rows), f"{number} of {len(rows)} rows")
            finally:  # stored clips become items even if the next row fails
                if campaign is not None:
                    report.items += _add_to_campaign(actor, campaign, imported)
    report.finish(campaign)
    target = campaign or actor
    counts = {"added": report.added, "present": report.present, "refused": len(report.problems)}
    counts |= {"groups": report.groups, "bridges": report.bridges}
    audit.record(actor=actor, action="clips.imported", target=target, manifest=manifest.name, **counts)
    return report


def _import_row(
    current: "_Import",
    number: int,
    row: Row | RowRefused,
    report: ImportReport,
    imported: list[tuple[Clip, Row]],
) -> None:
    try:
        if isinstance(row, RowRefused):
            raise row
        with guard_file(output=Path(settings.MEDIA_ROOT), passing=(RowRefused, *DATABASE_TROUBLE)):
            clip, is_new = current.store(row)
            report.notes += [RowProblem(number, note) for note in current.notes]
    except (RowRefused, MediaError) as problem:
        report.problems.append(RowProblem(number, str(problem)))
        return
    imported.append((clip, row))
    report.count_clip(clip, is_new=is_new)


@transaction.atomic
def _add_to_campaign(actor: User, campaign: Campaign, imported: list[tuple[Clip, Row]]) -> int:
    added = add_clips(actor=actor, campaign=campaign, clips=[clip for clip, _ in imported])
    golds = {clip.pk: row.gold for clip, row in reversed(imported) if row.gold}  # the first row of a clip counts
    if golds:
        _mark_golds(campaign, golds)
    return added


def _mark_golds(campaign: Campaign, golds: Mapping[int, Mapping[str, float]]) -> None:
    """Store the known scores of clips, by their keys, at items that have none."""
    unmarked = Item.objects.filter(campaign=campaign, gold__isnull=True)
    items = {pk: golds[clip] for pk, clip in unmarked.order_by("pk").values_list("pk", "clip_id") if clip in golds}
    for pk, gold in items.items():  # by key, the order of locks
        unmarked.filter(pk=pk).update(gold=dict(gold))
    refresh_summaries(items)


@dataclass(slots=True)
class _Import:
    """One import: where its videos are, and the folder that it works in."""

    videos: VideoFolder
    work_folder: Path
    simulated: bool
    frames: FrameConfig = field(default_factory=FrameConfig)
    notes: list[str] = field(default_factory=list)
    """Remarks on the last stored row."""

    def store(self, row: Row) -> tuple[Clip, bool]:
        """Return the clip of a row, and whether it is new. Raises RowRefused or MediaError."""
        self.notes = []
        copy = self.work_folder / "original"
        sha256 = copy_and_hash(self.videos.find(row.video), copy)
        existing = _find_existing(sha256, row)
        if existing is not None:
            self._restore_media(copy, existing)
            return existing, False
        facts = probe(copy)
        media = self._store_media(copy, sha256, facts)
        with transaction.atomic():
            lock_clips()
            existing = _find_existing(sha256, row)  # another import may have added it meanwhile
            if existing is not None:
                return existing, False
            return self._create_clip(row, sha256, facts, media), True

    def _restore_media(self, copy: Path, clip: Clip) -> None:
        """Store the files of a clip again if one of them is lost. They have the same names, which are hashes."""
        names = filter(None, (clip.original, clip.poster, clip.rendition))
        if not all((Path(settings.MEDIA_ROOT) / name).is_file() for name in names):
            self._store_media(copy, clip.sha256, probe(copy))
            self.notes.append("Files of this clip were lost. They are stored again.")

    def _store_media(self, copy: Path, sha256: str, facts: MediaFacts) -> dict[str, Any]:
        """Create poster and rendition, then move all files into the store, the original last."""
        times = choose(copy, self.frames)
        poster = self.work_folder / "poster.jpg"
        write_poster(copy, poster)
        playable, loss = copy, ""
        if needs_rendition(facts):
            playable = self.work_folder / "rendition.mp4"
            loss = write_rendition(copy, playable)
        self.notes += [loss] if loss else []
        return {
            "shown_times": list(read_shown_times(playable)),
            "has_audio": facts.has_audio and not loss,
            "frame_times": {self.frames.compute_key(): {"fast": list(times.fast), "slow": list(times.slow)}},
            "poster": move_into_store(poster, "posters", sha256, ".jpg"),
            "rendition": "" if playable is copy else move_into_store(playable, "renditions", sha256, ".mp4"),
            "original": move_into_store(copy, "clips", sha256, choose_extension(facts)),
        }

    def _create_clip(self, row: Row, sha256: str, facts: MediaFacts, media: dict[str, Any]) -> Clip:
        group, bridges = find_group(row)
        twins = Clip.objects.filter(sha256=sha256).exclude(prompt_group__split=group.split)
        fps = _compute_frame_rate(facts)
        return Clip.objects.create(
            clip_id=row.clip_id or name_clip(sha256, row),
            sha256=sha256,
            prompt=row.prompt,
            generator=row.generator,
            seed="" if row.seed is None else str(row.seed),
            metadata=dict(row.metadata),
            content_warning=row.content_warning,
            prompt_group=group,
            bridges_splits=bridges or twins.exists(),  # the same video must not be in two splits
            codec=facts.codec,
            width=facts.width,
            height=facts.height,
            fps_numerator=fps.numerator,
            fps_denominator=fps.denominator,
            duration=facts.duration,
            frames=facts.frames,
            bytes=facts.bytes,
            is_simulated=self.simulated,
            **media,
        )


def name_clip(sha256: str, row: Row) -> str:
    """Return the clip_id of a row without one, from the bytes of the video, the prompt and the generator.

    One video may answer two prompts, and two generators may give the same bytes.
    """
    return hashlib.sha256("\0".join([sha256, row.prompt, row.generator]).encode()).hexdigest()


def _find_existing(sha256: str, row: Row) -> Clip | None:
    """Return the clip that the row names or describes; raises RowRefused if the row differs from it."""
    named = Q(clip_id=row.clip_id or name_clip(sha256, row))
    if not row.clip_id:  # earlier versions named such a clip by the bytes of its video alone
        named |= Q(clip_id=sha256, prompt=row.prompt, generator=row.generator)
    clip = Clip.objects.filter(named).first()
    if clip is None:
        return None
    if clip.sha256 != sha256:
        raise RowRefused(f"clip_id {clip.clip_id!r} exists already with another video.")
    if (clip.prompt, clip.generator) != (row.prompt, row.generator):
        raise RowRefused(f"clip_id {clip.clip_id!r} exists already with another prompt or generator.")
    if row.prompt_group and row.prompt_group != clip.prompt_group.name:
        raise RowRefused(f"clip_id {clip.clip_id!r} exists already in another prompt group, which cannot change.")
    return clip


def _compute_frame_rate(facts: MediaFacts) -> Fraction:
    """Return the frame rate of the container, or else frames over seconds, as a fraction."""
    if facts.fps:
        return facts.fps.limit_denominator(1_000_000)
    return Fraction(facts.frames / facts.duration if facts.duration else 25).limit_denominator(1001)
