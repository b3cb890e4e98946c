"""Signals by which higher packages learn what happened to an account."""

from django.dispatch import Signal

invitation_accepted = Signal()
"""Sent in the transaction that accepts an invitation, with `user` (the new User) and `invitation` (an Invitation)."""
