"""Draw the splits of new prompt groups by the site's settings and by what the splits already have."""

from collections import Counter, defaultdict
from collections.abc import Collection, Set

from django.db.models import Count

from annotation.intake.manifests import Row
from annotation.models import HeldOutGenerator, PromptGroup, Split, SplitShares
from qsave.groups import choose_split


class SplitDraw:
    """Draws one split after the other. A group that only held-out generators have is in test, and no draw counts it."""

    def __init__(self, seed: int, *, without: Collection[int] = ()) -> None:
        """Count the stored groups, except those with the keys `without`."""
        self._seed = seed
        self._shares = read_shares()
        self._held_out = read_held_out()
        self._counts: Counter[str] = Counter()
        self._counts_by_generator: defaultdict[str, Counter[str]] = defaultdict(Counter)
        groups = PromptGroup.objects.exclude(generator__in=self._held_out).exclude(pk__in=without)
        counts = groups.values_list("generator", "split").annotate(groups=Count("pk"))
        for generator, split, count in counts.order_by("generator", "split"):
            self._count(generator, split, count)

    def make_group(
        self, row: Row, generators: Set[str], representative: str, *, name: str | None = None
    ) -> PromptGroup:
        """Return an unsaved group of this first row, with the generators of all its rows."""
        others = generators - self._held_out
        generator = row.generator if row.generator in others else min(others, default=row.generator)
        split = self.draw(name or row.prompt, generator) if others else Split.TEST
        return PromptGroup(representative=representative, name=name, split=split, generator=generator)

    def draw(self, prompt: str, generator: str) -> str:
        split = choose_split(
            prompt,
            taken=self._counts,
            taken_by_generator=self._counts_by_generator[generator],
            seed=self._seed,
            shares=self._shares,
        )
        self._count(generator, split, 1)
        return split

    def _count(self, generator: str, split: str, groups: int) -> None:
        self._counts[split] += groups
        self._counts_by_generator[generator][split] += groups


def read_shares() -> dict[str, int]:
    """Return the percentage of new prompt groups that each split gets."""
    shares = SplitShares.objects.first() or SplitShares()
    return {split: getattr(shares, split) for split in Split.values}


def read_held_out() -> frozenset[str]:
    """Return the generators that are held out."""
    return frozenset(HeldOutGenerator.objects.values_list("generator", flat=True))
