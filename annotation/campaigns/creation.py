"""Tell higher packages that a campaign was created, since this package imports none of them."""

from django.dispatch import Signal

campaign_created = Signal()
"""Sent with `actor` and `campaign`, in the transaction that creates the campaign. Receivers may write in it."""
