"""Queue the computation of stored figures soon after something changed, without a part in any write."""

from annotation.agreement.change_marks import find_changed_campaigns, read_newest_keys
from annotation.agreement.stored import read_figures
from annotation.models import AgreementFigures, Campaign


class FiguresWatch:
    """What one process has seen. Only figures that somebody has asked for are kept current."""

    def __init__(self) -> None:
        self._seen: tuple[int, ...] = ()
        self._unsettled: set[int] = set()

    def look(self) -> None:
        """Queue what changed since the last look, and what had to wait then. One query if nothing did."""
        newest = read_newest_keys()
        if newest != self._seen:
            stored = AgreementFigures.objects.all()
            if self._seen:
                stored = stored.filter(campaign__in=find_changed_campaigns(self._seen))
            self._unsettled |= set(stored.values_list("campaign", flat=True))
            self._seen = newest
        for campaign in Campaign.objects.filter(pk__in=self._unsettled) if self._unsettled else ():
            if read_figures(campaign).is_settled:
                self._unsettled.discard(campaign.pk)
