"""Build the record of a clip from its row, and compare a row with the clip that it names."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from annotation.intake.manifests import Row, RowRefused
from annotation.intake.prompt_groups import find_group
from annotation.models import Clip
from qsave.frames.probe import MediaFacts


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """A video in the media store: its hash, its path there, and its facts."""

    sha256: str
    original: str
    facts: MediaFacts


def name_clip(sha256: str, row: Row) -> str:
    """Return the clip_id of a row without one, from the bytes of the video, the prompt and the generator.

    One video may answer two prompts, and two generators may give the same bytes.
    """
    return hashlib.sha256("\0".join([sha256, row.prompt, row.generator]).encode()).hexdigest()


def find_clips(rows: Iterable[tuple[str, Row]]) -> dict[str, Clip]:
    """Return the clips that rows, with the hashes of their videos, name or describe, by clip_id."""
    pairs = list(rows)
    names = {row.clip_id or name_clip(sha256, row) for sha256, row in pairs}
    names |= {sha256 for sha256, row in pairs if not row.clip_id}  # so earlier versions named a clip without one
    clips = Clip.objects.filter(clip_id__in=names).defer("frame_times", "shown_times")  # which take long to load
    clips = clips.select_related("prompt_group").prefetch_related("successor__prompt_group")
    return {clip.clip_id: find_newest(clip) for clip in clips}


def find_newest(clip: Clip) -> Clip:
    """Return the clip, or the last of its successors: a corrected prompt makes a new clip."""
    while clip.successor is not None:
        clip = clip.successor
    return clip


def choose_clip(clips: Mapping[str, Clip], sha256: str, row: Row) -> Clip | None:
    """Return the clip of a row among those of `find_clips`; raises RowRefused if it is in another group."""
    clip = clips.get(row.clip_id or name_clip(sha256, row))
    if clip is None and not row.clip_id:
        clip = clips.get(sha256)
        return clip if clip is not None and (clip.prompt, clip.generator) == (row.prompt, row.generator) else None
    if clip is None:
        return None
    if row.prompt_group and row.prompt_group != clip.prompt_group.name:
        raise RowRefused(f"clip_id {clip.clip_id!r} exists already in another prompt group, which cannot change.")
    return clip


def build_clip(row: Row, video: StoredVideo, *, simulated: bool, splits_of_video: Iterable[str]) -> Clip:
    """Return the unsaved clip of a row; it is not ready. `splits_of_video` are those of clips with the same bytes."""
    group, bridges = find_group(row)
    return Clip(
        **make_file_values(video),
        clip_id=row.clip_id or name_clip(video.sha256, row),
        prompt=row.prompt,
        generator=row.generator,
        seed="" if row.seed is None else str(row.seed),
        metadata=dict(row.metadata),
        content_warning=row.content_warning,
        prompt_group=group,
        bridges_splits=bridges or any(split != group.split for split in splits_of_video),
        is_ready=False,
        is_simulated=simulated,
    )


def make_file_values(video: StoredVideo) -> dict[str, Any]:
    """Return what the row of a clip says of its video, before `clip_files.make_files`."""
    facts, fps = video.facts, _compute_frame_rate(video.facts)
    return {
        "sha256": video.sha256,
        "original": video.original,
        "codec": facts.codec,
        "width": facts.width,
        "height": facts.height,
        "fps_numerator": fps.numerator,
        "fps_denominator": fps.denominator,
        "duration": facts.duration,
        "frames": facts.frames,
        "has_audio": facts.has_audio,
        "bytes": facts.bytes,
    }


def _compute_frame_rate(facts: MediaFacts) -> Fraction:
    """Return the frame rate of the container, or else frames over seconds, as a fraction."""
    if facts.fps:
        return facts.fps.limit_denominator(1_000_000)
    return Fraction(facts.frames / facts.duration if facts.duration else 25).limit_denominator(1001)
