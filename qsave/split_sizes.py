"""How large val and test should be before figures on them say much. The import warns, a release asks."""

from dataclasses import dataclass

HELD_OUT = ("val", "test")
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
