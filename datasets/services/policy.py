"""The choices that shape a release. They are stored in its row and stated in its manifest and its card."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from datasets.services.options import OPTIONS, Group, MediaPolicy, Names, ReasonPolicy, TargetPolicy
from qsave.splits import HELD_OUT, LEAST_CLIPS, LEAST_GROUPS, SplitSize

SIMULATED = "simulated"
"""What the name of a release with simulated ratings has in it."""


class ReleaseRefused(ValueError):
    """The release cannot be made; the message says why and what to do."""


class NothingCounts(ReleaseRefused):
    """The release would have no clip."""

    def __init__(self, campaign: str) -> None:
        super().__init__(
            f"Campaign {campaign} has no rating that counts under this policy. Val and test clips count blind ratings "
            "only, and raters who were screened out do not count. Simulated ratings count only if the policy says so "
            "(simulated_ratings, --simulated-ratings on the command line)."
        )


class NoTrainRows(ReleaseRefused):
    """The release would have nothing to train on."""

    def __init__(self, campaign: str, policy: "ReleasePolicy") -> None:
        reviewed = policy.choose_target("train") == "reviewed"
        super().__init__(
            f"No clip of the train split of campaign {campaign} has a target under the policy {policy.target}: there "
            "would be nothing to train on. "
            + ("Review some of them, or choose another target." if reviewed else "Rate some of them first.")
            + (" Or let the policy count more ratings and clips." if policy.has_filters else "")
        )


class SmallSplits(ReleaseRefused):
    """Val or test would be small, and the policy does not allow it."""

    def __init__(self, small: Mapping[str, SplitSize]) -> None:
        sizes = "; ".join(f"{split} has {_count_in_words(size)}" for split, size in small.items())
        super().__init__(
            f"{sizes}. Figures on fewer than {LEAST_CLIPS} clips or {LEAST_GROUPS} prompt groups say little. "
            "Import and rate more clips, or allow small splits (allow_small_splits in the policy, --allow-small-splits "
            "on the command line)."
        )


def check_split_sizes(sizes: Mapping[str, SplitSize], policy: "ReleasePolicy") -> None:
    """Raise SmallSplits if val or test is small and the policy does not allow it."""
    small = {split: sizes.get(split, SplitSize()) for split in HELD_OUT}
    small = {split: size for split, size in small.items() if size.is_small}
    if small and not policy.allow_small_splits:
        raise SmallSplits(small)


def _count_in_words(size: SplitSize) -> str:
    clips = "1 clip" if size.clips == 1 else f"{size.clips} clips"
    return f"{clips} of {'1 prompt group' if size.groups == 1 else f'{size.groups} prompt groups'}"


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """What a release counts and copies; `OPTIONS` says what each field means. Val and test targets count blind ratings
    only, whatever the policy."""

    target: TargetPolicy = "mean"
    media: MediaPolicy = "copy"
    seed: int = 0
    unedited_drafts: bool = False
    cooldown_range: int = 1
    cooldown_ratings: int = 2
    allow_small_splits: bool = False
    imported_sources: tuple[str, ...] = ()
    keep_screened: bool = False
    simulated_ratings: bool = False
    blind_train: bool = False
    guideline_version: int = 0
    guideline_exact: bool = False
    minimum_watched: int = 0
    minimum_ratings: int = 1
    left_out_generators: tuple[str, ...] = ()
    reasons_from: ReasonPolicy = "closest"

    def __post_init__(self) -> None:
        for name, option in OPTIONS.items():
            value = getattr(self, name)
            if not option.kind.accepts(value):
                raise ReleaseRefused(f"The policy's {name} is {option.kind.expected}; got {value!r}.")
        if self.guideline_exact and not self.guideline_version:
            raise ReleaseRefused(
                "The policy's guideline_exact needs a guideline_version. Guideline versions are numbered from 1."
            )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ReleasePolicy":
        """Return the policy that `to_json` wrote. Raises ReleaseRefused for a choice that does not exist."""
        unknown = value.keys() - OPTIONS.keys()
        if unknown:
            raise ReleaseRefused(f"The policy has no choice called {', '.join(sorted(unknown))}.")
        values: dict[str, Any] = {
            name: tuple(each) if isinstance(OPTIONS[name].kind, Names) and isinstance(each, list) else each
            for name, each in value.items()
        }
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def choose_target(self, split: str) -> TargetPolicy:
        """Return the target of a split: reviewed scores are for train only, val and test take the mean instead."""
        return "mean" if self.target == "reviewed" and split != "train" else self.target

    def complete_name(self, name: str) -> str:
        """Return the name of a release: with simulated ratings, it says so."""
        return f"{name}-{SIMULATED}" if self.simulated_ratings and SIMULATED not in name.lower() else name

    @property
    def has_filters(self) -> bool:
        """Whether the policy leaves out ratings or clips that it counts by default."""
        filters = {name for name, option in OPTIONS.items() if option.group in (Group.RATINGS, Group.CLIPS)}
        return bool(filters & self.list_changes().keys())

    def list_changes(self) -> dict[str, Any]:
        """Return the options that differ from their default."""
        default = ReleasePolicy().to_json()
        return {name: value for name, value in self.to_json().items() if value != default[name]}
