"""The lead's pages of a campaign's clips."""

import html
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import AuditEntry, User
from annotation.agreement import clip_list_page
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.marking import mark_item
from annotation.campaigns.reports import exclude, give_out_again
from annotation.models import Campaign, Item
from annotation.rating import queue
from tests.annotation.factories import (
    claim,
    make_answers,
    make_campaign,
    make_clip,
    make_user,
    skip,
    submit,
)

pytestmark = pytest.mark.django_db


def add_named_clips(campaign: Campaign, lead: User, *names: str) -> dict[str, Item]:
    add_clips(actor=lead, campaign=campaign, clips=[make_clip(name) for name in names])
    return {item.clip.clip_id: item for item in Item.objects.select_related("clip")}


def list_clips(client: Client, campaign: Campaign, **query: str) -> list[str]:
    page = client.get(f"/campaigns/{campaign.name}/items", query)
    assert page.status_code == 200
    return [row.item.clip.clip_id for row in page.context["page"].rows]


def find_link(page: str, name: str) -> str:
    """Return the address of the link with this text."""
    (link,) = re.findall(rf'href="([^"]*)"[^>]*>\s*{name}', page)
    return html.unescape(link)


def test_clips_come_a_page_at_a_time_and_the_address_keeps_filters_and_order(as_lead: Client, lead: User) -> None:
    campaign = make_campaign()
    names = [f"numbered{n:03}" for n in range(120)]
    add_named_clips(campaign, lead, *names)
    path = f"/campaigns/{campaign.name}/items"
    page = as_lead.get(path, {"state": "unrated", "sort": "-clip"})
    assert "120 clips" in page.content.decode()
    assert "Previous clips" not in page.content.decode()
    for expected in (names[69:19:-1], names[19::-1]):
        page = as_lead.get(path + find_link(page.content.decode(), "Next clips"))
        assert [row.item.clip.clip_id for row in page.context["page"].rows] == expected
    assert "Next clips" not in page.content.decode()
    page = as_lead.get(path + find_link(page.content.decode(), "Previous clips"))
    assert page.context["page"].rows[0].item.clip.clip_id == names[69]
    page = as_lead.get(path + find_link(page.content.decode(), "First clips"))
    assert page.context["page"].rows[0].item.clip.clip_id == names[119]
    assert (page.context["filter"].state, page.context["filter"].sort) == ("unrated", "clip")


@pytest.mark.parametrize("sort", ["clip", "-clip", "generator", "-mos", "priority"])
def test_the_list_around_a_clip_has_its_row_and_pages_both_ways(as_lead: Client, lead: User, sort: str) -> None:
    campaign = make_campaign()
    items = add_named_clips(campaign, lead, *[f"numbered{n:03}" for n in range(120)])
    names = sorted(items, reverse=sort == "-clip")
    path = f"/campaigns/{campaign.name}/items"
    for row in (0, 24, 25, 70, 119):
        item = items[names[row]]
        response = as_lead.get(path, {"sort": sort, "at": str(item.pk)})
        page = response.content.decode()
        shown = [row.item.clip.clip_id for row in response.context["page"].rows]
        first = 0 if row < 25 else row - 24
        assert shown == names[first : first + 50]
        (marked,) = re.findall(r'data-item="(\d+)"\s+data-place', page)
        assert int(marked) == item.pk
        if first:
            link = find_link(page, "Previous clips")
            assert "at=" not in link
            earlier = as_lead.get(path + link).context["page"].rows
            assert [row.item.clip.clip_id for row in earlier] == names[max(0, first - 50) : first] or first < 50
        if first + 50 < 120:
            later = as_lead.get(path + find_link(page, "Next clips")).context["page"].rows
            assert later[0].item.clip.clip_id == names[first + 50]


def test_the_list_around_a_clip_that_it_leaves_out_marks_the_row_in_its_place(as_lead: Client, lead: User) -> None:
    campaign = make_campaign()
    items = add_named_clips(campaign, lead, "one", "two", "three")
    path = f"/campaigns/{campaign.name}/items"
    for name, in_place in (("one", "two"), ("two", "three"), ("three", "two")):
        exclude(actor=lead, item=items[name], reason="Broken.")
        page = as_lead.get(path, {"state": "unrated", "at": str(items[name].pk)}).content.decode()
        assert re.findall(r'data-item="(\d+)"\s+data-place', page) == [str(items[in_place].pk)]
        give_out_again(actor=lead, item=items[name], reason="It plays.")
    for unknown in ("", "x", "999999"):
        assert "data-place" not in as_lead.get(path, {"at": unknown}).content.decode()


