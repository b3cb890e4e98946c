"""Pseudonyms: the names of raters in a campaign's releases."""

import hashlib
import hmac
from uuid import UUID

from annotation.models import Campaign

LENGTH = 16


def make_pseudonym(campaign: Campaign, person: UUID) -> str:
    """Return the name of a person in this campaign's releases.

    It is an HMAC of the person's UUID under the campaign's salt, which is never released. A restored backup has both
    and so gives the same pseudonyms. Ratings that are imported into another campaign get others: its salt differs.
    """
    return _compute_hmac(campaign, str(person))


def make_source_pseudonym(campaign: Campaign, source: str, rater: str) -> str:
    """Return the name of a rater of another source in this campaign's releases; empty if the rater is unknown."""
    return _compute_hmac(campaign, f"{source}\0{rater}") if rater else ""


def _compute_hmac(campaign: Campaign, text: str) -> str:
    return hmac.new(campaign.salt.encode(), text.encode(), hashlib.sha256).hexdigest()[:LENGTH]
