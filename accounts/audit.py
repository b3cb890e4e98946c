"""The audit trail: who did what to which object."""

from collections.abc import Iterable, Mapping

from django.db import models

from accounts.models import AuditEntry, User


def record(*, actor: User | None, action: str, target: models.Model, **data: object) -> AuditEntry:
    """Write one entry. Call it in the transaction of the change, so that both are saved or neither.

    `action` reads `thing.done` (`campaign.opened`). `data` must be JSON and must hold nothing secret.
    `actor` is None if the site itself acts.
    """
    return AuditEntry.objects.create(
        actor=actor, action=action, target_type=target._meta.label_lower, target_id=str(target.pk), data=data
    )


def record_all(*, actor: User, action: str, entries: Iterable[tuple[models.Model, Mapping[str, object]]]) -> None:
    """Write one entry for each of many targets, as `record` does, in one query; `entries` pairs each with its data."""
    AuditEntry.objects.bulk_create(
        AuditEntry(
            actor=actor,
            action=action,
            target_type=target._meta.label_lower,
            target_id=str(target.pk),
            data=dict(data),
        )
        for target, data in entries
    )