def test_the_keys_of_a_list_are_those_of_its_filters_in_its_order(
    as_lead: Client, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign()
    items = add_named_clips(campaign, lead, *[f"numbered{n:03}" for n in range(120)])
    path = f"/campaigns/{campaign.name}/items/keys"
    keys = as_lead.get(path, {"q": "numbered0", "sort": "-clip"}).json()["items"]
    assert keys == [items[f"numbered{n:03}"].pk for n in range(99, -1, -1)]
    monkeypatch.setattr(clip_list_page, "MAX_ITEMS", 7)
    assert as_lead.get(path, {"sort": "-clip"}).json()["items"] == [
        items[f"numbered{n}"].pk for n in range(119, 112, -1)
    ]
    page = as_lead.get(path.removesuffix("/keys")).content.decode()
    assert "Choose the first 7 clips of this list" in page
    assert "clips of this list" not in as_lead.get(path.removesuffix("/keys"), {"q": "numbered11"}).content.decode()
    assert Client().get(path).status_code == 302


def test_each_state_lists_its_own(as_lead: Client, lead: User) -> None:
    campaign = make_campaign(overlap=2, disagreement_bound=1)
    items = add_named_clips(campaign, lead, "calm", "disputed", "half", "untouched", "known", "test-piece", "broken")
    mark_item(actor=lead, item=items["known"], mark="gold", scores={"visual": 3})
    mark_item(actor=lead, item=items["test-piece"], mark="qualification", scores={"visual": 3})
    for rater, score in ((make_user("ada"), 1), (make_user("ben"), 4)):
        for _ in range(6):
            slot = queue.claim(rater=rater, campaign=campaign)
            if slot is None:  # the second rater does not get the clip that the first reported
                break
            name = slot.item.clip.clip_id
            if name in ("calm", "disputed") or (name == "half" and score == 1):
                submit(rater, slot, answers=make_answers(3 if name == "calm" else score))
            elif name == "broken" and score == 1:
                skip(rater, slot, kind="broken", reason="It stays black.")
            else:
                skip(rater, slot, kind="skipped", reason="Not for me.")

    assert list_clips(as_lead, campaign, state="rated") == ["calm", "disputed"]
    assert list_clips(as_lead, campaign, state="started") == ["half"]
    assert list_clips(as_lead, campaign, state="unrated") == ["untouched", "known"]
    assert list_clips(as_lead, campaign, state="qualification") == ["test-piece"]
    assert list_clips(as_lead, campaign, state="reported") == ["broken"]
    assert list_clips(as_lead, campaign, spread="2") == ["disputed"]
    assert list_clips(as_lead, campaign, gold="on") == ["known"]
    assert list_clips(as_lead, campaign, rater="ben", sort="-mos") == ["calm", "disputed"]
    assert list_clips(as_lead, campaign, mos_to="1", sort="mos") == ["half"]
    assert list_clips(as_lead, campaign, q="DISP") == ["disputed"]
    page = as_lead.get(f"/campaigns/{campaign.name}/items", {"state": "reported"}).content.decode()
    assert "It stays black." in page
    assert "Not for me." not in page
    assert "Raters have reported 1 clip." in as_lead.get(f"/campaigns/{campaign.name}").content.decode()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"state": "odd"}, "Select a valid choice"),
        ({"rater": "nobody"}, "Nobody has this name."),
        ({"mos_from": "9"}, "Enter a number from 1 to 5."),
        ({"width": "x"}, "Enter a number"),
    ],
)
def test_a_wrong_filter_is_named_and_the_others_apply(
    as_lead: Client, lead: User, query: dict[str, str], words: str
) -> None:
    campaign = make_campaign()
    add_named_clips(campaign, lead, "one", "two")
    page = as_lead.get(f"/campaigns/{campaign.name}/items", query | {"q": "one"})
    assert words in page.content.decode()
    assert [row.item.clip.clip_id for row in page.context["page"].rows] == ["one"]


@pytest.mark.parametrize("position", ["", "x", ",", "1", "x,1", "1,x", f"1,{2**63}", "²,1", "1,1,1"])
@pytest.mark.parametrize("sort", ["clip", "spread", "mos", "generator"])
def test_a_wrong_position_is_the_first_page_or_empty(as_lead: Client, lead: User, sort: str, position: str) -> None:
    campaign = make_campaign(2)
    for name in ("after", "before"):
        list_clips(as_lead, campaign, sort=sort, **{name: position})


@pytest.fixture
def reported_item(lead: User) -> Item:
    """A clip that a rater reported as broken."""
    campaign = make_campaign(overlap=2)
    item = add_named_clips(campaign, lead, "black")["black"]
    rater = make_user("rae")
    slot = claim(rater, campaign)
    skip(rater, slot, kind="broken", reason="It stays black.")
    return item


