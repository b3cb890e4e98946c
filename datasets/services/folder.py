"""Write a release folder from a snapshot file: first the figures over all ratings, then every file in one pass.

The same snapshot, policy, name and number give the same bytes: rows are in the order of clip ids, nothing reads a
clock, and random draws are seeded.
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datasets.services import card, croissant, judgements, rows
from datasets.services.clip_files import ClipCopier, FileCheck
from datasets.services.figures import Figures, compute_figures
from datasets.services.filters import explain_no_words
from datasets.services.policy import NothingCounts, NoTrainRows, ReleasePolicy, ReleaseRefused, check_split_sizes
from datasets.services.progress import Progress, cut_step
from datasets.services.records import ClipRecord, read_records
from datasets.services.statements import describe_filters, describe_policy
from datasets.services.survey import Survey
from datasets.services.targets import choose_words, compute_target, explain_no_target, is_agreed
from datasets.services.writers import JsonlWriter, ParquetWriter, RowWriter, compute_content_hash
from qsave.axes import AXES, Axis
from qsave.files import sync_to_disk
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.slowfast import FrameConfig, choose
from qsave.release.manifest import FORMAT, MANIFEST_NAME, encode_manifest, hash_file
from qsave.release.rows import row_to_json
from qsave.splits import HELD_OUT, SPLITS
from qsave.statistics.figures import Undefined


@dataclass(frozen=True, slots=True)
class Header:
    """The name of a release, and where it comes from."""

    name: str
    number: int
    campaign: str
    title: str
    parent: dict[str, Any] | None
    simulated: bool


@dataclass(slots=True)
class _Totals:
    """Counts that grow while rows are written."""

    excluded: list[dict[str, str]] = field(default_factory=list)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)
    """File or "the release" -> reason -> number of clips that it left out there."""
    excluded_held_out: dict[str, int] = field(default_factory=dict)
    """Clips of val and test that a lead excluded, by split."""
    raters: set[str] = field(default_factory=set)
    generators: dict[str, int] = field(default_factory=dict)
    clips: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    counted: int = 0
    simulated_ratings: int = 0
    simulated_clips: int = 0
    judgements: dict[str, int] = field(default_factory=dict)
    """Ratings made elsewhere, by source."""

    def leave_out(self, clip_id: str, of: str, reason: str) -> None:
        self.excluded.append({"clip_id": clip_id, "from": of, "reason": reason})
        kind = reason.partition(":")[0]  # the text after the colon is about this clip only
        reasons = self.left_out.setdefault(of, {})
        reasons[kind] = reasons.get(kind, 0) + 1

    def add(self, record: ClipRecord) -> None:
        self.clips[record.split] += 1
        self.generators[record.generator] = self.generators.get(record.generator, 0) + 1
        self.raters |= {rating.rater for rating in record.counted}
        self.counted += len(record.counted)
        self.simulated_ratings += sum(rating.simulated for rating in record.counted)
        self.simulated_clips += record.simulated
        for one in record.judgements:
            self.judgements[one.source] = self.judgements.get(one.source, 0) + 1


@dataclass(frozen=True, slots=True)
class _Build:
    """Inputs and outputs of writing the rows of one clip."""

    media: Path
    copier: ClipCopier | None
    policy: ReleasePolicy
    survey: Survey
    figures: Figures
    files: dict[str, RowWriter]
    totals: _Totals


def write_folder(
    folder: Path, snapshot: Path, *, header: Header, policy: ReleasePolicy, media: Path, progress: Progress
) -> dict[str, Any]:
    """Write the whole release into `folder`, which exists and is empty, and return its manifest.

    The records' `original` is a path below `media`. Raises ReleaseRefused if there is nothing to release.
    """
    progress(0.0, "checking the clips and computing targets")
    survey = Survey(snapshot, policy)
    check = FileCheck(media, copy=policy.media == "copy")
    figures = compute_figures(_check_files(survey.read_included(), check), policy)
    check.finish(folder)
    if not any(figures[axis].mos for axis in AXES):
        raise NothingCounts(header.campaign)
    check_split_sizes(survey.measure_splits(figures), policy)
    writing = cut_step(progress, 0.1, 0.9)
    totals = _Totals()
    with ExitStack() as stack:
        copier = stack.enter_context(ClipCopier(media, folder)) if policy.media == "copy" else None
        files = _open_files(folder, policy, stack)
        build = _Build(media, copier, policy, survey, figures, files, totals)
        for number, record in enumerate(read_records(snapshot), start=1):
            _write_clip(record, build)
            writing(number / survey.clips, f"writing clips: {number} of {survey.clips}")
        copied = copier.finish() if copier else {}
    if not files["rl/train.jsonl"].count:
        raise NoTrainRows(header.campaign, policy)
    progress(0.9, "hashing files")
    manifest = _make_manifest(header, policy, figures, files, totals)
    (folder / "README.md").write_text(card.render_card(manifest), encoding="utf-8")
    files_so_far = copied | _hash_files(folder, copied)
    (folder / "croissant.json").write_bytes(croissant.encode_metadata(manifest, files_so_far))
    manifest["files"] = files_so_far | {"croissant.json": _hash_file(folder / "croissant.json")}
    (folder / MANIFEST_NAME).write_bytes(encode_manifest(manifest))
    sync_to_disk(folder / MANIFEST_NAME)
    return manifest


def _open_files(folder: Path, policy: ReleasePolicy, stack: ExitStack) -> dict[str, RowWriter]:
    names = [f"{kind}/{split}.jsonl" for kind in ("sft", "rl") for split in SPLITS] + ["cooldown/train.jsonl"]
    files: dict[str, RowWriter] = {
        "clips.parquet": stack.enter_context(ParquetWriter(folder / "clips.parquet", rows.CLIP_SCHEMA)),
        "ratings.parquet": stack.enter_context(ParquetWriter(folder / "ratings.parquet", rows.RATING_SCHEMA)),
        "targets.parquet": stack.enter_context(ParquetWriter(folder / "targets.parquet", rows.TARGET_SCHEMA)),
    }
    if policy.imported_sources:
        files[judgements.FILE] = stack.enter_context(ParquetWriter(folder / judgements.FILE, judgements.SCHEMA))
    return files | {name: stack.enter_context(JsonlWriter(folder / name)) for name in names}


def _write_clip(record: ClipRecord, into: _Build) -> None:
    """Write every row of one clip, or count why the release, or some of its files, leave it out."""
    policy, figures, files = into.policy, into.figures, into.files
    reason = into.survey.explain_exclusion(record)
    pairs = {} if reason else {axis: compute_target(record, axis, figures, policy) for axis in AXES}
    targets = {axis: pair for axis, pair in pairs.items() if pair is not None}
    if record.excluded and record.split in HELD_OUT:
        counts = into.totals.excluded_held_out
        counts[record.split] = counts.get(record.split, 0) + 1
    if len(targets) < len(AXES):
        into.totals.leave_out(record.clip_id, "the release", reason or explain_no_target(record.split, policy))
        return
    if not record.fast:
        record = _choose_frames(record, into.media)
    if into.copier:
        into.copier.add(record)
    into.totals.add(record)
    files["clips.parquet"].write(rows.make_clip_row(record))
    for rating in record.ratings:
        files["ratings.parquet"].write(rows.make_rating_row(record, rating, figures))
    for one in record.judgements:
        files[judgements.FILE].write(judgements.make_row(record.clip_id, record.split, one))
    words = {axis: choose_words(record, axis, targets[axis][0], policy) for axis in AXES}
    for axis in AXES:
        files["targets.parquet"].write(rows.make_target_row(record, axis, targets[axis], words[axis], policy))
    files[f"rl/{record.split}.jsonl"].write(row_to_json(rows.make_rl_row(record, targets)))
    own_words = {axis: answer for axis, answer in words.items() if answer is not None}
    if len(own_words) < len(AXES):
        why_none = explain_no_words((axis for axis in AXES if axis not in own_words), policy)
        into.totals.leave_out(record.clip_id, "sft, cooldown", why_none)
        return
    supervised = row_to_json(rows.make_sft_row(record, targets, own_words))
    files[f"sft/{record.split}.jsonl"].write(supervised)
    if record.split == "train" and is_agreed(record, policy):
        files["cooldown/train.jsonl"].write(supervised)


def _check_files(records: Iterator[ClipRecord], check: FileCheck) -> Iterator[ClipRecord]:
    for record in records:
        check.add(record)
        yield record


def _choose_frames(record: ClipRecord, media: Path) -> ClipRecord:
    """Return the record with the times of the frames for the current configuration."""
    try:
        with guard_file():
            times = choose(media / record.original, FrameConfig())
    except MediaError as error:
        raise ReleaseRefused(f"Clip {record.clip_id}: {error}") from None
    return replace(record, fast=times.fast, slow=times.slow)


def _make_manifest(
    header: Header, policy: ReleasePolicy, figures: Figures, files: dict[str, RowWriter], totals: _Totals
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": header.name,
        "number": header.number,
        "campaign": {"name": header.campaign, "title": header.title},
        "parent": header.parent,
        "content_hash": compute_content_hash(files),
        "simulated": header.simulated or totals.simulated_clips > 0 or totals.simulated_ratings > 0,
        "seed": policy.seed,
        "policies": describe_policy(policy),
        "filters": describe_filters(policy, header.campaign),
        "frames": {"key": FrameConfig().compute_key()},
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
            **({"excluded_held_out": totals.excluded_held_out} if totals.excluded_held_out else {}),
            **({"judgements": dict(sorted(totals.judgements.items()))} if policy.imported_sources else {}),
            "rows": {name: writer.count for name, writer in sorted(files.items())},
        },
        "agreement": {axis.value: describe_agreement(figures, axis) for axis in AXES},
        "notes": [f"{axis}: {note}" for axis in AXES for note in figures[axis].notes],
        "excluded": totals.excluded,
    }


def describe_agreement(figures: Figures, axis: Axis) -> dict[str, Any]:
    """Return the agreement on one axis as the manifest states it."""
    axis_figures = figures[axis]
    agreement = axis_figures.agreement
    interval = agreement.alpha.estimate.interval
    return {
        "krippendorff_alpha_ordinal": _figure_to_json(agreement.alpha.estimate.value),
        "interval": _figure_to_json(interval)
        if isinstance(interval, Undefined)
        else [round(interval.low, 6), round(interval.high, 6)],
        "thin": agreement.alpha.thin,
        "blind_ratings": agreement.ratings,
        "clips": agreement.clips,
        "clips_with_two": agreement.paired,
        "pooled_sd": axis_figures.pooled_sd,
        "pooled_sd_is_assumed": axis_figures.assumed_sd,
    }


def _figure_to_json(value: float | Undefined) -> Any:
    return {"undefined": value.reason} if isinstance(value, Undefined) else round(value, 6)


def _hash_files(folder: Path, known: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the sha256 and the size of every file in the folder but the known ones, after syncing each to the disk."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: _hash_file(folder / name) for name in names if name not in known}


def _hash_file(path: Path) -> dict[str, Any]:
    sync_to_disk(path)
    return {"sha256": hash_file(path), "bytes": path.stat().st_size}
