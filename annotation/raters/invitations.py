"""Deeds on accounts that concern campaigns: the room of accounts tells of them, and knows no campaigns itself."""

from django.db import models
from django.dispatch import receiver

from accounts.models import Invitation, User
from accounts.signals import account_deed
from annotation.raters.members import welcome


@receiver(account_deed)
def make_member(*, actor: User | None, action: str, target: models.Model, **kwargs: object) -> None:
    """In the transaction of the deed."""
    if action == "invitation.accepted" and actor is not None and isinstance(target, Invitation):
        welcome(user=actor, invitation=target)
