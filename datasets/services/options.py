"""The options of a release: the one table that the policy, the page, the API, the command and the docs read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.p910 import LEAST_PANEL
from qsave.statistics.screening import LEAST_RATINGS

TargetPolicy = Literal["mean", "bias_corrected", "bt500", "p910", "reviewed"]
MediaPolicy = Literal["copy", "none"]
ReasonPolicy = Literal["closest", "blind", "none"]

Words = str | Promise
LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TargetKind:
    """One way to make targets: its name on pages, its rule in manifests, and why a clip with ratings has no target."""

    label: Words
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
class Choice:
    """One of several values, each with its label."""

    labels: Mapping[str, Words]

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.labels)}"

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value in self.labels


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    expected = "true or false"

    def accepts(self, value: object) -> bool:
        return type(value) is bool


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from `low` to `high`."""

    low: int = 0
    high: int = LARGEST

    @property
    def expected(self) -> str:
        return f"a whole number from {self.low}" + (f" to {self.high}" if self.high < LARGEST else "")

    def accepts(self, value: object) -> bool:
        return type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Names:
    """Different names; any number of them."""

    expected = "a list of different names"

    def accepts(self, value: object) -> bool:
        return (
            isinstance(value, tuple)
            and all(isinstance(name, str) and name for name in value)
            and len({*value}) == len(value)
        )


class Group(StrEnum):
    """What options are about; the page has a part for each."""

    TARGETS = "targets"
    RATINGS = "ratings"
    CLIPS = "clips"
    REASONS = "reasons"
    COOLDOWN = "cooldown"
    CONTENTS = "contents"


GROUPS: dict[Group, Words] = {
    Group.TARGETS: _("Targets"),
    Group.RATINGS: _("Ratings that count"),
    Group.CLIPS: _("Clips"),
    Group.REASONS: _("Reasons"),
    Group.COOLDOWN: _("Cool-down"),
    Group.CONTENTS: _("Contents"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """One option: the texts are those of the page. `flag` is the command's, if not the option's own name."""

    group: Group
    kind: Choice | Flag | Number | Names
    label: Words
    help: Words
    flag: str = ""


OPTIONS: dict[str, Option] = {
    "target": Option(
        Group.TARGETS,
        Choice({name: kind.label for name, kind in TARGETS.items()}),
        _("Target"),
        _(
            "The score that a critic learns. Train clips without a target are left out and counted. Targets of val and "
            "test count blind ratings only and are never the lead's scores."
        ),
    ),
    "keep_screened": Option(
        Group.RATINGS,
        Flag(),
        _("Count ratings of raters who were screened out"),
        _("Off by default: a lead decided that these raters do not count."),
    ),
    "simulated_ratings": Option(
        Group.RATINGS,
        Flag(),
        _("Count simulated ratings"),
        _("Ratings by programs. The release then has the word “simulated” in its name and its card."),
    ),
    "blind_train": Option(
        Group.RATINGS,
        Flag(),
        _("Leave assisted ratings out of train"),
        _("Val and test count blind ratings only in any case."),
    ),
    "guideline_version": Option(
        Group.RATINGS,
        Number(),
        _("Guideline version"),
        _("Count only ratings that were made under this version or a later one. 0 counts all."),
    ),
    "guideline_exact": Option(
        Group.RATINGS,
        Flag(),
        _("Exactly this guideline version"),
        _("Count no ratings that were made under later versions."),
    ),
    "minimum_watched": Option(
        Group.RATINGS,
        Number(0, 100),
        _("Least share of the clip that was watched, in percent"),
        _("Above 0, ratings whose page did not report the share do not count."),
    ),
    "minimum_ratings": Option(
        Group.CLIPS,
        Number(1, 1000),
        _("Fewest ratings of a clip"),
        _("Clips with fewer ratings that count are left out of every split."),
    ),
    "left_out_generators": Option(
        Group.CLIPS,
        Names(),
        _("Generators to leave out"),
        _("Their clips are left out of every split."),
        flag="left-out-generator",
    ),
    "reasons_from": Option(
        Group.REASONS,
        Choice(
            {
                "closest": _("Reviewed text, then the rater closest to the target"),
                "blind": _("Reviewed text, then blind ratings only"),
                "none": _("No reasons: the release has no sft and cool-down rows"),
            }
        ),
        _("Reasons of the sft rows"),
        _("Of raters who are equally close to the target, a blind one comes before an assisted one."),
    ),
    "unedited_drafts": Option(
        Group.REASONS,
        Flag(),
        _("Train on drafts that raters accepted unedited"),
        _("Off by default, so that a critic does not learn from its own words unnoticed."),
    ),
    "cooldown_range": Option(
        Group.COOLDOWN,
        Number(0, MAX_LEVEL - MIN_LEVEL),
        _("Levels by which blind scores may differ"),
        _("A train clip is in the cool-down if its blind scores differ by no more than this on every axis."),
    ),
    "cooldown_ratings": Option(
        Group.COOLDOWN,
        Number(),
        _("Fewest blind ratings of a cool-down clip"),
        _("One rating cannot agree with another, so the default is 2."),
    ),
    "media": Option(
        Group.CONTENTS,
        Choice({"copy": _("Copy the clips into the release"), "none": _("Leave the clips out")}),
        _("Clip files"),
        _("Without the clips a release is small, but its rows name files that it does not have."),
    ),
    "seed": Option(
        Group.CONTENTS,
        Number(),
        _("Seed"),
        _("Breaks ties between equally good reasons."),
    ),
    "imported_sources": Option(
        Group.CONTENTS,
        Names(),
        _("Ratings made elsewhere"),
        _("The release gets those of the chosen sources in a file of their own. No target counts them."),
        flag="imported-source",
    ),
    "allow_small_splits": Option(
        Group.CONTENTS,
        Flag(),
        _("Freeze the release with small splits"),
        _("Figures on a small val or test split are not reliable."),
    ),
}
"""The options by the name of their field in `ReleasePolicy`, in the order of the page."""
