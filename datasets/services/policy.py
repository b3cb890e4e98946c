"""Every choice that shapes a release, stated once: it stands in the release's row, its manifest and its card."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

TargetPolicy = Literal["mean", "bt500", "p910", "reviewed"]
MediaPolicy = Literal["copy", "none"]

ASSUMED_SD = 1.0
"""Levels. Taken for the spread of ratings on an axis where no clip has two ratings that could show it."""


class ReleaseRefused(ValueError):
    """A release that cannot be made; the message says why and how to go on."""


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """What a release counts and copies. Val and test targets count blind ratings only, whatever stands here."""

    target: TargetPolicy = "mean"
    media: MediaPolicy = "copy"
    seed: int = 0
    """Breaks ties between equally good reasons, and seeds the intervals of the card."""
    unedited_drafts: bool = False
    """Whether words of a critic that a rater left as they were may become a training target."""
    cooldown_range: int = 1
    """Cool-down takes train clips whose counted scores differ by at most so many levels on every axis."""
    cooldown_ratings: int = 2
    """... and that have at least so many of them."""

    def __post_init__(self) -> None:
        for name, kind in (("target", TargetPolicy), ("media", MediaPolicy)):
            if getattr(self, name) not in get_args(kind):
                raise ReleaseRefused(f"{name} is one of {', '.join(get_args(kind))}; got {getattr(self, name)!r}")
        for name in ("seed", "cooldown_range", "cooldown_ratings"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 0:
                raise ReleaseRefused(f"{name} is a whole number from 0; got {getattr(self, name)!r}")
        if type(self.unedited_drafts) is not bool:
            raise ReleaseRefused(f"unedited_drafts is true or false; got {self.unedited_drafts!r}")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ReleasePolicy":
        """The inverse of `to_json`; raises ReleaseRefused for a choice that there is not."""
        unknown = value.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ReleaseRefused(f"a release has no choice called {', '.join(sorted(unknown))}")
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def stated(self) -> dict[str, Any]:
        """The choices with the fixed rules beside them, as the manifest tells them."""
        return self.to_json() | {
            "target_of_val_and_test": "blind ratings only" + (", mean" if self.target == "reviewed" else ""),
            "level": "MOS rounded half up (2.5 -> 3)",
            "ratings": "the current revision of each rating on a seat; golds, repeats, qualification clips "
            "and screened raters do not count",
            "reasons": (
                "axis by axis: reviewed text on train, else the rater whose score is closest to the target, a blind "
                "rater before an assisted one, ties by seed"
            ),
            "defects": "reviewed on train, else those that at least half of the counted raters name in own words",
            "drafts": "as submitted" if self.unedited_drafts else "a draft accepted without an edit is no target",
            "splits": "stored with the prompt group at import, before any rating",
        }
