"""Read which raters count in a campaign: the newest verdict on each rater decides."""

from collections.abc import Mapping

from annotation.models import Campaign, Screening


def read_verdicts(campaign: Campaign) -> dict[int, Screening]:
    """Return the newest verdict on each rater, with who decided, by the rater's key. One query."""
    verdicts = Screening.objects.filter(campaign=campaign).select_related("decided_by").order_by("created_at", "pk")
    return {verdict.rater_id: verdict for verdict in verdicts}


def read_screened_raters(campaign: Campaign) -> set[int]:
    """Return the raters whose ratings do not count. One query."""
    return list_screened_raters(read_verdicts(campaign))


def list_screened_raters(verdicts: Mapping[int, Screening]) -> set[int]:
    """Return the raters whose ratings do not count, from the newest verdicts."""
    return {rater for rater, verdict in verdicts.items() if is_screened(verdict)}


def is_screened(verdict: Screening | None) -> bool:
    """Return whether a rater with this newest verdict is screened out; without a verdict, their ratings count."""
    return verdict is not None and verdict.verdict == Screening.Verdict.SCREENED
