"""The audit trail as CSV: one line per entry, newest first."""

import json
from collections.abc import Iterator

from accounts.audit_trail import Filters, Target, read_entries
from accounts.models import AuditEntry
from qsave.csv_rows import write_csv

HEADER = ("time", "person", "act", "target_type", "target_id", "target", "campaign", "data")


def write_audit_csv(filters: Filters) -> Iterator[str]:
    """Yield the lines, header first. The time is in UTC; `person` is a user name, and empty for acts of the site."""
    return write_csv(HEADER, (_make_cells(entry, target) for entry, target in read_entries(filters)))


def _make_cells(entry: AuditEntry, target: Target | None) -> list[str]:
    return [
        entry.at.isoformat(timespec="seconds"),
        entry.actor.username if entry.actor else "",
        entry.action,
        entry.target_type,
        entry.target_id,
        target.name if target else "",
        entry.campaign,
        json.dumps(entry.data, ensure_ascii=False),
    ]
