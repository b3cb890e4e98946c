"""What a release would be if it were frozen now: its counts, its agreement, what is left out and why, what refuses it.

The numbers are those of the release that is built next, because both ask the same rules (`filters`) and compute the
same figures. Only the facts that decide a number are read, so a preview takes a fraction of the time of a build.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.models import Campaign
from datasets.services.figures import Figures, compute_figures
from datasets.services.filters import (
    explain_clip,
    explain_no_words,
    explain_not_agreed,
    explain_rating,
    find_video_splits,
    may_give_words,
)
from datasets.services.folder import describe_agreement
from datasets.services.judgements import FILE as JUDGEMENTS_FILE
from datasets.services.judgements import check_sources
from datasets.services.policy import NothingCounts, NoTrainRows, ReleasePolicy, ReleaseRefused, check_split_sizes
from datasets.services.preview_rows import ClipRow, RatingRow, count_judgements, read_clips, read_ratings
from datasets.services.targets import choose_mos, explain_no_target
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis, round_to_level
from qsave.splits import HELD_OUT, SPLITS, SplitSize


@dataclass(slots=True)
class Steps:
    """A number that reasons make smaller: `total` less everything in `dropped` is `left`."""

    total: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def drop(self, reason: str) -> None:
        """Count one more; the text of a reason after a colon is about one clip only."""
        self.dropped[reason.partition(":")[0]] += 1

    @property
    def left(self) -> int:
        return self.total - self.dropped.total()

    @property
    def by_size(self) -> list[tuple[str, int]]:
        """The reasons with their numbers, the largest first."""
        pairs = [(reason, number) for reason, number in self.dropped.items() if number]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def to_json(self) -> dict[str, Any]:
        return {"total": self.total, "dropped": dict(self.by_size), "left": self.left}


@dataclass(slots=True)
class Preview:
    """The numbers of a release. `refusals` are the sentences that say why it cannot be built; empty if it can."""

    policy: ReleasePolicy
    refusals: list[str] = field(default_factory=list)
    clips: Steps = field(default_factory=Steps)
    """The campaign's clips, and those of the release."""
    ratings: Steps = field(default_factory=Steps)
    """The campaign's ratings, and those that the release counts."""
    sft: Steps = field(default_factory=Steps)
    """The clips of the release, and those with an sft row."""
    cooldown: Steps = field(default_factory=Steps)
    """The sft rows of train, and those in the cool-down."""
    splits: dict[str, SplitSize] = field(default_factory=lambda: dict.fromkeys(SPLITS, SplitSize()))
    levels: dict[str, dict[int, int]] = field(default_factory=dict)
    """For each axis the number of clips whose target has each level."""
    agreement: dict[str, Any] = field(default_factory=dict)
    """As the manifest states it; empty if nothing counts."""
    counts: dict[str, Any] = field(default_factory=dict)
    """As the manifest states them."""

    @property
    def has_small_splits(self) -> bool:
        """Whether the build would refuse val or test as too small."""
        return not self.policy.allow_small_splits and any(self.splits[split].is_small for split in HELD_OUT)

    def to_json(self) -> dict[str, Any]:
        return {
            "policy": self.policy.to_json(),
            "refusals": self.refusals,
            **{name: getattr(self, name).to_json() for name in ("clips", "ratings", "sft", "cooldown")},
            "splits": {split: {"clips": size.clips, "groups": size.groups} for split, size in self.splits.items()},
            "levels": {axis: {str(level): n for level, n in counts.items()} for axis, counts in self.levels.items()},
            "agreement": self.agreement,
            "counts": self.counts,
        }


@dataclass(frozen=True, slots=True)
class _Rated:
    """A clip that the filters leave in, with its counted ratings and its targets."""

    clip: ClipRow
    counted: list[RatingRow]
    rows: int
    """All its ratings, counted or not."""

    @property
    def clip_id(self) -> str:
        return self.clip.clip_id


def preview_release(campaign: Campaign, policy: ReleasePolicy) -> Preview:
    """Compute the numbers of a release. It writes nothing and raises nothing: refusals are in the preview."""
    preview = Preview(policy)
    try:
        check_sources(campaign, policy.imported_sources)
        clips, ratings = read_clips(campaign), read_ratings(campaign, policy)
    except ReleaseRefused as refusal:
        preview.refusals.append(str(refusal))
        return preview
    rated = _apply_filters(preview, clips, ratings)
    try:
        figures = compute_figures(rated, policy)
    except ReleaseRefused as refusal:
        preview.refusals.append(str(refusal))
        return preview
    preview.agreement = {axis.value: describe_agreement(figures, axis) for axis in AXES}
    with_target = list(_apply_target(preview, rated, figures))
    preview.sft.total = len(with_target)
    described = [one for one in with_target if not _drop(preview.sft, _explain_words(one, policy))]
    train = [one for one in described if one.clip.split == "train"]
    preview.cooldown.total = len(train)
    agreed = [one for one in train if not _drop(preview.cooldown, _explain_cooldown(one, policy))]
    preview.splits = _measure_splits(with_target)
    preview.counts = _count(preview, with_target, described, len(agreed), clips)
    if policy.imported_sources:
        judgements = count_judgements(campaign, policy.imported_sources)
        by_source = sum((judgements[one.clip.item] for one in with_target), Counter[str]())
        preview.counts["judgements"] = dict(sorted(by_source.items()))
        preview.counts["rows"][JUDGEMENTS_FILE] = by_source.total()
    preview.refusals += _list_refusals(campaign, preview, has_figures=any(figures[axis].mos for axis in AXES))
    return preview


