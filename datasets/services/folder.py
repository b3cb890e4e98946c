"""The release folder, from a snapshot file: first the figures over all ratings, then every file in one pass.

The same snapshot, policy, name and number give the same bytes: rows go in the order of clip ids, nothing looks at a
clock, and what is random is seeded.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datasets.services import card, croissant, rows
from datasets.services.figures import Figures, figures_of
from datasets.services.policy import NoTrainRows, ReleasePolicy, ReleaseRefused, check_split_sizes
from datasets.services.records import ClipRecord, read_records
from datasets.services.targets import is_agreed, target_of, why_no_target, words_of
from datasets.services.writers import JsonlWriter, ParquetWriter, RowWriter, content_hash
from qsave.axes import AXES, Axis
from qsave.files import to_disk
from qsave.frames.guard import MediaError, one_file
from qsave.frames.slowfast import FrameConfig, choose
from qsave.release.manifest import FORMAT, MANIFEST_NAME, encode_manifest, sha256_of
from qsave.release.rows import row_to_json
from qsave.splits import HELD_OUT, SPLITS, SplitSize
from qsave.statistics.figures import Undefined

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Header:
    """What a release is called and where it comes from."""

    name: str
    number: int
    campaign: str
    title: str
    parent: dict[str, Any] | None
    simulated: bool


@dataclass(slots=True)
class _Totals:
    """What is counted while rows are written."""

    excluded: list[dict[str, str]] = field(default_factory=list)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many clips each reason kept out of the release, or out of some of its files."""
    raters: set[str] = field(default_factory=set)
    generators: dict[str, int] = field(default_factory=dict)
    clips: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    counted: int = 0
    simulated_ratings: int = 0
    simulated_clips: int = 0

    def leave_out(self, clip_id: str, of: str, reason: str) -> None:
        self.excluded.append({"clip_id": clip_id, "from": of, "reason": reason})
        kind = reason.partition(":")[0]  # what follows it is about one clip
        reasons = self.left_out.setdefault(of, {})
        reasons[kind] = reasons.get(kind, 0) + 1

    def add(self, record: ClipRecord) -> None:
        self.clips[record.split] += 1
        self.generators[record.generator] = self.generators.get(record.generator, 0) + 1
        self.raters |= {rating.rater for rating in record.counted}
        self.counted += len(record.counted)
        self.simulated_ratings += sum(rating.simulated for rating in record.counted)
        self.simulated_clips += record.simulated


@dataclass(frozen=True, slots=True)
class _Build:
    """What each clip is written with, and into."""

    folder: Path
    media: Path
    policy: ReleasePolicy
    homes: dict[str, str]
    figures: Figures
    files: dict[str, RowWriter]
    totals: _Totals


def write_folder(
    folder: Path, snapshot: Path, *, header: Header, policy: ReleasePolicy, media: Path, progress: Progress
) -> dict[str, Any]:
    """Writes the whole release into `folder`, which is there and empty, and returns its manifest. `media` is where
    `original` of the records is found. Raises ReleaseRefused where there is nothing to release."""
    homes, total = _homes(read_records(snapshot))
    figures = figures_of(_included(snapshot, homes), policy)
    if not any(figures[axis].mos for axis in AXES):
        raise ReleaseRefused(
            f"Campaign {header.campaign} has no rating that counts yet. Val and test clips count blind ratings only, "
            "and raters who were screened out do not count."
        )
    check_split_sizes(_measure_splits(_included(snapshot, homes), figures), policy)
    totals = _Totals()
    with ExitStack() as stack:
        files = _open(folder, stack)
        build = _Build(folder, media, policy, homes, figures, files, totals)
        for number, record in enumerate(read_records(snapshot), start=1):
            _write_clip(record, build)
            progress(number / total, f"{number} of {total} clips")
    if not files["rl/train.jsonl"].count:
        raise NoTrainRows(header.campaign, policy)
    manifest = _manifest(header, policy, figures, files, totals)
    (folder / "README.md").write_text(card.card(manifest), encoding="utf-8")
    (folder / "croissant.json").write_bytes(croissant.metadata(manifest, _file_entries(folder)))
    manifest["files"] = _file_entries(folder)
    (folder / MANIFEST_NAME).write_bytes(encode_manifest(manifest))
    to_disk(folder / MANIFEST_NAME)
    return manifest


