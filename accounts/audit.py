"""The audit trail: who did what to which object, and in which campaign."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import models

from accounts.models import AuditEntry, User

_campaign_finders: dict[str, Callable[[Any], str]] = {}


def register_campaign_finder(label: str) -> Callable[[Callable[[Any], str]], Callable[[Any], str]]:
    """Register how to find the name of the campaign that a target belongs to; `label` is its model's."""

    def register(find: Callable[[Any], str]) -> Callable[[Any], str]:
        _campaign_finders[label] = find
        return find

    return register


def record(*, actor: User | None, action: str, target: models.Model, **data: object) -> AuditEntry:
    """Write one entry. Call it in the transaction of the change, so that both are saved or neither.

    `action` reads `thing.done` (`campaign.opened`) and has a sentence (`accounts.audit_trail`). `data` must be JSON and
    must hold nothing secret. `actor` is None if the site itself acts.
    """
    entry = _make_entry(actor, action, target, data)
    entry.save()
    return entry


def record_all(
    *, actor: User | None, action: str, entries: Iterable[tuple[models.Model, Mapping[str, object]]]
) -> list[AuditEntry]:
    """Write one entry for each of many targets, as `record` does, in one query; `entries` pairs each with its data."""
    return AuditEntry.objects.bulk_create(_make_entry(actor, action, target, data) for target, data in entries)


def _make_entry(actor: User | None, action: str, target: models.Model, data: Mapping[str, object]) -> AuditEntry:
    label = target._meta.label_lower
    return AuditEntry(
        actor=actor,
        action=action,
        target_type=label,
        target_id=str(target.pk),
        campaign=_find_campaign(label, target, data),
        data=dict(data),
    )


def _find_campaign(label: str, target: models.Model, data: Mapping[str, object]) -> str:
    named = data.get("campaign")
    if isinstance(named, str):
        return named
    find = _campaign_finders.get(label)
    return find(target) if find else ""
