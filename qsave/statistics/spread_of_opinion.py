"""The SOS parameter: how diverse the opinions on a clip are, as one number for a whole campaign.

Hossfeld, Schatz and Egger (2011): the variance of the scores of a clip of quality x on a scale from 1 to 5 is about
a (x - 1)(5 - x). a is 0 if all raters agree, .25 if a score is 1 plus four tosses of a coin, and 1 if all say 1 or 5.
Tests of video quality have a of about .1 to .3. Far more says that the task or its guideline is unclear.

The hypothesis fits a by least squares on clips with many ratings. With three to five ratings the mean of a clip is
noisy, which makes that too large. Here a is the mean variance over the mean of (x - 1)(5 - x), whose noise is added
back: E[(m - 1)(5 - m)] = (x - 1)(5 - x) - variance / n.
"""

import numpy as np

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.figures import Estimate, Floats, Interval, Ints, Undefined
from qsave.statistics.jackknife import Parts, jackknife
from qsave.statistics.table import RatingTable

_FLAT = 1e-12


def compute_sos(table: RatingTable) -> Estimate:
    """Compute the SOS parameter over clips with two ratings, with an interval over items and raters."""
    paired = table.keep(table.n[table.items] >= 2)
    if not len(paired):
        return Estimate.undefined("no clip has two ratings, so their spread is unknown")
    own = paired.items
    items = _compute_moments(paired.n, paired.sums, paired.sum_by_item(paired.scores**2))
    left = _compute_moments(
        paired.n[own] - 1,
        paired.sums[own] - paired.scores,
        paired.sum_by_item(paired.scores**2)[own] - paired.scores**2,
    )
    parts = Parts(items, np.arange(len(items)), left - items[own], np.arange(len(own)))
    variance, room = parts.total
    if room <= _FLAT:
        return Estimate.undefined("every rating is at an end of the scale: there is no room for another opinion")
    value = float(variance / room)
    if value <= _FLAT:
        return Estimate(0.0, Undefined("too few to say: all ratings of each clip agree"))
    spread = jackknife(paired, parts, _compute_log_ratio)
    if isinstance(spread, Undefined):
        return Estimate(value, spread)
    logs = spread.compute_interval(float(np.log(value)))
    return Estimate(value, Interval(float(np.exp(logs.low)), float(np.exp(logs.high)), logs.population))


def _compute_moments(n: Ints, sums: Floats, squares: Floats) -> Floats:
    """Return the variance of each item and its estimate of (x - 1)(5 - x); both are 0 for fewer than two ratings."""
    several, n = n > 1, np.maximum(n, 2)
    means = sums / n
    variance = (squares - sums * means) / (n - 1)
    room = (means - MIN_LEVEL) * (MAX_LEVEL - means) + variance / n
    return np.where(several[:, None], np.stack([variance, room], axis=1), 0.0)


def _compute_log_ratio(sums: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: Floats = np.log(sums[:, 0] / sums[:, 1])
    return np.where(np.isfinite(logs), logs, np.nan)
