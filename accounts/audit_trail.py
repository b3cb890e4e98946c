"""Read the audit trail: a page of entries, newest first, each with a sentence that describes it.

Higher packages know what their acts mean. Each has a module `audit_sentences` that registers a sentence for every act
that it records, and how to name and link the targets. This package loads those modules when the site starts.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from accounts.access import may_open
from accounts.models import AuditEntry, Role, User
from accounts.query_plans import plan_by_values

PAGE_SIZE = 50
BATCH_SIZE = 1000
LONGEST_VALUE = 300

Sentence = str | Promise
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """A kind of entry. `label` names it in the filter.

    `sentence` has %(actor)s, %(target)s, %(campaign)s and the names of the entry's data. It may be a function that
    chooses the sentence by the data, which earlier versions may have stored without some of today's names. `values`
    returns further values for the sentence, made from the data.
    """

    label: Sentence
    sentence: Sentence | Callable[[Data], Sentence]
    values: Callable[[Data], Data] = dict


@dataclass(frozen=True, slots=True)
class Target:
    """What an act was done to, by the name that people know, and the address of its page, if it has one."""

    name: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """The person who acted, the name of a campaign, and an act; empty ones do not limit."""

    person: str = ""
    campaign: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the page shows it."""

    entry: AuditEntry
    sentence: SafeString


@dataclass(frozen=True, slots=True)
class Page:
    """A page of rows, newest first, and the keys from which the newer and the older page are read, if there are any."""

    rows: list[Row]
    newer: int | None
    older: int | None


TargetReader = Callable[[Collection[str]], Mapping[str, Target]]
CampaignLister = Callable[[], Iterable[tuple[str, str]]]
_acts: dict[str, Act] = {}
_target_readers: dict[str, TargetReader] = {}
_campaign_listers: list[CampaignLister] = []


def register_acts(acts: Mapping[str, Act]) -> None:
    """Register the sentences of acts, by action."""
    _acts.update(acts)


def register_target_reader(label: str) -> Callable[[TargetReader], TargetReader]:
    """Register how to read the targets of a model by their keys, in one query. A deleted target may be missing."""

    def register(read: TargetReader) -> TargetReader:
        _target_readers[label] = read
        return read

    return register


def register_campaign_lister(lister: CampaignLister) -> CampaignLister:
    """Register a function that lists the campaigns of the filter, as (name, title)."""
    _campaign_listers.append(lister)
    return lister


def list_acts() -> list[tuple[str, Sentence]]:
    """Return the acts of the filter, as (action, label), by label."""
    return sorted(((action, act.label) for action, act in _acts.items()), key=lambda row: str(row[1]).casefold())


def list_campaigns() -> list[tuple[str, str]]:
    return [row for lister in _campaign_listers for row in lister()]


def find_act(action: str) -> Act | None:
    return _acts.get(action)


@plan_by_values()
def read_page(filters: Filters, *, role: Role = Role.LEAD, before: int | None = None, after: int | None = None) -> Page:
    """Return a page for people with `role`: the newest entries, or those just before or just after a key.

    One query for the entries, one for the person of the filter, and one for each kind of target on the page.
    """
    entries = _filter(filters)
    if after is not None:
        fetched = list(entries.filter(pk__gt=after).order_by("pk")[: PAGE_SIZE + 1])
        rows, has_more = fetched[:PAGE_SIZE][::-1], len(fetched) > PAGE_SIZE
        has_newer, has_older = has_more, bool(rows)
    else:
        fetched = list((entries if before is None else entries.filter(pk__lt=before)).order_by("-pk")[: PAGE_SIZE + 1])
        rows, has_more = fetched[:PAGE_SIZE], len(fetched) > PAGE_SIZE
        has_newer, has_older = before is not None and bool(rows), has_more
    return Page(
        describe_entries(rows, role=role), rows[0].pk if has_newer else None, rows[-1].pk if has_older else None
    )


def read_entries(filters: Filters) -> Iterator[tuple[AuditEntry, Target | None]]:
    """Yield all entries with their targets, newest first. Holds one batch in memory; as many queries a batch as a page.

    Entries written meanwhile are not among them.
    """
    before = None
    while batch := _read_batch(filters, before):
        targets = _read_targets(batch)
        for entry in batch:
            yield entry, targets.get((entry.target_type, entry.target_id))
        before = batch[-1].pk


@plan_by_values()
def _read_batch(filters: Filters, before: int | None) -> list[AuditEntry]:
    entries = _filter(filters)
    entries = entries if before is None else entries.filter(pk__lt=before)
    return list(entries.order_by("-pk")[:BATCH_SIZE])


def _filter(filters: Filters) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.select_related("actor")
    if filters.person:
        person = User.objects.named(filters.person).first()
        entries = entries.filter(actor=person) if person else entries.none()
    if filters.campaign:
        entries = entries.filter(campaign=filters.campaign)
    if filters.action:
        entries = entries.filter(action=filters.action)
    return entries


def describe_entries(entries: Iterable[AuditEntry], *, role: Role = Role.LEAD) -> list[Row]:
    """Return each entry with its sentence. One query for each kind of target.

    A target is a link where people with `role` may open its page.
    """
    entries = list(entries)
    targets = _read_targets(entries)
    return [
        Row(entry, _make_sentence(entry, targets.get((entry.target_type, entry.target_id)), role)) for entry in entries
    ]


def _read_targets(entries: Iterable[AuditEntry]) -> dict[tuple[str, str], Target]:
    keys: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        keys[entry.target_type].add(entry.target_id)
    return {
        (label, key): target
        for label, wanted in keys.items()
        if label in _target_readers
        for key, target in _target_readers[label](wanted).items()
    }


def _make_sentence(entry: AuditEntry, target: Target | None, role: Role) -> SafeString:
    act = _acts.get(entry.action)
    sentence = act.sentence if act else _("%(actor)s: %(action)s, %(target)s.")
    if callable(sentence):
        sentence = sentence(entry.data)
    data = {**entry.data, **(act.values(entry.data) if act else {})}
    values = {name: _format_value(value) for name, value in data.items()}
    values |= {
        "actor": format_html("<strong><bdi>{}</bdi></strong>", entry.actor or _("The site")),
        "action": _format_value(entry.action),
        "target": _link(target or Target(f"#{entry.target_id}"), role),
        "campaign": _format_value(entry.campaign),
    }
    return mark_safe(escape(sentence) % defaultdict(lambda: "–", values))  # noqa: S308 - every part is escaped


def _link(target: Target, role: Role) -> SafeString:
    if not target.url or not may_open(role, target.url):
        return format_html("<bdi>{}</bdi>", target.name)
    return format_html('<a href="{}"><bdi>{}</bdi></a>', target.url, target.name)


def _format_value(value: object) -> SafeString:
    return format_html("<bdi>{}</bdi>", _describe(value)[:LONGEST_VALUE])


def _describe(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return ", ".join(f"{str(name).replace('_', ' ')}: {_describe(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_describe, value))
    return str(value)
