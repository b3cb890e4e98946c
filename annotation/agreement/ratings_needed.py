"""How many ratings a clip needs before its MOS is known to within 0.3, and how many a campaign lacks."""

from dataclasses import dataclass

from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.agreement.basis import Spread
from annotation.models import Campaign
from qsave.axes import AXES, Axis
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.mos import LEAST_SD, compute_half_width, count_ratings_needed

HALF_WIDTH = 0.3
MOST_ADVISED = 15
"""Most ratings of a clip that the page advises. Beyond that, raters differ too much for more ratings to help."""


@dataclass(frozen=True, slots=True)
class Needed:
    """One axis. `now` is the half width that the overlap gives; `more` is how many rating slots a clip lacks.

    `thin` is the sentence to show first if the spread rests on too few clips.
    """

    axis: Axis
    sd: Figure
    ratings: int | Undefined
    more: int | Undefined
    now: Figure
    thin: str

    @property
    def is_beyond(self) -> bool:
        """Whether more ratings are needed than anybody should ask for."""
        return not isinstance(self.ratings, Undefined) and self.ratings > MOST_ADVISED

    @property
    def most_advised(self) -> int:
        return MOST_ADVISED


def compute_needed(axis: Axis, spread: Spread, overlap: int) -> Needed:
    """Return how many ratings a spread within clips needs; if the spread is undefined, the same reason."""
    sd, thin = spread.sd, spread.basis.thin
    if isinstance(sd, Undefined):
        return Needed(axis, sd, sd, sd, sd, thin)
    least = max(sd, LEAST_SD)
    ratings = count_ratings_needed(least, HALF_WIDTH)
    now: Figure = compute_half_width(least, overlap) if overlap > 1 else Undefined("one rating has no interval")
    return Needed(axis, sd, ratings, max(0, ratings - overlap), now, thin)


def read_needed(campaign: Campaign) -> list[Needed]:
    """Return each axis, from counted ratings. One query for each axis."""
    return [compute_needed(axis, read_axis_tallies(campaign, axis).spread, campaign.overlap) for axis in AXES]
