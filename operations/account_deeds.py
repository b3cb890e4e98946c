"""Deeds on accounts, written into the audit trail: the room of accounts tells of them, and cannot write here itself."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.dispatch import receiver

from accounts.models import User
from accounts.signals import account_deed
from operations.audit import record


@receiver(account_deed)
def keep(*, actor: User | None, action: str, target: models.Model, data: Mapping[str, Any], **kwargs: object) -> None:
    """In the transaction of the deed."""
    record(actor=actor, action=action, target=target, **data)
