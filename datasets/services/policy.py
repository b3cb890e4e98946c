"""The choices that shape a release. They are stored in its row and stated in its manifest and its card."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from qsave.splits import HELD_OUT, LEAST_CLIPS, LEAST_GROUPS, SplitSize
from qsave.statistics.p910 import LEAST_PANEL
from qsave.statistics.screening import LEAST_RATINGS

TargetPolicy = Literal["mean", "bias_corrected", "bt500", "p910", "reviewed"]
MediaPolicy = Literal["copy", "none"]


class ReleaseRefused(ValueError):
    """The release cannot be made; the message says why and what to do."""


class NoTrainRows(ReleaseRefused):
    """The release would have nothing to train on."""

    def __init__(self, campaign: str, policy: "ReleasePolicy") -> None:
        reviewed = policy.choose_target("train") == "reviewed"
        super().__init__(
            f"No clip of the train split of campaign {campaign} has a target under the policy {policy.target}: there "
            "would be nothing to train on. "
            + ("Review some of them, or choose another target." if reviewed else "Rate some of them first.")
        )


class SmallSplits(ReleaseRefused):
    """Val or test would be small, and the policy does not allow it."""

    def __init__(self, small: Mapping[str, SplitSize]) -> None:
        self.sizes = "; ".join(f"{split} has {_count_in_words(size)}" for split, size in small.items())
        super().__init__(
            f"{self.sizes}. Figures on fewer than {LEAST_CLIPS} clips or {LEAST_GROUPS} prompt groups say little. "
            "Import and rate more clips, or allow it with allow_small_splits in the policy (--allow-small-splits on "
            "the command line)."
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


def _are_names(value: object) -> bool:
    """Return whether a value is a tuple of different texts that are not empty."""
    return (
        isinstance(value, tuple)
        and all(isinstance(name, str) and name for name in value)
        and len({*value}) == len(value)
    )


@dataclass(frozen=True, slots=True)
class TargetKind:
    """One way to make targets: its name on pages, its rule in manifests, and why a clip with ratings has no target."""

    label: str | Promise
    rule: str
    why_none: str


TARGETS: dict[TargetPolicy, TargetKind] = {
    "mean": TargetKind(_("Mean of the ratings (MOS)"), "mean of the counted ratings", "no counted rating"),
    "bias_corrected": TargetKind(
        _("Mean corrected for raters' biases (mixed model)"),
        "mean corrected for the raters' biases by a mixed model (raters random, REML)",
        "no counted rating",
    ),
    "bt500": TargetKind(
        format_lazy(_("Mean after BT.500 screening (clips with {least} ratings or more)"), least=LEAST_RATINGS),
        f"mean after BT.500 screening; clips with fewer than {LEAST_RATINGS} counted ratings are left out",
        f"fewer than {LEAST_RATINGS} counted ratings, which BT.500 needs, or none left after screening",
    ),
    "p910": TargetKind(
        format_lazy(_("P.910 (panels: clips with {least} ratings or more)"), least=LEAST_PANEL),
        f"P.910 alternating projection; clips with fewer than {LEAST_PANEL} counted ratings are left out",
        f"fewer than {LEAST_PANEL} counted ratings, which P.910 needs",
    ),
    "reviewed": TargetKind(
        _("Reviewed clips only (the lead's scores)"),
        "the lead's reviewed score; clips without a review are left out",
        "not reviewed",
    ),
}


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """What a release counts and copies. Val and test targets count blind ratings only, whatever the policy."""

    target: TargetPolicy = "mean"
    media: MediaPolicy = "copy"
    seed: int = 0
    """Breaks ties between equally good reasons, and seeds the intervals of the card."""
    unedited_drafts: bool = False
    """Whether a critic's words that a rater accepted unedited may become a training target."""
    cooldown_range: int = 1
    """Most levels by which the blind scores of a cool-down clip differ, on every axis."""
    cooldown_ratings: int = 2
    """Fewest blind ratings of a cool-down clip."""
    allow_small_splits: bool = False
    """Whether val and test may have fewer than LEAST_CLIPS clips or LEAST_GROUPS prompt groups."""
    imported_sources: tuple[str, ...] = ()
    """The sources of ratings made elsewhere that the release has in a file of their own. No target counts them."""

    def __post_init__(self) -> None:
        for name, kind in (("target", TargetPolicy), ("media", MediaPolicy)):
            if getattr(self, name) not in get_args(kind):
                raise ReleaseRefused(
                    f"The policy's {name} is one of {', '.join(get_args(kind))}; got {getattr(self, name)!r}."
                )
        for name in ("seed", "cooldown_range", "cooldown_ratings"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 0:
                raise ReleaseRefused(f"The policy's {name} is a whole number from 0; got {getattr(self, name)!r}.")
        for name in ("unedited_drafts", "allow_small_splits"):
            if type(getattr(self, name)) is not bool:
                raise ReleaseRefused(f"The policy's {name} is true or false; got {getattr(self, name)!r}.")

        if not _are_names(self.imported_sources):
            raise ReleaseRefused(
                f"The policy's imported_sources is a list of different names; got {self.imported_sources!r}."
            )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ReleasePolicy":
        """Return the policy that `to_json` wrote. Raises ReleaseRefused for a choice that does not exist."""
        unknown = value.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ReleaseRefused(f"The policy has no choice called {', '.join(sorted(unknown))}.")
        sources = value.get("imported_sources", ())
        return cls(**dict(value) | {"imported_sources": tuple(sources) if isinstance(sources, list) else sources})

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"imported_sources": list(self.imported_sources)}

    def choose_target(self, split: str) -> TargetPolicy:
        """Return the target of a split: reviewed scores are for train only, val and test take the mean instead."""
        return "mean" if self.target == "reviewed" and split != "train" else self.target

    def describe(self) -> dict[str, Any]:
        """Return the choices together with the fixed rules, as the manifest states them."""
        held_out = self.choose_target("val")
        choices = self.to_json()
        if self.imported_sources:
            choices["imported_judgements"] = (
                "in judgements.parquet, on the scales of their sources; no target counts them"
            )
        else:  # so that the manifest of a release without them is as it was
            del choices["imported_sources"]
        return choices | {
            "target_of_val_and_test": "blind ratings only" + (f", {held_out}" if held_out != self.target else ""),
            "target_of_train": TARGETS[self.target].rule,
            "blind": "drawn blind, or rated while no critic was active in the campaign",
            "agreement": "blind ratings only; so is the pooled SD behind the standard errors, and the cool-down",
            "level": "MOS rounded half up (2.5 -> 3)",
            "ratings": "the current revision of each rating in a rating slot; golds, repeats, qualification clips "
            "and screened raters do not count",
            "reasons": (
                "axis by axis: reviewed text on train, else the rater whose score is closest to the target, then whose "
                "defects are most like the target's, a blind rater before an assisted one, ties by seed; an answer "
                "lists the defects of the target, no matter who wrote its reason"
            ),
            "defects": "reviewed on train, else those that at least half of the counted raters name in own words; "
            "if nobody has own words, the target says so (described: false)",
            "drafts": "as submitted" if self.unedited_drafts else "a draft accepted without an edit is no target",
            "splits": "stored with the prompt group at import, before any rating",
        }
