"""The home page: what needs a person, and what is under way.

The home page is in this package, but only higher packages know what it says. Each of them therefore has a module
`home_cards` with functions marked `@home_part`, and `@home_stamp`. This package loads those modules when the site
starts, and imports nothing from higher packages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from time import time

from django.utils.translation import get_language

from accounts.models import AuditEntry, Role, User

MAX_NEEDS = 30
"""The most lines that the page shows; the others appear when some of these are settled."""
STAMP_SECONDS = 60
"""How long a stamp of the page holds at most. What no stamp watches, such as the passing of time, appears after it."""


class Urgency(IntEnum):
    """How soon a line needs somebody; the page lists the most urgent first."""

    BROKEN = 0
    WAITING = 1
    READY = 2


@dataclass(frozen=True, slots=True)
class HomeLine:
    """One thing that needs a person, or that they should know: its kind in a word or two, a sentence, and a link
    if something can be done."""

    kind: str
    text: str
    url: str = ""
    action: str = ""
    urgency: Urgency = Urgency.READY
    note: str = ""
    """More on it, for example the error of a job."""

    @property
    def tone(self) -> str:
        """The badge of the kind: bad, warn or info."""
        return {Urgency.BROKEN: "bad", Urgency.WAITING: "warn"}.get(self.urgency, "info")


@dataclass(frozen=True, slots=True)
class HomeCard:
    """One piece of work under way: a heading, a line on its state, and a link."""

    title: str
    text: str
    url: str
    action: str
    share: float | None = None
    """The share that is done, 0..1, if there is one."""


@dataclass(frozen=True, slots=True)
class HomeSection:
    """The cards and lines of one kind of work. Without any, it shows `empty`, or is hidden if `empty` is not set."""

    title: str
    cards: tuple[HomeCard, ...] = ()
    lines: tuple[HomeLine, ...] = ()
    empty: str = ""
    order: int = 0

    @property
    def is_hidden(self) -> bool:
        return not (self.cards or self.lines or self.empty)


@dataclass(frozen=True, slots=True)
class HomePart:
    """What one package says on the home page: lines that need this person, and sections.

    `calm` says what is under way if nothing needs the person.
    """

    needs: tuple[HomeLine, ...] = ()
    sections: tuple[HomeSection, ...] = ()
    calm: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """The home page of one person: the most urgent lines, how many more there are, and the sections.

    `calm` is what to say if no line is there; empty for people whom no line can need.
    """

    needs: tuple[HomeLine, ...]
    more_needs: int
    calm: str
    sections: tuple[HomeSection, ...]


Provider = Callable[[User], HomePart]
StampReader = Callable[[User], object]
_providers: list[tuple[Role, Provider]] = []
_stamp_readers: list[StampReader] = []


def home_part(role: Role) -> Callable[[Provider], Provider]:
    """Register a part of the home page of everybody with `role` or a higher one."""

    def register(provider: Provider) -> Provider:
        _providers.append((role, provider))
        return provider

    return register


def home_stamp(read: StampReader) -> StampReader:
    """Register what changes when a package has something new to say. It should take one query."""
    _stamp_readers.append(read)
    return read


def read_home_stamp(user: User) -> str:
    """Return a text that is the same as long as the person's home page is, for a fraction of the page's queries."""
    stamps = [read(user) for read in _stamp_readers]
    values = (user.pk, user.role, get_language(), int(time()) // STAMP_SECONDS, stamps)
    return sha256(repr(values).encode()).hexdigest()


@home_stamp
def read_newest_audit_entry(user: User) -> object:
    return AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first()


def read_home(user: User) -> Home:
    """Return the home page of a person: what needs them, the most urgent first, then the sections by `order`."""
    parts = [provide(user) for role, provide in _providers if user.has_role(role)]
    needs = sorted((line for part in parts for line in part.needs), key=lambda line: line.urgency)
    sections = (section for part in parts for section in part.sections if not section.is_hidden)
    return Home(
        needs=tuple(needs[:MAX_NEEDS]),
        more_needs=max(0, len(needs) - MAX_NEEDS),
        calm=" ".join(part.calm for part in parts if part.calm),
        sections=tuple(sorted(sections, key=lambda section: section.order)),
    )
