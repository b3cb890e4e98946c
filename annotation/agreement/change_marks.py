"""Notice cheaply whether anything changed that a campaign's figures may depend on.

Ratings and their edits add revisions, and every other change adds a draft, an imported judgement or an entry of the
audit trail. For each of these tables a mark remembers the newest key of all rows, and how many of the last WINDOW keys
before it and of all later ones concern the campaign. A later row changes that number. So does a row with a lower key
that became visible later, as it may on PostgreSQL if two transactions store rows at once.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Model, Q, QuerySet

from accounts.models import AuditEntry
from annotation.models import Campaign, Draft, ImportedJudgement, RatingRevision

WINDOW = 1000
MOST_PASSED = 10 * WINDOW
"""After this many rows of others, a mark moves forward, so that the next look reads few rows."""

_TABLES: tuple[type[Model], ...] = (RatingRevision, AuditEntry, Draft, ImportedJudgement)
_OF_ALL_CAMPAIGNS = Q(campaign="", target_type__startswith="annotation.") | Q(action="user.renamed")
"""Entries on clips, prompts and splits, which several campaigns may use, and on names of raters."""

Marks = Mapping[str, tuple[int, int]]
"""By table: the newest key, and the number of the campaign's rows after `newest - WINDOW`."""


def _list_sources(campaign: Campaign) -> dict[str, tuple[type[Model], Q]]:
    """Return the tables, and which of their rows concern the campaign."""
    return {
        "revisions": (RatingRevision, Q(rating__slot__campaign=campaign)),
        "drafts": (Draft, Q(item__campaign=campaign)),
        "judgements": (ImportedJudgement, Q(pk__isnull=False)),
        "entries": (AuditEntry, Q(campaign=campaign.name) | _OF_ALL_CAMPAIGNS),
    }


def read_newest_keys() -> tuple[int, ...]:
    """Return the newest key of each table, whatever the campaign. One query."""
    newest = ", ".join(f"(SELECT MAX(id) FROM {model._meta.db_table})" for model in _TABLES)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {newest}")
        row = cursor.fetchone()
    return tuple(key or 0 for key in row)


def find_changed_campaigns(seen: tuple[int, ...]) -> QuerySet[Campaign]:
    """Return the campaigns that rows after the newest keys `seen` may concern. Two queries, and its own."""
    revision, entry, draft, judgement = seen
    entries = AuditEntry.objects.filter(pk__gt=entry).filter(_OF_ALL_CAMPAIGNS)
    if ImportedJudgement.objects.filter(pk__gt=judgement).exists() or entries.exists():
        return Campaign.objects.all()
    named = AuditEntry.objects.filter(pk__gt=entry).values("campaign")
    rated = RatingRevision.objects.filter(pk__gt=revision).values("rating__slot__campaign")
    drafted = Draft.objects.filter(pk__gt=draft).values("item__campaign")
    return Campaign.objects.filter(Q(name__in=named) | Q(pk__in=rated) | Q(pk__in=drafted))


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