def _homes(records: Iterator[ClipRecord]) -> tuple[dict[str, str], int]:
    """The one split that each video may stand in, which is that of its first clip; and how many clips there are."""
    homes: dict[str, str] = {}
    total = 0
    for record in records:
        total += 1
        if not (record.bridges or record.excluded):
            homes.setdefault(record.sha256, record.split)
    return homes, total


def _measure_splits(records: Iterator[ClipRecord], figures: Figures) -> dict[str, SplitSize]:
    """The clips with a target and their prompt groups, in each split that is measured on."""
    groups: dict[str, list[str]] = {split: [] for split in HELD_OUT}
    for record in records:
        if record.split in groups and all(record.clip_id in figures[axis].mos for axis in AXES):
            groups[record.split].append(record.prompt_group)
    return {split: SplitSize(len(found), len(set(found))) for split, found in groups.items()}


def _included(snapshot: Path, homes: dict[str, str]) -> Iterator[ClipRecord]:
    return (record for record in read_records(snapshot) if not _why_left_out(record, homes))


def _why_left_out(record: ClipRecord, homes: dict[str, str]) -> str:
    if record.excluded:
        return f"excluded by a lead: {record.excluded}"
    if record.bridges:
        return "its prompt or video is near others of a different split"
    if homes[record.sha256] != record.split:
        return f"the same video stands in {homes[record.sha256]}"
    if not record.ratings:
        return "not rated"
    return "" if record.counted else "no rating that counts"


def _open(folder: Path, stack: ExitStack) -> dict[str, RowWriter]:
    names = [f"{kind}/{split}.jsonl" for kind in ("sft", "rl") for split in SPLITS] + ["cooldown/train.jsonl"]
    files: dict[str, RowWriter] = {
        "clips.parquet": stack.enter_context(ParquetWriter(folder / "clips.parquet", rows.CLIP_SCHEMA)),
        "ratings.parquet": stack.enter_context(ParquetWriter(folder / "ratings.parquet", rows.RATING_SCHEMA)),
        "targets.parquet": stack.enter_context(ParquetWriter(folder / "targets.parquet", rows.TARGET_SCHEMA)),
    }
    return files | {name: stack.enter_context(JsonlWriter(folder / name)) for name in names}


def _write_clip(record: ClipRecord, into: _Build) -> None:
    """Write every row about one clip, or say why the release, or some of its files, are without it."""
    policy, figures, files = into.policy, into.figures, into.files
    reason = _why_left_out(record, into.homes)
    found = {} if reason else {axis: target_of(record, axis, figures, policy) for axis in AXES}
    targets = {axis: pair for axis, pair in found.items() if pair is not None}
    if len(targets) < len(AXES):
        into.totals.leave_out(record.clip_id, "the release", reason or why_no_target(record, policy))
        return
    record = _with_media(record, into.folder, into.media, copy=policy.media == "copy")
    into.totals.add(record)
    files["clips.parquet"].write(rows.clip_row(record))
    for rating in record.ratings:
        files["ratings.parquet"].write(rows.rating_row(record, rating, figures))
    words = {axis: words_of(record, axis, targets[axis][0], policy) for axis in AXES}
    for axis in AXES:
        files["targets.parquet"].write(rows.target_row(record, axis, targets[axis], words[axis], policy))
    files[f"rl/{record.split}.jsonl"].write(row_to_json(rows.rl_row(record, targets)))
    whole = {axis: said for axis, said in words.items() if said is not None}
    if len(whole) < len(AXES):
        drafted = ", ".join(axis for axis in AXES if axis not in whole)
        into.totals.leave_out(record.clip_id, "sft, cooldown", f"only a critic's unedited words on {drafted}")
        return
    supervised = row_to_json(rows.sft_row(record, targets, whole))
    files[f"sft/{record.split}.jsonl"].write(supervised)
    if record.split == "train" and is_agreed(record, policy):
        files["cooldown/train.jsonl"].write(supervised)


