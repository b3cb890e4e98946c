"""A clip of a release is traced to its ratings, drafts and reviews, and a rating to the releases that hold it."""

import json

import pytest
from django.test import Client

from annotation.agreement import reviews
from annotation.models import Campaign, Draft, Item, Rating, Slot
from datasets.models import Release
from datasets.services.lineage import list_holdings, read_lineage
from datasets.services.policy import ReleasePolicy
from datasets.services.pseudonyms import make_pseudonym
from datasets.services.releases import build_release, locate_release
from datasets.services.withdrawal import withdraw_release
from qsave.axes import AXES
from qsave.release.encoding import ReleaseError
from tests.annotation import factories
from tests.datasets.world import engineer, rated_campaign

pytestmark = pytest.mark.django_db
POLICY = ReleasePolicy(media="none", allow_small_splits=True)


@pytest.fixture
def campaign() -> Campaign:
    """Three people have rated every clip, and a fourth rating of each is wanted."""
    return rated_campaign(2, 1, 1, overlap=4)


@pytest.fixture
def item(campaign: Campaign) -> Item:
    return Item.objects.select_related("clip", "campaign").get(clip__clip_id="train-00")


def freeze(campaign: Campaign, name: str = "spring") -> Release:
    return build_release(actor=engineer(), campaign=campaign, name=name, policy=POLICY)


def test_a_clip_leads_to_its_ratings_and_to_what_happened_before_the_freeze(campaign: Campaign, item: Item) -> None:
    rating = Rating.objects.filter(item=item).order_by("pk")[0]
    Slot.objects.filter(pk=rating.slot_id).update(kind=Slot.Kind.GOLD)
    review = reviews.review(actor=campaign.created_by, item=item, card=factories.make_card(), note="")
    draft = factories.make_draft(item)
    release = freeze(campaign)
    factories.revise(rating, answers=factories.make_answers(dict.fromkeys(AXES, 5)))
    Draft.objects.create(item=item, critic="later@1", proposal={}, text="")

    lineage = read_lineage(release, "train-00")
    assert lineage.item == item
    rows = {one.row["rater"]: one for one in lineage.ratings}
    frozen = rows[make_pseudonym(campaign, rating.rater.uuid)]
    assert (frozen.row["revision"], frozen.is_edited_since) == (1, True)
    assert frozen.row["not_counted_because"] == "a check against known scores"
    assert sum(one.is_edited_since for one in lineage.ratings) == 1
    assert sum(one.row["counted"] for one in lineage.ratings) == 2
    assert [one.critic for one in lineage.drafts] == [draft.critic]
    assert [one.created_at for one in lineage.reviews] == [review.created_at]
    assert {target["axis"] for target in lineage.frozen.targets} == set(AXES)


def test_a_clip_that_was_left_out_says_why_and_an_unknown_one_is_not_known(campaign: Campaign) -> None:
    Rating.objects.filter(item__clip__clip_id="train-01").update(critic_active=False)
    Slot.objects.filter(item__clip__clip_id="train-01").update(kind=Slot.Kind.GOLD)
    release = freeze(campaign)
    left_out = read_lineage(release, "train-01").frozen
    assert (left_out.clip, left_out.is_known) == (None, True)
    assert left_out.left_out[0]["reason"] == "no rating that counts"
    assert not read_lineage(release, "nowhere").frozen.is_known


def test_a_rating_leads_to_the_releases_that_hold_it(campaign: Campaign) -> None:
    first = freeze(campaign)
    late = factories.make_user()
    slot = factories.claim(late, campaign)
    item = slot.item
    factories.submit(late, slot)
    second = freeze(campaign, "summer")
    withdrawn = freeze(campaign, "autumn")
    withdraw_release(actor=engineer(), release=withdrawn, reason="Old.")

    holdings = {holding.release: holding for holding in list_holdings(item)}
    assert set(holdings) == {first, second}
    rating = Rating.objects.get(rater=late)
    assert rating.pk in holdings[second].ratings
    assert rating.pk not in holdings[first].ratings
    assert set(holdings[first].ratings) == set(
        Rating.objects.filter(item=item).exclude(pk=rating.pk).values_list("pk", flat=True)
    )
    (locate_release(first) / "ratings.parquet").write_bytes(b"no parquet")
    assert [holding.release for holding in list_holdings(item)] == [second]
    with pytest.raises(ReleaseError, match="Verify the release"):
        read_lineage(first, item.clip.clip_id)


def test_the_pages_and_the_api_say_the_same_to_those_who_may_see_it(campaign: Campaign, item: Item) -> None:
    freeze(campaign)
    rater = Rating.objects.filter(item=item)[0].rater
    pseudonym = make_pseudonym(campaign, rater.uuid)
    of_release, of_clip = "/releases/1/clip?id=train-00", f"/campaigns/{campaign.name}/items/{item.pk}/releases"
    api = ("/api/releases/1/clips/train-00", f"/api/campaigns/{campaign.name}/items/{item.pk}/releases")

    client = Client()
    client.force_login(engineer())
    page = client.get(of_release).content.decode()
    assert pseudonym in page
    assert f"<bdi>{rater}</bdi>" not in page
    assert of_release in client.get(of_clip).content.decode()
    lineage = client.get(api[0]).json()
    assert pseudonym in {rating["rater"] for rating in lineage["ratings"]}
    assert rater.username not in json.dumps(lineage)
    assert client.get("/releases/1/clip?id=nowhere").status_code == 404
    assert client.get("/api/releases/1/clips/nowhere").status_code == 404
    assert client.get("/releases/1/clip").status_code == 200

    client.force_login(factories.make_lead())
    page = client.get(of_clip).content.decode()
    assert f"<bdi>{rater}</bdi>" in page
    assert of_release not in page
    assert len(client.get(api[1]).json()[0]["ratings"]) == 3
    assert [client.get(path).status_code for path in (of_release, api[0])] == [403, 403]

    client.force_login(factories.make_user())
    assert [client.get(path).status_code for path in (of_clip, api[1])] == [403, 403]
