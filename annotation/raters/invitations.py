"""Make the person who accepts a campaign's invitation a member of that campaign."""

from django.dispatch import receiver

from accounts.models import Invitation, User
from accounts.signals import invitation_accepted
from annotation.raters.members import add_invited_member


@receiver(invitation_accepted)
def make_member(*, user: User, invitation: Invitation, **kwargs: object) -> None:
    """Runs in the transaction that accepts the invitation."""
    add_invited_member(user=user, invitation=invitation)