def _drop(steps: Steps, reason: str) -> bool:
    """Count the reason, if there is one, and return whether there is."""
    if reason:
        steps.drop(reason)
    return bool(reason)


def _apply_filters(preview: Preview, clips: list[ClipRow], ratings: Mapping[int, list[RatingRow]]) -> list[_Rated]:
    """Return the clips that the filters leave in, and count what they drop."""
    policy = preview.policy
    video_splits = find_video_splits(clips, policy)
    preview.clips.total = len(clips)
    rated = []
    for clip in clips:
        rows = ratings.get(clip.item, ())
        preview.ratings.total += len(rows)
        counted = [row for row in rows if not _drop(preview.ratings, explain_rating(row, clip.split, policy))]
        if _drop(preview.clips, explain_clip(clip, video_splits, policy, ratings=len(rows), counted=len(counted))):
            preview.ratings.dropped[OF_CLIPS_LEFT_OUT] += len(counted)
        else:
            rated.append(_Rated(clip, counted, len(rows)))
    return rated


OF_CLIPS_LEFT_OUT = "their clip is left out"


def _apply_target(preview: Preview, rated: Sequence[_Rated], figures: Figures) -> Iterator[_Rated]:
    """Yield the clips that have a target on every axis, and count the levels and the clips without a target."""
    levels = {axis: Counter[int]() for axis in AXES}
    for one in rated:
        clip, policy = one.clip, preview.policy
        mos = [
            choose_mos(
                figures[axis].mos.get(clip.clip_id),
                float(clip.review.axis(axis).score) if clip.review else None,
                clip.split,
                policy,
            )
            for axis in AXES
        ]
        if None in mos:
            preview.clips.drop(explain_no_target(clip.split, policy))
            preview.ratings.dropped[OF_CLIPS_LEFT_OUT] += len(one.counted)
            continue
        for axis, row in zip(AXES, mos, strict=True):
            if row is not None:
                levels[axis][round_to_level(round(row.mos, 6))] += 1
        yield one
    preview.levels = {
        axis.value: {level: counts[level] for level in range(MIN_LEVEL, MAX_LEVEL + 1)}
        for axis, counts in levels.items()
    }


def _explain_words(one: _Rated, policy: ReleasePolicy) -> str:
    """Return why the clip has no sft row; empty if it has one."""
    missing = [axis for number, axis in enumerate(AXES) if not _has_words(one, number, axis, policy)]
    return explain_no_words(missing, policy) if missing else ""


def _has_words(one: _Rated, number: int, axis: Axis, policy: ReleasePolicy) -> bool:
    review = one.clip.review
    if policy.reasons_from != "none" and review and one.clip.split == "train" and review.axis(axis).reason:
        return True
    return any(may_give_words(own_words=row.own_words[number], blind=row.blind, policy=policy) for row in one.counted)


def _explain_cooldown(one: _Rated, policy: ReleasePolicy) -> str:
    return explain_not_agreed([row.scores for row in one.counted if row.blind], policy)


def _measure_splits(rated: Sequence[_Rated]) -> dict[str, SplitSize]:
    groups = {split: [one.clip.group for one in rated if one.clip.split == split] for split in SPLITS}
    return {split: SplitSize(len(keys), len(set(keys))) for split, keys in groups.items()}


def _count(
    preview: Preview, rated: Sequence[_Rated], described: Sequence[_Rated], agreed: int, clips: Sequence[ClipRow]
) -> dict[str, Any]:
    """Return the counts as the manifest states them."""
    by_split = {split: size.clips for split, size in preview.splits.items()}
    sft = Counter(one.clip.split for one in described)
    left_out = {"the release": dict(preview.clips.by_size), "sft, cooldown": dict(preview.sft.by_size)}
    held_out = Counter(clip.split for clip in clips if clip.excluded and clip.split in HELD_OUT)
    rows = {
        "clips.parquet": len(rated),
        "ratings.parquet": sum(one.rows for one in rated),
        "targets.parquet": len(AXES) * len(rated),
        **{f"sft/{split}.jsonl": sft[split] for split in SPLITS},
        **{f"rl/{split}.jsonl": number for split, number in by_split.items()},
        "cooldown/train.jsonl": agreed,
    }
    return {
        "clips": by_split,
        "generators": dict(sorted(Counter(one.clip.generator for one in rated).items())),
        "raters": len({row.rater for one in rated for row in one.counted}),
        "ratings": rows["ratings.parquet"],
        "ratings_counted": sum(len(one.counted) for one in rated),
        "ratings_counted_simulated": sum(row.simulated for one in rated for row in one.counted),
        "clips_simulated": sum(one.clip.simulated for one in rated),
        "excluded": preview.clips.dropped.total() + preview.sft.dropped.total(),
        "left_out": {part: reasons for part, reasons in left_out.items() if reasons},
        **({"excluded_held_out": dict(held_out)} if held_out else {}),
        "rows": rows,
    }


def _list_refusals(campaign: Campaign, preview: Preview, *, has_figures: bool) -> Iterator[str]:
    """Yield what would refuse the build, each a sentence with its remedy."""
    if not has_figures:
        yield str(NothingCounts(campaign.name))
        return
    if not preview.splits["train"].clips:
        yield str(NoTrainRows(campaign.name, preview.policy))
    try:
        check_split_sizes(preview.splits, preview.policy)
    except ReleaseRefused as refusal:
        yield str(refusal)
