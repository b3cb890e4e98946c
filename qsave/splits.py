"""The splits of a release, and the least size of val and test for useful figures.

The import warns about small splits; a release with small splits needs a policy that allows them.
"""

from dataclasses import dataclass

SPLITS = ("train", "val", "test")
HELD_OUT = ("val", "test")
"""The splits on which critics are evaluated: they are never trained on, and their clips get no drafts."""
LEAST_CLIPS = 20
LEAST_GROUPS = 10


@dataclass(frozen=True, slots=True)
class SplitSize:
    """The numbers of clips and of prompt groups in a split."""

    clips: int = 0
    groups: int = 0

    @property
    def is_small(self) -> bool:
        return self.clips < LEAST_CLIPS or self.groups < LEAST_GROUPS
