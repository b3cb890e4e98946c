"""The splits of a release, and how large val and test must be before figures on them say much.

The import warns of small splits; building a release asks about them.
"""

from dataclasses import dataclass

SPLITS = ("train", "val", "test")
HELD_OUT = ("val", "test")
"""The splits that nothing is trained on and no draft is shown in: critics are measured there."""
LEAST_CLIPS = 20
LEAST_GROUPS = 10


@dataclass(frozen=True, slots=True)
class SplitSize:
    """How many clips of how many prompt groups a split has."""

    clips: int = 0
    groups: int = 0

    @property
    def is_small(self) -> bool:
        return self.clips < LEAST_CLIPS or self.groups < LEAST_GROUPS
