"""The audit trail: who did what to what."""

from django.db import models

from accounts.models import User
from operations.models import AuditEntry


def record(*, actor: User | None, action: str, target: models.Model, **data: object) -> AuditEntry:
    """Write one entry. Call it in the transaction of the deed, so that neither is there without the other.

    `action` reads `thing.done` (`campaign.opened`); `data` is what JSON can hold, and holds nothing secret.
    `actor` is None where the site itself acts.
    """
    return AuditEntry.objects.create(
        actor=actor, action=action, target_type=target._meta.label_lower, target_id=str(target.pk), data=data
    )