def test_a_reported_clip_is_given_out_again(as_lead: Client, reported_item: Item) -> None:
    path = f"/campaigns/{reported_item.campaign.name}/items/{reported_item.pk}"
    page = as_lead.get(path).content.decode()
    assert "This clip is held back." in page
    assert list_clips(as_lead, reported_item.campaign, state="reported") == ["black"]
    for _ in range(2):
        assert as_lead.post(f"{path}/give-out").headers["Location"] == path
    assert list_clips(as_lead, reported_item.campaign, state="reported") == []
    page = as_lead.get(path).content.decode()
    assert "resolved by <bdi>lena</bdi>" in page
    assert "held back" not in page
    assert AuditEntry.objects.filter(action="item.given_out_again").count() == 1
    assert queue.claim(rater=make_user(), campaign=reported_item.campaign) is not None


def test_a_clip_is_excluded_with_a_reason_and_taken_back(as_lead: Client, reported_item: Item) -> None:
    path = f"/campaigns/{reported_item.campaign.name}/items/{reported_item.pk}"
    assert "Write why" in as_lead.post(f"{path}/exclude", {"reason": "  "}, follow=True).content.decode()
    as_lead.post(f"{path}/exclude", {"reason": "Gore."})
    page = as_lead.post(f"{path}/exclude", {"reason": "Gore."}, follow=True).content.decode()
    assert "This clip is excluded:" in page
    assert list_clips(as_lead, reported_item.campaign, state="excluded") == ["black"]
    assert list_clips(as_lead, reported_item.campaign, state="reported") == []
    assert "“<bdi>Gore.</bdi>”" in as_lead.get(f"/campaigns/{reported_item.campaign.name}/items").content.decode()
    assert queue.claim(rater=make_user(), campaign=reported_item.campaign) is None
    entry = AuditEntry.objects.get(action="item.excluded")
    before = {"availability": "reported", "reason": ""}
    settled = list(reported_item.skips.values_list("pk", flat=True))
    assert entry.data == {"before": before, "reason": "Gore.", "reports": 1, "settled": settled}
    assert "Write why" in as_lead.post(f"{path}/give-out", follow=True).content.decode()
    as_lead.post(f"{path}/give-out", {"reason": "It is ketchup."})
    assert AuditEntry.objects.get(action="item.given_out_again").data["reason"] == "It is ketchup."
    assert queue.claim(rater=make_user(), campaign=reported_item.campaign) is not None


@pytest.mark.parametrize("action", ["give-out", "exclude"])
def test_only_a_lead_settles_and_only_by_post_and_only_there(as_lead: Client, reported_item: Item, action: str) -> None:
    path = f"/campaigns/{reported_item.campaign.name}/items/{reported_item.pk}/{action}"
    assert as_lead.get(path).status_code == 405
    assert (
        as_lead.post(path.replace(reported_item.campaign.name, make_campaign(1).name), {"reason": "x"}).status_code
        == 404
    )
    as_lead.force_login(make_user())
    assert as_lead.post(path, {"reason": "x"}).status_code == 403
    reported_item.refresh_from_db()
    assert reported_item.availability == "reported"


def test_scores_come_as_a_file(as_lead: Client, lead: User) -> None:
    campaign = make_campaign(order="score")
    add_named_clips(campaign, lead, "one", "two")
    path = f"/campaigns/{campaign.name}/order-scores"
    good = SimpleUploadedFile("s.csv", "\ufeffclip_id,score\none,0.25\n".encode())
    assert "The score of 1 clip changed" in as_lead.post(path, {"scores": good}, follow=True).content.decode()
    assert Item.objects.get(clip__clip_id="one").order_score == 0.25
    for bad, words in (
        (SimpleUploadedFile("s.csv", b"clip_id,score\nthree,1\n"), "no clip \u2068three"),
        (SimpleUploadedFile("s.csv", b"\xff\xfe\x00"), "lacks the column clip_id and score"),
        ("", "Choose a table"),
    ):
        assert words in as_lead.post(path, {"scores": bad}, follow=True).content.decode()


def test_annotators_may_not_open_the_pages(client: Client) -> None:
    campaign = make_campaign(1)
    client.force_login(make_user())
    pk = Item.objects.get().pk
    for path in ("items", f"items/{pk}"):
        assert client.get(f"/campaigns/{campaign.name}/{path}").status_code == 403
    assert client.post(f"/campaigns/{campaign.name}/order-scores").status_code == 403
