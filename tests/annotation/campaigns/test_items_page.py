"""The lead's pages of a campaign's clips."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEntry, User
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.marking import mark_item
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
    return [item.clip.clip_id for item in page.context["items"]]


def test_clips_come_a_page_at_a_time(as_lead: Client, lead: User) -> None:
    campaign = make_campaign()
    names = [f"numbered{n:03}" for n in range(60)]
    add_named_clips(campaign, lead, *names)
    assert list_clips(as_lead, campaign) == names[:50]
    page = as_lead.get(f"/campaigns/{campaign.name}/items").content.decode()
    after = page.split("&amp;after=")[1].split('"')[0]
    assert list_clips(as_lead, campaign, after=after) == names[50:]


def test_each_kind_lists_its_own(as_lead: Client, lead: User) -> None:
    campaign = make_campaign(overlap=2, disagreement_bound=1)
    items = add_named_clips(campaign, lead, "calm", "disputed", "half", "untouched", "known", "test-piece", "broken")
    mark_item(actor=lead, item=items["known"], mark="gold", scores={"visual": 3})
    mark_item(actor=lead, item=items["test-piece"], mark="qualification", scores={"visual": 3})
    for rater, score in ((make_user(), 1), (make_user(), 4)):
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

    assert list_clips(as_lead, campaign, kind="rated") == ["calm", "disputed"]
    assert list_clips(as_lead, campaign, kind="unrated") == ["untouched", "known", "broken"]
    assert list_clips(as_lead, campaign, kind="disagreed") == ["disputed"]
    assert list_clips(as_lead, campaign, kind="gold") == ["known"]
    assert list_clips(as_lead, campaign, kind="qualification") == ["test-piece"]
    assert list_clips(as_lead, campaign, kind="reported") == ["broken"]
    assert list_clips(as_lead, campaign, kind="all", q="DISP") == ["disputed"]
    page = as_lead.get(f"/campaigns/{campaign.name}/items", {"kind": "reported"}).content.decode()
    assert "It stays black." in page
    assert "Not for me." not in page
    assert "Raters have reported 1 clip." in as_lead.get(f"/campaigns/{campaign.name}").content.decode()
    assert as_lead.get(f"/campaigns/{campaign.name}/items", {"kind": "odd"}).status_code == 404


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
    assert list_clips(as_lead, reported_item.campaign, kind="reported") == ["black"]
    for _ in range(2):
        assert as_lead.post(f"{path}/give-out").headers["Location"] == path
    assert list_clips(as_lead, reported_item.campaign, kind="reported") == []
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
    assert list_clips(as_lead, reported_item.campaign, kind="excluded") == ["black"]
    assert list_clips(as_lead, reported_item.campaign, kind="reported") == []
    assert "“<bdi>Gore.</bdi>”" in as_lead.get(f"/campaigns/{reported_item.campaign.name}/items").content.decode()
    assert queue.claim(rater=make_user(), campaign=reported_item.campaign) is None
    entry = AuditEntry.objects.get(action="item.excluded")
    assert entry.data == {"reason": "Gore.", "reports": 1}
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


@pytest.mark.parametrize("clips", [10, 20])
def test_the_list_takes_as_many_queries_with_more_clips(
    as_lead: Client, clips: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = make_campaign(clips)
    with django_assert_num_queries(14):
        assert len(list_clips(as_lead, campaign)) == clips


def test_scores_come_as_a_file(as_lead: Client, lead: User) -> None:
    campaign = make_campaign(order="score")
    add_named_clips(campaign, lead, "one", "two")
    path = f"/campaigns/{campaign.name}/order-scores"
    good = SimpleUploadedFile("s.csv", "\ufeffclip_id,score\none,0.25\n".encode())
    assert "The score of 1 clip changed" in as_lead.post(path, {"scores": good}, follow=True).content.decode()
    assert Item.objects.get(clip__clip_id="one").order_score == 0.25
    for bad, words in (
        (SimpleUploadedFile("s.csv", b"clip_id,score\nthree,1\n"), "no clip \u2068three"),
        (SimpleUploadedFile("s.csv", b"\xff\xfe\x00"), "UTF-8"),
        ("", "Choose a CSV file"),
    ):
        assert words in as_lead.post(path, {"scores": bad}, follow=True).content.decode()


def test_annotators_may_not_open_the_pages(client: Client) -> None:
    campaign = make_campaign(1)
    client.force_login(make_user())
    pk = Item.objects.get().pk
    for path in ("items", f"items/{pk}"):
        assert client.get(f"/campaigns/{campaign.name}/{path}").status_code == 403
    assert client.post(f"/campaigns/{campaign.name}/order-scores").status_code == 403
