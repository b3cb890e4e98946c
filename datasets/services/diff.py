"""Compare two frozen releases of one campaign."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path

from django.utils.translation import gettext as _

from datasets.models import Release
from datasets.services.policy import ReleaseRefused
from datasets.services.releases import locate_release
from qsave.release.diff import Change, Kind, compare_rows
from qsave.release.diff_summary import Summary, list_moves, summarise
from qsave.release.manifest import FORMAT
from qsave.words import isolate

PAGE = 50


@dataclass(frozen=True, slots=True)
class ReleasePair:
    """Two releases of a campaign; `before` has the lower number."""

    before: Release
    after: Release

    def summarise(self) -> Summary:
        """Return what differs. Raises ReleaseError if a folder cannot be read, ReleaseRefused if one is withdrawn."""
        return _summarise(*self._locate(), self.before.content_hash, self.after.content_hash)

    def read_page(self, kind: Kind, start: int) -> tuple[list[Change], int | None]:
        """Return the changes of one kind from a position on, and the position of the next page, if there are more.

        Of targets, those whose MOS moved, the largest move first. Raises what `summarise` raises.
        """
        changes = compare_rows(*self._locate(), kind)
        end = start + PAGE
        rows = list_moves(changes, end + 1)[start:] if kind == Kind.TARGET else list(islice(changes, start, end + 1))
        return rows[:PAGE], end if len(rows) > PAGE else None

    def read_all(self) -> Iterator[Change]:
        """Yield every change. Raises what `summarise` raises."""
        folders = self._locate()
        return chain.from_iterable(compare_rows(*folders, kind) for kind in Kind)

    def _locate(self) -> tuple[Path, Path]:
        return locate_release(self.before), locate_release(self.after)


def list_others(release: Release) -> list[Release]:
    """Return the frozen releases of the same campaign with which a release can be compared, newest first."""
    others = Release.objects.filter(campaign=release.campaign_id, state=Release.State.FROZEN, format=FORMAT)
    return list(others.exclude(pk=release.pk))


def make_pair(release: Release, other: int | None) -> ReleasePair:
    """Return a release with another one of its campaign, by its number.

    Without a number, the other one is its parent, or the next older release if the parent is withdrawn. Raises
    ReleaseRefused if no such release can be compared.
    """
    locate_release(release)
    chosen = _choose(release, other)
    if chosen is None:
        raise ReleaseRefused(
            _("%(campaign)s has no older release to compare this one with.") % {"campaign": isolate(release.campaign)}
        )
    return ReleasePair(*sorted((release, chosen), key=lambda one: one.number))


def _choose(release: Release, other: int | None) -> Release | None:
    if other is None:
        return next((one for one in list_others(release) if one.number < release.number), None)
    chosen = Release.objects.filter(campaign=release.campaign_id, number=other).exclude(pk=release.pk).first()
    if chosen is None:
        raise ReleaseRefused(
            _("%(campaign)s has no other release with the number %(number)s. Choose one from the list.")
            % {"campaign": isolate(release.campaign), "number": other}
        )
    locate_release(chosen)
    return chosen


@lru_cache(maxsize=32)
def _summarise(before: Path, after: Path, before_hash: str, after_hash: str) -> Summary:
    """Compare two folders. Frozen releases never change, so a summary stays right for as long as the hashes do."""
    return summarise(before, after)
