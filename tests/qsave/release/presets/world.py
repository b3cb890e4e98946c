"""A small release with clips that can be decoded, of which every preset has rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets.services.policy import ReleasePolicy
from datasets.services.records import ClipRecord
from qsave.release.manifest import hash_file
from tests.annotation.factories import write_video
from tests.datasets.records import clip, rating, release

DRAFTED = "drafted"
"""The train clip that has no answer, because nobody edited the critic's draft."""


def make_release(folder: Path) -> Path:
    """Write a release of 4 train, 1 val and 1 test clip to a folder that does not exist; two train clips agree."""
    media = folder.with_name("media-of-the-site")
    people = ("ann", "bob", "cyd")
    records = [
        _record(media, "bad", *(rating(name, 1, defects=["blur"]) for name in people)),
        _record(media, "good", *(rating(name, 5) for name in people)),
        _record(media, "mixed", *(rating(name, score) for name, score in zip(people, (1, 3, 5), strict=True))),
        _record(media, DRAFTED, *(rating(name, 3, own_words=False) for name in people[:1])),
        _record(media, "held", *(rating(name, 4) for name in people), split="val"),
        _record(media, "tried", *(rating(name, 2) for name in people), split="test"),
    ]
    release(folder, records, ReleasePolicy(media="copy", allow_small_splits=True), media=media)
    return folder


def _record(media: Path, clip_id: str, *ratings: Any, split: str = "train") -> ClipRecord:
    name = f"{clip_id}.mp4"
    path = write_video(media / name, shade=20 + sum(clip_id.encode()) % 200)
    prompt = "A square <image> wanders" if split == "train" else f"Another square, {split}"
    values: dict[str, Any] = {"prompt": prompt, "prompt_group": prompt, "sha256": hash_file(path), "original": name}
    record = clip(clip_id, *ratings, split=split, fast=(), slow=(), **values)
    return replace(record, facts=record.facts | {"bytes": path.stat().st_size})
