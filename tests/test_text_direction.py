"""Text that people wrote reads in its own direction, whatever the language of the page.

Every text of people in the database becomes Arabic; then no page may show a piece of it from the left.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from django.db.models import CharField, F, Model, Value
from django.db.models.functions import Cast, Concat
from django.test import Client

from accounts.models import ApiToken, Invitation, Role, User
from annotation.models import (
    AxisAnswer,
    Campaign,
    Clip,
    Guideline,
    GuidelineExample,
    Item,
    Panel,
    Review,
    Skip,
)
from datasets.models import Release
from tests.browser.site_world import STRANGER, World, build_world

WORD = "مرحبا"
TEXTS: dict[type[Model], tuple[str, ...]] = {
    ApiToken: ("name",),
    AxisAnswer: ("reason",),
    Campaign: ("title",),
    Clip: ("prompt", "generator", "content_warning"),
    Guideline: ("text",),
    GuidelineExample: ("note",),
    Invitation: ("note",),
    Item: ("feedback", "exclusion_reason"),
    Panel: ("name",),
    Release: ("name",),
    Review: ("note",),
    Skip: ("reason",),
    User: ("display_name",),
}
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
TYPED = {"text", "search"}
ISOLATED = re.compile("\u2068.*?\u2069")
UNSEEN = {"title", "script", "style"}


@dataclass
class Element:
    """An element of a page with its text and its children, in order."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    parent: "Element | None" = None
    content: list["Element | str"] = field(default_factory=list)

    @property
    def is_isolated(self) -> bool:
        return "dir" in self.attributes or self.tag == "bdi"

    def walk(self) -> Iterator["Element"]:
        yield self
        for child in self.content:
            if isinstance(child, Element):
                yield from child.walk()

    def own_text(self) -> str:
        """The text that decides on the direction: without parts that have one of their own."""
        return "".join(
            piece if isinstance(piece, str) else "" if piece.is_isolated else piece.own_text() for piece in self.content
        )

    def reads_from_the_right(self) -> bool:
        if not self.is_isolated:
            return self.parent is not None and self.parent.reads_from_the_right()
        kinds = (unicodedata.bidirectional(sign) for sign in self.own_text())
        return next((kind for kind in kinds if kind in {"L", "R", "AL"}), "L") != "L"


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = self._open = Element("document")
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), self._open)
        self._open.content.append(element)
        if tag not in VOID:
            self._open = element

    def handle_endtag(self, tag: str) -> None:
        at: Element | None = self._open
        while at is not None and at.tag != tag:
            at = at.parent
        if at is not None and at.parent is not None:
            self._open = at.parent

    def handle_data(self, data: str) -> None:
        self._open.content.append(data)


def wrong_direction(html: str) -> Iterator[str]:
    """Pieces of people's text that read from the left, and controls that would show it so."""
    for element in Page(html).root.walk():
        if element.tag in UNSEEN or "visually-hidden" in (element.attributes.get("class") or ""):
            continue
        for piece in element.content:
            if isinstance(piece, str) and WORD in ISOLATED.sub("", piece) and not element.reads_from_the_right():
                yield f"<{element.tag}> {' '.join(piece.split())}"
        kind = element.attributes.get("type") or "text"
        is_typed = element.tag == "textarea" or (element.tag == "input" and kind in TYPED)
        if is_typed and "hidden" not in element.attributes and element.attributes.get("dir") != "auto":
            yield f"<{element.tag} name={element.attributes.get('name')}>"


@pytest.fixture
def arabic_world(db: None) -> World:
    world = build_world()
    item = Item.objects.order_by("pk")[0]
    Skip.objects.create(item=item, rater=world.people[Role.ANNOTATOR], kind=Skip.Kind.FLAGGED, reason="Look at it")
    Item.objects.filter(pk=item.pk).update(availability=Item.Availability.EXCLUDED, exclusion_reason="Not for raters")
    for model, names in TEXTS.items():
        for name in names:
            label = f"{WORD} {model.__name__}.{name} "
            rows = (
                model._default_manager.all()
                if name != "exclusion_reason"
                else Item.objects.exclude(exclusion_reason="")
            )
            rows.update(**{name: Concat(Value(label), Cast(F("pk"), CharField()))})
    for campaign in Campaign.objects.all():
        campaign.taxonomy = [defect | {"label": f"{WORD} {defect['id']}"} for defect in campaign.taxonomy]
        campaign.save(update_fields=["taxonomy"])
    return world


def test_every_page_shows_what_people_wrote_in_its_own_direction(arabic_world: World) -> None:
    seen: set[str] = set()
    wrong: list[str] = []
    for who in {*arabic_world.people, STRANGER}:
        client = Client()
        if who != STRANGER:
            client.force_login(arabic_world.people[who])
        for path in arabic_world.pages.list_paths(who):
            html = client.get(path).content.decode()
            seen |= set(re.findall(rf"{WORD} (\w+\.\w+)", html))
            wrong += [f"{path}: {words}" for words in wrong_direction(html)]
    assert not wrong, "\n".join(sorted(set(wrong)))
    missed = {f"{model.__name__}.{name}" for model, names in TEXTS.items() for name in names} - seen
    assert missed == set()
