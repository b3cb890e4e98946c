"""Notice cheaply whether anything changed that a campaign's figures may depend on.

Ratings and their edits add revisions, and every other change adds a draft, an imported judgement or an entry of the
audit trail. For each of these tables a mark remembers the newest key of all rows, and how many of the last WINDOW keys
before it and of all later ones concern the campaign. A later row changes that number. So does a row with a lower key
that became visible later, as it may on PostgreSQL if two transactions store rows at once.
"""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, Max, Model, Q

from accounts.models import AuditEntry
from annotation.models import Campaign, Draft, ImportedJudgement, RatingRevision

WINDOW = 1000
MOST_PASSED = 10 * WINDOW
"""After this many rows of others, a mark moves forward, so that the next look reads few rows."""

Marks = Mapping[str, tuple[int, int]]
"""By table: the newest key, and the number of the campaign's rows after `newest - WINDOW`."""


def _list_sources(campaign: Campaign) -> dict[str, tuple[type[Model], Q]]:
    """Return the tables, and which of their rows concern the campaign.

    Entries without a campaign are those on clips, prompts and splits, which several campaigns may use.
    """
    of_all_campaigns = Q(campaign="", target_type__startswith="annotation.") | Q(action="user.renamed")
    return {
        "revisions": (RatingRevision, Q(rating__slot__campaign=campaign)),
        "drafts": (Draft, Q(item__campaign=campaign)),
        "judgements": (ImportedJudgement, Q(pk__isnull=False)),
        "entries": (AuditEntry, Q(campaign=campaign.name) | of_all_campaigns),
    }


def take_marks(campaign: Campaign) -> Marks:
    """Return the present marks. Two queries for each table."""
    marks = {}
    for name, (model, _concerns) in _list_sources(campaign).items():
        newest = model._default_manager.aggregate(newest=Max("pk"))["newest"] or 0
        marks[name] = (newest, _look(campaign, name, newest)[0])
    return marks


def compare_marks(campaign: Campaign, marks: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return whether anything changed since, and whether the marks should move forward. One query for each table."""
    moved = False
    for name in _list_sources(campaign):
        newest, count = marks.get(name, (0, -1))
        now, latest = _look(campaign, name, newest)
        if now != count:
            return True, False
        moved |= latest > newest + MOST_PASSED
    return False, moved


def _look(campaign: Campaign, name: str, newest: int) -> tuple[int, int]:
    """Return the number of the campaign's rows after `newest - WINDOW`, and the newest key of all rows."""
    model, concerns = _list_sources(campaign)[name]
    rows = model._default_manager.filter(pk__gt=newest - WINDOW)
    state = rows.aggregate(count=Count("pk", filter=concerns), latest=Max("pk"))
    return state["count"], state["latest"] or 0
