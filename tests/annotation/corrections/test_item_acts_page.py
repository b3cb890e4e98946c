"""Acts on clips chosen in the list: what each asks for, what it says afterwards, and the way back."""

import html
import re
from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.item_acts import MAX_ITEMS
from annotation.campaigns.marking import Mark, mark_item, read_mark
from annotation.campaigns.reports import exclude
from annotation.corrections.item_acts_page import ACTS, UNDOS
from annotation.models import Campaign, Item
from annotation.shared.key_lists import write_keys
from tests.annotation.factories import make_campaign, make_clip

pytestmark = pytest.mark.django_db

LONGEST_ADDRESS = 4000  # gunicorn takes 4094 bytes with the method and the version
NAMES = ("one", "two", "three")
LIST = "state=unrated&sort=-spread"
VALUES: dict[str, dict[str, object]] = {
    "exclude": {"reason": "It is a still picture."},
    "return": {"reason": "It moves after all."},
    "gold": {"visual": 4, "alignment": 2.5},
    "plain": {},
    "priority": {"priority": 7},
    "ratings": {"ratings": 4},
    "withdraw": {"reason": "The generator's owner asked for it."},
    "restore": {"reason": "They agree now."},
}
"""What each act is given."""


@pytest.fixture
def items(lead: User) -> list[Item]:
    campaign = make_campaign()
    add_clips(actor=lead, campaign=campaign, clips=[make_clip(name) for name in NAMES])
    return list(Item.objects.select_related("campaign", "clip").order_by("pk"))


def address(campaign: Campaign, act: str, keys: list[int], query: str = LIST) -> str:
    return f"/campaigns/{campaign.name}/items/act?{urlencode({'act': act, 'item': keys, 'list': query}, doseq=True)}"


def do(client: Client, act: str, items: list[Item], **values: object) -> str:
    """Post the act and return the message on the list, which keeps its filters."""
    campaign = items[0].campaign
    answer = client.post(address(campaign, act, [item.pk for item in items]), values or VALUES[act])
    assert answer.headers["Location"] == f"/campaigns/{campaign.name}/items?{LIST}"
    return read_message(client, answer.headers["Location"])


