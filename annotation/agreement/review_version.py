"""What a lead saw of a clip before they decide, so that two leads at once never overwrite each other.

A version names the newest act on the clip in the audit trail, and has a digest of what else a decision rests on: the
ratings that count, the file of the clip, and whether it is given out. An act carries the version that its page showed,
and is refused if the clip has another one by then.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape

from django.db.models import QuerySet
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.audit_trail import describe_entries
from accounts.models import AuditEntry
from annotation.agreement.scores import select_counted_answers
from annotation.models import Item
from annotation.raters.screening import read_screened_raters
from annotation.shared.text import parse_number

DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Version:
    """The state of a clip; `entry` is the key of the newest act on it, 0 without any."""

    entry: int
    digest: str

    def __str__(self) -> str:
        return f"{self.entry}-{self.digest}"

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read a version as a page or a client sends it; a damaged one equals no version of any clip."""
        entry, _separator, digest = text.partition("-")
        return cls(parse_number(entry) or 0, digest)


class Overtaken(Exception):
    """Somebody acted on the clip after the lead opened it. `events` says what happened, as safe HTML, oldest first."""

    def __init__(self, events: list[SafeString]) -> None:
        self.events = events
        sentences = [_("The clip has changed since you opened it."), *(unescape(strip_tags(event)) for event in events)]
        super().__init__(" ".join(sentences))


def read_version(item: Item) -> Version:
    """Return the present version of a clip. Three queries."""
    newest = list_entries(item).order_by("-pk").values_list("pk", flat=True).first()
    answers = select_counted_answers(item.campaign).filter(revision__rating__item=item)
    counted = answers.exclude(revision__rating__rater__in=read_screened_raters(item.campaign))
    revisions = sorted(set(counted.values_list("revision", flat=True)))
    state = f"{item.availability}|{item.clip.version}|{revisions}"
    return Version(newest or 0, hashlib.sha256(state.encode()).hexdigest()[:DIGEST_LENGTH])


def list_entries(item: Item) -> QuerySet[AuditEntry]:
    """Return the acts on a clip in the audit trail."""
    return AuditEntry.objects.filter(target_type=item._meta.label_lower, target_id=str(item.pk))


def make_overtaken(entries: Iterable[AuditEntry]) -> Overtaken:
    """Return the error that says what these entries did; without any, ratings have changed."""
    events = [row.sentence for row in describe_entries(entries)]
    return Overtaken(events or [SafeString(_("Its ratings have changed, or which of them count."))])
