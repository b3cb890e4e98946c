"""What raters report of a clip (it does not play, the lead should see it), until a lead has settled it."""

from django.db import transaction
from django.utils import timezone

from accounts.models import Role, User
from annotation.models import Skip
from annotation.services.permissions import require
from operations import audit

REPORTS = (Skip.Kind.BROKEN, Skip.Kind.FLAGGED)


@transaction.atomic
def settle(*, actor: User, report: Skip) -> None:
    """The report is dealt with. Who sent it is still not offered the clip. Settling twice changes nothing."""
    require(actor, Role.LEAD)
    waiting = Skip.objects.filter(pk=report.pk, kind__in=REPORTS, settled_at=None)
    if waiting.update(settled_at=timezone.now(), settled_by=actor):
        audit.record(actor=actor, action="report.settled", target=report.item, kind=report.kind)
