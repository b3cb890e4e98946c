"""Signs that a rater may be rubber-stamping: reasons to look, never a verdict. A lead decides.

A sign needs LEAST_RATINGS ratings. What is usual is the median of the campaign's raters.
"""

from collections.abc import Iterable, Sequence
from statistics import median

from django.utils.translation import gettext as _

from annotation.agreement.rater_table import RaterRow
from qsave.statistics.evidence import LEAST_CLIPS
from qsave.statistics.figures import Figure, Undefined

LEAST_RATINGS = LEAST_CLIPS
LEAST_CHECKS = 5
"""Fewest golds or repeats that say something."""
LEAST_RATERS = 3
"""Fewest raters of whom a median says what is usual."""
FAST = 0.4
"""A rater is fast whose mean time is below this share of the median rater's."""
WATCHED = 0.7
CONFIRMED = 0.9
FLAT = 0.5
"""Scores are flat whose spread is below this share of the median rater's."""
WITHIN_ONE = 0.7


def list_signs(raters: Sequence[RaterRow]) -> dict[int, list[str]]:
    """Return the signs of each rater who shows some, by their key, in words."""
    experienced = [rater for rater in raters if rater.ratings >= LEAST_RATINGS]
    usual_seconds = _find_median(rater.seconds for rater in experienced)
    usual_spread = _find_median(rater.spread for rater in experienced)
    signs = {rater.rater: [*_list_conduct(rater, usual_seconds, usual_spread)] for rater in experienced}
    return {rater: words for rater, words in signs.items() if words}


def _list_conduct(rater: RaterRow, usual_seconds: float | None, usual_spread: float | None) -> Iterable[str]:
    seconds, spread = rater.seconds, rater.spread
    if usual_seconds and not isinstance(seconds, Undefined) and seconds < FAST * usual_seconds:
        words = _("Rates in %(seconds)s s; the median rater takes %(usual)s s.")
        yield words % {"seconds": f"{seconds:.0f}", "usual": f"{usual_seconds:.0f}"}
    if _is_below(rater.watched, WATCHED):
        yield _("Watches %(share)s of a clip on average.") % {"share": f"{rater.watched:.0%}"}
    if not isinstance(rater.drafts_confirmed, Undefined) and rater.drafts_confirmed > CONFIRMED:
        yield _("Leaves %(share)s of drafts unedited.") % {"share": f"{rater.drafts_confirmed:.0%}"}
    if usual_spread and not isinstance(spread, Undefined) and spread < FLAT * usual_spread:
        words = _("Gives almost the same score to every clip: SD %(spread)s; the median rater's is %(usual)s.")
        yield words % {"spread": f"{spread:.2f}", "usual": f"{usual_spread:.2f}"}
    if rater.gold.n >= LEAST_CHECKS and _is_below(rater.gold.within_one, WITHIN_ONE):
        yield _("Is within one level on %(share)s of golds.") % {"share": f"{rater.gold.within_one:.0%}"}
    if rater.repeats.n >= LEAST_CHECKS and _is_below(rater.repeats.within_one, WITHIN_ONE):
        words = _("Is within one level of their own first score on %(share)s of repeats.")
        yield words % {"share": f"{rater.repeats.within_one:.0%}"}


def _is_below(figure: Figure, limit: float) -> bool:
    return not isinstance(figure, Undefined) and figure < limit


def _find_median(figures: Iterable[Figure]) -> float | None:
    defined = [figure for figure in figures if not isinstance(figure, Undefined)]
    return median(defined) if len(defined) >= LEAST_RATERS else None
