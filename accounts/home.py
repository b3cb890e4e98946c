"""What waits for a person on the home page.

The home page stands in this room, and what waits is known by rooms above it. So a room has a module `home_cards` with
functions marked `@home_cards`; this room looks for such modules when the site starts, and imports nothing from above.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from accounts.models import Role, User


@dataclass(frozen=True, slots=True)
class HomeCard:
    """One thing to do: a heading, a line on how it stands, and the link that takes one there."""

    title: str
    text: str
    url: str
    action: str
    share: float | None = None
    """How much of it is done, 0..1, where that can be said."""


@dataclass(frozen=True, slots=True)
class HomeSection:
    """The cards of one kind of work. `empty` says what to do next where there are none."""

    title: str
    cards: tuple[HomeCard, ...]
    empty: str
    order: int = 0


Provider = Callable[[User], HomeSection]
_providers: list[tuple[Role, Provider]] = []


def home_cards(role: Role) -> Callable[[Provider], Provider]:
    """Offers a section to everybody who holds `role` or a higher one."""

    def register(provider: Provider) -> Provider:
        _providers.append((role, provider))
        return provider

    return register


def sections_for(user: User) -> list[HomeSection]:
    """The sections of the home page, in their stated order."""
    found: Iterable[HomeSection] = (provide(user) for role, provide in _providers if user.has_role(role))
    return sorted(found, key=lambda section: section.order)
