"""What the table of raters needs beside the answers that count: work, check slots and known scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accounts.models import User
from annotation.agreement.answers import stack_rows, stream_rows
from annotation.agreement.scores import read_checks, read_watched_share
from annotation.models import LEFT_OUT, Campaign, Item, Qualification, Rating, RatingRevision
from annotation.rating.work import WATCHED
from qsave.axes import Axis
from qsave.statistics.figures import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Sittings:
    """The work on each rating, over all its revisions: its rater, the seconds, and the largest watched share (NaN if
    the page did not know it), each (ratings,). `revisions` are the number and the newest key of revisions."""

    revisions: tuple[int, int]
    rater: Ints
    seconds: Floats
    watched: Floats

    def compute_means(self) -> tuple[dict[int, float], dict[int, float]]:
        """Return by rater the mean seconds per rating, and the mean watched share of ratings that have one."""
        known = np.isfinite(self.watched)
        return _average(self.rater, self.seconds), _average(self.rater[known], self.watched[known])


def _average(raters: Ints, values: Floats) -> dict[int, float]:
    names, codes, counts = np.unique(raters, return_inverse=True, return_counts=True)
    means = np.bincount(codes, weights=values) / counts
    return dict(zip(names.tolist(), means.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class RaterInputs:
    """`people` are (key, name, whether simulated), by name. `known` are the known scores of items. `checks` are the
    first answers on golds and repeats: (kind of slot, item, rater, axis, score). `qualified` are shares by rater."""

    people: Sequence[tuple[int, str, bool]]
    sittings: Sittings
    known: Mapping[int, Mapping[str, float]]
    checks: Sequence[tuple[str, int, int, Axis, int]]
    qualified: Mapping[int, float]

    def list_parts(self) -> Iterator[Any]:
        """Yield all values, for a digest."""
        yield from (
            self.people,
            self.sittings.revisions,
            self.sittings.rater,
            self.sittings.seconds,
            self.sittings.watched,
        )
        yield from (sorted(self.known.items()), self.checks, sorted(self.qualified.items()))


def read_rater_inputs(campaign: Campaign) -> RaterInputs:
    """Read the inputs. Five queries."""
    raters = Rating.objects.filter(slot__campaign=campaign).values("rater")
    people = User.objects.filter(pk__in=raters).order_by("username", "pk")
    golds = Item.objects.filter(campaign=campaign, gold__isnull=False).values_list("pk", "gold")
    return RaterInputs(
        people=[(person.pk, str(person), person.is_simulated) for person in people],
        sittings=read_sittings(campaign),
        known={pk: gold or {} for pk, gold in golds},
        checks=sorted(read_checks(campaign)),
        qualified=dict(Qualification.objects.filter(campaign=campaign).values_list("rater", "share")),
    )


def read_sittings(campaign: Campaign) -> Sittings:
    """Read the sitting of each rating with its edits, as `annotation.rating.work` merges them, without items that are
    left out. One query."""
    revisions = RatingRevision.objects.filter(rating__slot__campaign=campaign).order_by()
    revisions = revisions.exclude(rating__item__availability__in=LEFT_OUT)
    rows = revisions.values_list("rating", "rating__rater", "seconds_spent", f"viewing__{WATCHED}", "pk")
    clean = ((rating, rater, spent, _read_share(share), pk) for rating, rater, spent, share, pk in stream_rows(rows))
    columns = stack_rows(clean, np.float64, width=5)
    _ratings, first, of_row = np.unique(columns[:, 0], return_index=True, return_inverse=True)
    watched = np.full(len(first), -np.inf)
    np.fmax.at(watched, of_row, columns[:, 3])
    return Sittings(
        revisions=(len(columns), int(columns[:, 4].max(initial=0))),
        rater=columns[first, 1].astype(np.int64),
        seconds=np.bincount(of_row, weights=columns[:, 2], minlength=len(first)).astype(np.float64),
        watched=np.where(np.isfinite(watched), watched, np.nan),
    )


def _read_share(share: Any) -> float:
    known = read_watched_share({WATCHED: share})
    return np.nan if known is None else known