def _with_media(record: ClipRecord, folder: Path, media: Path, *, copy: bool) -> ClipRecord:
    """Copies the clip if asked to, checking that it is the one that was rated; chooses frame times where none are
    stored for the present configuration."""
    source = media / record.original
    if (copy or not record.fast) and not source.is_file():
        raise ReleaseRefused(f"clip {record.clip_id}: its file {record.original} is missing from the media folder")
    if not record.fast:
        try:
            with one_file():
                times = choose(source, FrameConfig())
        except MediaError as error:
            raise ReleaseRefused(f"clip {record.clip_id}: {error}") from None
        record = replace(record, fast=times.fast, slow=times.slow)
    if copy:
        _copy(record, source, folder / rows.media_name(record))
    return record


def _copy(record: ClipRecord, source: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, target)
    if sha256_of(target) != record.sha256:
        raise ReleaseRefused(f"clip {record.clip_id}: {record.original} is no longer the video that was rated")


def _manifest(
    header: Header, policy: ReleasePolicy, figures: Figures, files: dict[str, RowWriter], totals: _Totals
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": header.name,
        "number": header.number,
        "campaign": {"name": header.campaign, "title": header.title},
        "parent": header.parent,
        "content_hash": content_hash(files),
        "simulated": header.simulated or totals.simulated_clips > 0 or totals.simulated_ratings > 0,
        "seed": policy.seed,
        "policies": policy.stated(),
        "filters": {"campaign": header.campaign, "clips": "all that have a target"},
        "frames": {"key": FrameConfig().key()},
        "counts": {
            "clips": totals.clips,
            "generators": dict(sorted(totals.generators.items())),
            "raters": len(totals.raters),
            "ratings": files["ratings.parquet"].count,
            "ratings_counted": totals.counted,
            "ratings_counted_simulated": totals.simulated_ratings,
            "clips_simulated": totals.simulated_clips,
            "excluded": len(totals.excluded),
            "left_out": totals.left_out,
            "rows": {name: writer.count for name, writer in sorted(files.items())},
        },
        "agreement": {axis.value: _agreement(figures, axis) for axis in AXES},
        "notes": [f"{axis}: {note}" for axis in AXES for note in figures[axis].notes],
        "excluded": totals.excluded,
    }


def _agreement(figures: Figures, axis: Axis) -> dict[str, Any]:
    found = figures[axis]
    rests = found.agreement
    interval = rests.alpha.estimate.interval
    return {
        "krippendorff_alpha_ordinal": _figure(rests.alpha.estimate.value),
        "interval": _figure(interval)
        if isinstance(interval, Undefined)
        else [round(interval.low, 6), round(interval.high, 6)],
        "thin": rests.alpha.thin,
        "blind_ratings": rests.ratings,
        "clips": rests.clips,
        "clips_with_two": rests.paired,
        "pooled_sd": found.pooled_sd,
        "pooled_sd_is_assumed": found.assumed_sd,
    }


def _figure(value: float | Undefined) -> Any:
    return {"undefined": value.reason} if isinstance(value, Undefined) else round(value, 6)


def _file_entries(folder: Path) -> dict[str, dict[str, Any]]:
    """sha256 and bytes of every file that is there, each brought to the disk first."""
    entries = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        to_disk(path)
        entries[path.relative_to(folder).as_posix()] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    return entries
