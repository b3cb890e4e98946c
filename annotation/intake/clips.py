"""Bringing clips in: each row of a manifest becomes a clip with its media, facts, frame times, group and split.

Rows stand alone: a bad one is reported by its number and reason, the others go in. A row that is here already adds
nothing, so an import that was cut off, or is run twice, ends as one that ran once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.campaigns import add_clips
from annotation.intake.import_report import ImportReport, RowProblem
from annotation.intake.manifests import ManifestError, Row, RowRefused, parse_row, read_manifest
from annotation.intake.media_store import copy_in, extension_of, find_video, incoming_folder, settle
from annotation.intake.prompt_groups import find_group, group_prompts, lock_clips
from annotation.models import Campaign, Clip, Item
from annotation.shared.permissions import require
from operations.database import DATABASE_TROUBLE
from qsave.frames.container import MediaError
from qsave.frames.guard import one_file
from qsave.frames.poster import write_poster
from qsave.frames.probe import MediaFacts, probe
from qsave.frames.rendition import needs_rendition, write_rendition
from qsave.frames.slowfast import FrameConfig, choose
from qsave.frames.times import shown_times

__all__ = ["ImportReport", "ManifestError", "RowProblem", "import_manifest"]

BATCH = 50
Progress = Callable[[float, str], None]


def import_manifest(
    *,
    actor: User,
    campaign: Campaign | None,
    manifest: Path,
    simulated: bool = False,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Reads a manifest and the videos beside it; with a campaign, its clips become items there.

    `on_progress(share, message)` is called after every row. Raises ManifestError when no row can be read, and lets a
    full disk or a lost database through: those are no fault of a row.
    """
    require(actor, Role.LEAD)
    rows = [parse_row(raw) for raw in read_manifest(manifest)]
    group_prompts([row for row in rows if isinstance(row, Row)], seed=campaign.seed if campaign else 0)
    report = ImportReport()
    with incoming_folder() as work:
        intake = _Intake(manifest.parent, work, simulated)
        for start in range(0, len(rows), BATCH):
            taken: list[tuple[Clip, Row]] = []
            try:
                for number, row in enumerate(rows[start : start + BATCH], start=start + 1):
                    _take_row(intake, number, row, report, taken)
                    if on_progress is not None:
                        on_progress(number / len(rows), f"{number} of {len(rows)} rows")
            finally:  # clips that went in are items, however the next row ends
                if campaign is not None:
                    report.items += _into_campaign(actor, campaign, taken)
    report.finish(campaign)
    target = campaign or actor
    counts = {"added": report.added, "present": report.present, "refused": len(report.problems)}
    counts |= {"groups": report.groups, "bridges": report.bridges}
    audit.record(actor=actor, action="clips.imported", target=target, manifest=manifest.name, **counts)
    return report


def _take_row(
    intake: "_Intake",
    number: int,
    row: Row | RowRefused,
    report: ImportReport,
    taken: list[tuple[Clip, Row]],
) -> None:
    try:
        if isinstance(row, RowRefused):
            raise row
        with one_file(output=Path(settings.MEDIA_ROOT), passing=(RowRefused, *DATABASE_TROUBLE)):
            clip, is_new = intake.take(row)
            report.notes += [RowProblem(number, note) for note in intake.notes]
    except (RowRefused, MediaError) as problem:
        report.problems.append(RowProblem(number, str(problem)))
        return
    taken.append((clip, row))
    report.count_clip(clip, is_new=is_new)


@transaction.atomic
def _into_campaign(actor: User, campaign: Campaign, taken: list[tuple[Clip, Row]]) -> int:
    added = add_clips(actor=actor, campaign=campaign, clips=[clip for clip, _ in taken])
    for clip, row in taken:
        if row.gold:
            Item.objects.filter(campaign=campaign, clip=clip, gold__isnull=True).update(gold=dict(row.gold))
    return added


@dataclass(slots=True)
class _Intake:
    """One import: where its videos are and where it works."""

    folder: Path
    work: Path
    simulated: bool
    frames: FrameConfig = field(default_factory=FrameConfig)
    notes: list[str] = field(default_factory=list)
    """What is to be known of the row that was taken last."""

    def take(self, row: Row) -> tuple[Clip, bool]:
        """The clip of a row, and whether it is new. Raises RowRefused or MediaError."""
        self.notes = []
        copy = self.work / "original"
        sha256 = copy_in(find_video(self.folder, row.video), copy)
        clip_id = row.clip_id or sha256
        known = _known(clip_id, sha256, row)
        if known is not None:
            return known, False
        facts = probe(copy)
        media = self._media(copy, sha256, facts)
        with transaction.atomic():
            lock_clips()
            known = _known(clip_id, sha256, row)  # another import may have brought it meanwhile
            if known is not None:
                return known, False
            return self._store(row, clip_id, sha256, facts, media), True

    def _media(self, copy: Path, sha256: str, facts: MediaFacts) -> dict[str, Any]:
        """Makes what is made of the file, then moves all of it to its place: the original last."""
        times = choose(copy, self.frames)
        poster = self.work / "poster.jpg"
        write_poster(copy, poster)
        playable, lost = copy, ""
        if needs_rendition(facts):
            playable = self.work / "rendition.mp4"
            lost = write_rendition(copy, playable)
        self.notes += [lost] if lost else []
        return {
            "shown_times": list(shown_times(playable)),
            "has_audio": facts.has_audio and not lost,
            "frame_times": {self.frames.key(): {"fast": list(times.fast), "slow": list(times.slow)}},
            "poster": settle(poster, "posters", sha256, ".jpg"),
            "rendition": "" if playable is copy else settle(playable, "renditions", sha256, ".mp4"),
            "original": settle(copy, "clips", sha256, extension_of(facts)),
        }

    def _store(self, row: Row, clip_id: str, sha256: str, facts: MediaFacts, media: dict[str, Any]) -> Clip:
        group, bridges = find_group(row)
        twins = Clip.objects.filter(sha256=sha256).exclude(prompt_group__split=group.split)
        fps = _rate(facts)
        return Clip.objects.create(
            clip_id=clip_id,
            sha256=sha256,
            prompt=row.prompt,
            generator=row.generator,
            seed=row.seed,
            metadata=dict(row.metadata),
            content_warning=row.content_warning,
            prompt_group=group,
            bridges_splits=bridges or twins.exists(),  # one video must not stand in two splits either
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


def _known(clip_id: str, sha256: str, row: Row) -> Clip | None:
    """The clip that is here under this name, if it is the same; raises RowRefused if it is another."""
    clip = Clip.objects.filter(clip_id=clip_id).first()
    if clip is None:
        return None
    if clip.sha256 != sha256:
        raise RowRefused(f"clip_id {clip_id!r} is here already with another video")
    if (clip.prompt, clip.generator) != (row.prompt, row.generator):
        raise RowRefused(f"clip_id {clip_id!r} is here already with another prompt or generator")
    if row.prompt_group and row.prompt_group != clip.prompt_group.name:
        raise RowRefused(f"clip_id {clip_id!r} is here already in another prompt group, which it keeps for good")
    return clip


def _rate(facts: MediaFacts) -> Fraction:
    """The rational frame rate: the container's, else frames over seconds."""
    if facts.fps:
        return facts.fps.limit_denominator(1_000_000)
    return Fraction(facts.frames / facts.duration if facts.duration else 25).limit_denominator(1001)
