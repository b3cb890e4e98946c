"""Tells of deeds on accounts. The audit trail lives in a room above this one and listens here."""

from django.dispatch import Signal

account_deed = Signal()
"""Sent in the deed's transaction with `actor` (User or None), `action`, `target` (a model row) and `data` (a dict)."""