def read_message(client: Client, path: str) -> str:
    (message,) = re.findall(r'<li class="toast.*?</li>', client.get(path).content.decode(), re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", html.unescape(message)).split())


def read(item: Item) -> Item:
    return Item.objects.select_related("summary").get(pk=item.pk)


@pytest.mark.parametrize("act", ACTS)
def test_an_act_asks_acts_and_says_so_and_a_second_time_nothing_changes(
    as_lead: Client, lead: User, items: list[Item], act: str
) -> None:
    if act == "return":
        exclude(actor=lead, item=items[0], reason="Still.")
        exclude(actor=lead, item=items[1], reason="Still.")
    if act == "plain":
        for item in items[:2]:
            mark_item(actor=lead, item=item, mark=Mark.GOLD, scores={"visual": 3})
    page = as_lead.get(address(items[0].campaign, act, [item.pk for item in items[:2]])).content.decode()
    assert str(ACTS[act].title) in html.unescape(page)
    assert "2 clips chosen" in page
    before = AuditEntry.objects.count()
    assert str(ACTS[act].done % {"n": 2}) in do(as_lead, act, items[:2])
    assert AuditEntry.objects.count() == before + 2
    assert "2 clips needed no change." in do(as_lead, act, items[:2])
    assert AuditEntry.objects.count() == before + 2


def test_the_message_leads_to_the_act_that_takes_it_back(as_lead: Client, items: list[Item]) -> None:
    for act in ("exclude", "gold", "priority", "ratings", "withdraw"):
        before = [describe(item) for item in items]
        link = find_undo(as_lead, act, [items[0], items[2]])
        assert before != [describe(item) for item in items]
        assert str((ACTS | UNDOS)[ACTS[act].undo].title) in as_lead.get(link).content.decode()
        answer = as_lead.post(link, VALUES.get(ACTS[act].undo, {}))
        assert answer.headers["Location"] == f"/campaigns/{items[0].campaign.name}/items?{LIST}"
        assert [describe(item) for item in items] == before


def describe(item: Item) -> tuple[object, ...]:
    current = read(item)
    return current.availability, read_mark(current), current.priority, current.summary.slot_count, current.slots.count()


def find_undo(client: Client, act: str, items: list[Item]) -> str:
    """Do an act and return the address that its message leads to."""
    answer = client.post(address(items[0].campaign, act, [item.pk for item in items]), VALUES[act])
    page = client.get(answer.headers["Location"]).content.decode()
    links: list[str] = re.findall(rf'<a href="([^"]*act={ACTS[act].undo}[^"]*)"', html.unescape(page))
    assert len(links) == 1
    return links[0]


def test_an_undo_that_is_not_possible_any_more_says_why(as_lead: Client, lead: User, items: list[Item]) -> None:
    link = find_undo(as_lead, "priority", items)
    mark_item(actor=lead, item=items[0], priority=3)
    message = read_message(as_lead, as_lead.post(link).headers["Location"])
    assert "The priorities of 2 clips are restored." in message
    assert "Left as they are: one The priority of this clip has been changed again since then." in message
    assert "Restore" not in message


@pytest.mark.parametrize("entries", ["", "x", "1", "1.x", "9" * 30, "0.0.0"])
def test_an_undo_without_entries_of_its_act_says_that_no_clip_is_chosen(
    as_lead: Client, items: list[Item], entries: str
) -> None:
    do(as_lead, "exclude", items)
    path = f"/campaigns/{items[0].campaign.name}/items/act?act=restore-priority&entries={entries}"
    for page in (as_lead.get(path), as_lead.post(path)):
        assert "No clip is chosen." in page.content.decode()


def test_an_undo_stays_in_the_campaign_of_its_act(as_lead: Client, items: list[Item]) -> None:
    link = find_undo(as_lead, "priority", items)
    other = make_campaign(name="other")
    page = as_lead.post(link.replace(items[0].campaign.name, other.name, 1))
    assert "No clip is chosen." in page.content.decode()
    assert [read(item).priority for item in items] == [7, 7, 7]


def test_500_clips_and_their_undo_fit_into_an_address(as_lead: Client, lead: User, items: list[Item]) -> None:
    campaign = items[0].campaign
    add_clips(actor=lead, campaign=campaign, clips=[make_clip(f"many{n:03}") for n in range(MAX_ITEMS)])
    keys = [item.pk for item in Item.objects.filter(campaign=campaign).order_by("pk")[:MAX_ITEMS]]
    path = f"/campaigns/{campaign.name}/items/act?act=exclude&items={write_keys(keys)}"
    assert f"{MAX_ITEMS} clips chosen" in as_lead.get(path).content.decode()
    answer = as_lead.post(path, VALUES["exclude"])
    (link,) = re.findall(r'<a href="([^"]*act=undo[^"]*)"', as_lead.get(answer.headers["Location"]).content.decode())
    assert len(link) < LONGEST_ADDRESS
    as_lead.post(html.unescape(link))
    assert Item.objects.filter(availability="available").count() == MAX_ITEMS + 3


def test_clips_that_an_act_leaves_are_named_with_the_reason(as_lead: Client, lead: User, items: list[Item]) -> None:
    scores = {"visual": 3}
    mark_item(actor=lead, item=items[0], mark=Mark.QUALIFICATION, scores=scores)
    exclude(actor=lead, item=items[1], reason="Still.")
    for act in ("gold", "plain"):
        assert "Left as they are: one This is a qualification clip." in do(as_lead, act, items)
        assert read_mark(read(items[0])) == Mark.QUALIFICATION
    message = do(as_lead, "ratings", items)
    assert message.startswith("1 clip gets more ratings.")
    assert "one This is a qualification clip" in message
    assert "two This clip is excluded." in message
    assert "two Write why you return this clip." in do(as_lead, "return", items, reason=" ")


@pytest.mark.parametrize(
    ("act", "values", "words"),
    [
        ("exclude", {"reason": " "}, "This field is required."),
        ("gold", {"visual": ""}, "Give the known score of at least one axis."),
        ("gold", {"visual": "6"}, "Enter a number from 1 to 5."),
        ("priority", {"priority": "x"}, "Enter a whole number"),
        ("ratings", {"ratings": "0"}, "Enter a whole number from 1 to 50."),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(
    as_lead: Client, items: list[Item], act: str, values: dict[str, str], words: str
) -> None:
    page = as_lead.post(address(items[0].campaign, act, [items[0].pk]), values)
    assert page.status_code == 200
    assert words in page.content.decode()
    assert not AuditEntry.objects.filter(action__startswith="item.").exists()


@pytest.mark.parametrize("keys", [[], ["x"], ["-1"], ["²"], [str(2**63)], ["9" * 30]])
def test_without_a_clip_the_page_says_so_and_does_nothing(as_lead: Client, items: list[Item], keys: list[str]) -> None:
    path = f"/campaigns/{items[0].campaign.name}/items/act?{urlencode({'act': 'exclude', 'item': keys}, doseq=True)}"
    for page in (as_lead.get(path), as_lead.post(path, VALUES["exclude"])):
        assert "No clip is chosen." in page.content.decode()
    assert not Item.objects.exclude(availability="available").exists()


def test_clips_of_another_campaign_and_unknown_acts_are_refused(as_lead: Client, items: list[Item]) -> None:
    other = make_campaign(name="other")
    message = as_lead.post(address(other, "exclude", [items[0].pk]), VALUES["exclude"])
    assert "There is no such clip in this campaign." in as_lead.get(message.headers["Location"]).content.decode()
    assert read(items[0]).availability == "available"
    assert as_lead.get(address(other, "delete", [items[0].pk])).status_code == 404


def test_too_many_clips_are_refused_in_words(as_lead: Client, items: list[Item]) -> None:
    keys = [items[0].pk, *range(10_000, 10_000 + MAX_ITEMS)]
    page = as_lead.post(address(items[0].campaign, "exclude", keys), VALUES["exclude"])
    assert f"Choose at most {MAX_ITEMS} clips at once." in page.content.decode()
    assert read(items[0]).availability == "available"


def test_the_way_back_is_always_the_list_of_the_campaign(as_lead: Client, items: list[Item]) -> None:
    path = address(items[0].campaign, "priority", [items[0].pk], "//evil.example/?q=<b>&sort=mos")
    back = as_lead.post(path, VALUES["priority"]).headers["Location"]
    assert back.startswith(f"/campaigns/{items[0].campaign.name}/items?")
