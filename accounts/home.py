"""The cards of the home page: what a person can do next.

The home page is in this package, but only higher packages know what its cards say. Each of them therefore has a module
`home_cards` with functions marked `@home_cards`. This package loads those modules when the site starts, and imports
nothing from higher packages.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from accounts.models import Role, User


@dataclass(frozen=True, slots=True)
class HomeCard:
    """One thing to do: a heading, a line on its state, and a link."""

    title: str
    text: str
    url: str
    action: str
    share: float | None = None
    """The share that is done, 0..1; None if the card shows no share."""


@dataclass(frozen=True, slots=True)
class HomeSection:
    """The cards of one kind of work. `empty` says what to do next if there are none.

    Sections of the same `order` are one: the title and `empty` of the first stand above the cards of all.
    """

    title: str
    cards: tuple[HomeCard, ...]
    empty: str
    order: int = 0


NEEDS_LEAD = -10
"""The order of the section of what needs a lead, which comes first. Every package adds its cards to it."""

Provider = Callable[[User], HomeSection]
_providers: list[tuple[Role, Provider]] = []


def home_cards(role: Role) -> Callable[[Provider], Provider]:
    """Register a section for everybody with `role` or a higher one."""

    def register(provider: Provider) -> Provider:
        _providers.append((role, provider))
        return provider

    return register


def list_sections(user: User) -> list[HomeSection]:
    """Return the sections of a person's home page, by `order`, without those that have nothing to say."""
    sections: Iterable[HomeSection] = (provide(user) for role, provide in _providers if user.has_role(role))
    by_order = groupby(sorted(sections, key=lambda section: section.order), key=lambda section: section.order)
    merged = [_merge(list(group)) for _order, group in by_order]
    return [section for section in merged if section.cards or section.empty]


def _merge(sections: list[HomeSection]) -> HomeSection:
    cards = tuple(card for section in sections for card in section.cards)
    title = next((section.title for section in sections if section.title), "")
    empty = next((section.empty for section in sections if section.empty), "")
    return HomeSection(title, cards, empty, sections[0].order)
